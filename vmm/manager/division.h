/*
 * The division of the host among the guests, in force: the plan (vmm/plan/plan.h) of the guests that run or
 * shall run, carried out on their definitions, threads and cgroups.
 *
 * A guest gets its numbers before it starts. When another one comes or goes, what can change under a running
 * guest changes at once (its CPUs, its weight) or as soon as it has given it back (memory, memory_share.h);
 * the rest holds from its next start on. Loop thread only.
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"
#include "vmm/manager/guest.h"

struct manager;

/* Whether these guests would fit: those that run, that shall run, and `more` (NULL: no other). -ENOSPC and
 * -EINVAL as plan_make. */
int division_check(struct manager *manager, const struct guest_definition *more, struct error *err);
/* Whether the guest could start now, as plan_check_start: others are told to give back what it waits for as
 * soon as it does (LIFE_WAITING). */
int division_room(struct managed_guest *guest, bool waits, struct error *err);
/* Whether a guest that runs could have what its definition now wants; -ENOSPC. */
int division_fits(struct managed_guest *guest, struct error *err);
/* Ordinary memory, in MiB, that no running guest has. */
int division_free(struct manager *manager, uint64_t *free_mib, struct error *err);
/* Gives the guest its numbers; it is about to start. -ENOSPC: it does not fit beside what runs. */
int division_give(struct managed_guest *guest, struct error *err);
/* Moves the running guests to where they now belong. What cannot be done is logged. */
void division_apply(struct manager *manager);
/* The plan, as JSON (vmm/plan/report.h), with what it would change; NULL and a sentence. The caller frees it.
 */
cJSON *division_describe(struct manager *manager, struct error *err);
