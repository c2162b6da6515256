/*
 * Where a guest's threads run on the host: sched_setaffinity(2) by its placement (vmm/config/wants.h).
 *
 * A guest process begins with placement_enter, before it has threads, and makes each vCPU's thread with the
 * attributes of placement_vcpu_attributes, so that no instruction of a guest runs elsewhere. Whoever may (the
 * manager: root, or the same user) changes it later from outside with placement_apply, which finds the
 * threads by their names:
 *
 *      "vcpu N"                the vCPU threads, each on its pin, if there are pins
 *      all others              those of the emulator pin, or the guest's CPUs: loops, disks ("disk N"),
 * "display", and KVM's own workers for it
 *
 * The weight is the guest's control group's. Where that has a cpuset too, it is set first: a kernel
 * before 6.2 puts the threads on all of a cpuset that changes.
 */
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include "common/error.h"
#include "vmm/config/wants.h"

/* The names; 16 bytes with the end, prctl(2). */
void placement_name_vcpu(unsigned index);
void placement_name_disk(unsigned index);
void placement_name_display(void);

/* The calling thread, and all that it makes from now on. `guest` is for the sentence. */
int placement_enter(const struct guest_placement *placement, const char *guest, struct error *err);
/* Sets the affinity of a vCPU's thread in attributes, if it has its own; a negative errno. */
int placement_vcpu_attributes(const struct guest_placement *placement, unsigned index,
			      pthread_attr_t *attributes);

/*
 * Moves all threads of process pid. vCPUs beyond the placement's pins run on all its CPUs. -ESRCH: the
 * process has ended. May be called at any time and again; threads that come or go meanwhile are found or
 * passed over.
 */
int placement_apply(pid_t pid, const struct guest_placement *placement, const char *guest, struct error *err);
