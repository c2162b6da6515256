/*
 * The division of the host among the guests, in force: the plan (vmm/plan/plan.h) of the guests that run or
 * shall run, carried out on their definitions, threads and cgroups.
 *
 * A guest gets its numbers before it starts. When another one comes or goes, what can change under a running
 * guest (its CPUs, its weight) changes at once; the rest holds from its next start on. Loop thread only.
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"
#include "vmm/manager/guest.h"

struct manager;

/* Whether these guests would fit: those that run, that shall run, and `more` (NULL: no other). -ENOSPC and
 * -EINVAL as plan_make. */
int division_check(struct manager *manager, const struct guest_definition *more, struct error *err);
/* Gives the guest its numbers; it is about to start. -ENOSPC: it does not fit beside what runs. */
int division_give(struct managed_guest *guest, struct error *err);
/* Moves the running guests to where they now belong. What cannot be done is logged. */
void division_apply(struct manager *manager);
/* The plan, as JSON (vmm/plan/report.h), with what it would change; NULL and a sentence. The caller frees it.
 */
cJSON *division_describe(struct manager *manager, struct error *err);
