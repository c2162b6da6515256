/*
 * A machine from the inside, for the files that it is made of (machine.h is for everybody else):
 *
 *      machine.c           the whole: how it is made, paused and ended
 *      machine_vcpus.c     the vCPUs' threads, and what they reach
 *      machine_cpus.c      vCPUs that come and go
 *      machine_watchdog.c  the watchdog, and what follows when it expires
 *      machine_live.c      disks and network cards that change while it runs
 *      machine_counters.c  what it has done so far
 *
 * Fields belong to the loop's thread where nothing else is said.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "hypervisor/kvm/vcpu.h"
#include "vmm/guest/machine.h"
#include "vmm/guest/machine_devices.h"

struct machine_vcpu {
	struct vcpu vcpu;
	struct vcpu_io io;
	pthread_t thread; /* while it runs */
	struct machine *machine;
	atomic_bool parked; /* it is not there: its thread waits */
	bool created;
	bool running;
};

struct machine {
	struct machine_config config;
	struct kvm kvm;
	struct vm vm;
	struct guest_memory memory;
	struct machine_devices devices;
	struct boot_marks marks;
	struct machine_events events;

	struct boot_entry entry;
	unsigned vcpu_count;
	struct machine_vcpu *vcpus;

	/* How it ended: whoever sets `end` first writes `why`, then rings. */
	_Atomic(enum machine_end) end;
	atomic_bool stopping;
	struct error why;
	atomic_bool panicked;                /* said its kernel, and the vCPU that said so has to act on it */
	atomic_bool watchdog_expired;        /* and the first vCPU has to end the machine */
	char registers[VCPU_STATE_TEXT_MAX]; /* of the vCPU that crashed */
	struct loop_source ended;            /* eventfd */

	pthread_mutex_t pause_lock;
	pthread_cond_t pause_over;
	atomic_bool paused;
};

/* Any thread; the first end counts. */
void machine_finish(struct machine *machine, enum machine_end end, const char *why);

/* The first vCPU is put at the machine's entry. */
int machine_vcpus_create(struct machine *machine, struct error *err);
int machine_vcpus_start(struct machine *machine, struct error *err);
/* Has each that runs leave the guest. Any thread. */
void machine_vcpus_kick(struct machine *machine);
/* Whether it is to run, from its next return to its thread on. Any thread. */
void machine_vcpu_park(struct machine *machine, unsigned index, bool parked);
/* Ends those that run, and waits for them. */
void machine_vcpus_join(struct machine *machine);
