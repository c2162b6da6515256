/*
 * vCPUs that come and go while a guest runs (vmm/guest/machine_cpus.h). The plan is asked first when there
 * are to be more; what counts in it, and which CPUs the guest has, follows what its process tells. Its
 * definition stays as it is: the next start begins with that. Part of guest.c; one change at a time. Loop
 * thread only.
 */
#pragma once

#include "vmm/manager/guest.h"

/* How many it has now. */
unsigned guest_vcpus(const struct managed_guest *guest);
/* Begins it; the number by which guest_vcpus_outcome knows it, from 1 on, or a negative errno: -EOPNOTSUPP:
 * they do not come and go in this guest; -EINVAL: not so many; -ENOSPC: the plan has no room; -EBUSY. */
int64_t guest_set_vcpus(struct managed_guest *guest, unsigned count, struct error *err);
/* -EINPROGRESS: it is under way. 0: it was done. Else a negative errno with a sentence. */
int guest_vcpus_outcome(const struct managed_guest *guest, uint64_t number, struct error *err);
/* What there is to say of the last one that was done; "": nothing. */
const char *guest_vcpus_remark(const struct managed_guest *guest);

/* --- Called by the guest's other files --- */

/* It starts: with as many as its definition says. */
void guest_vcpus_begin(struct managed_guest *guest);
/* For its record, and from there: how many a former manager counted. */
void guest_vcpus_note(const struct managed_guest *guest, cJSON *numbers);
void guest_vcpus_adopt(struct managed_guest *guest);
/* Its process tells how many there are; more than the plan counts are not believed. */
void guest_vcpus_heard(struct managed_guest *guest, unsigned count);
/* A change has ended; why: "", or why not all of it was done. */
void guest_vcpus_set(struct managed_guest *guest, unsigned count, const char *why);
/* Its process has ended. */
void guest_vcpus_end(struct managed_guest *guest);
