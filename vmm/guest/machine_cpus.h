/*
 * vCPUs that come to a running machine and go from it, over ACPI (devmodel/cpu_hotplug.h). All are made at
 * the start, with their threads: nothing has to be opened later, and the jail stays as it is. One that is not
 * there is parked: its thread sleeps outside of KVM_RUN, whatever the guest sends to its APIC.
 *
 *      comes     its thread goes on, to wait for the guest's start-up IPI; the guest is told, and answers
 * (_OST) goes      the guest is asked; it stops using it, and ejects it: its thread is parked
 *
 * A kernel without hot plug may say that it took one, and never start it (Linux does): that is told.
 * A guest that says no, or nothing for CPUS_ANSWER_S seconds, keeps what it has: one that it has not taken is
 * parked again. It may eject what nobody asked for, and then has less. The first vCPU stays.
 *
 * Part of machine_devices.c; the loop's thread, but for what vCPUs reach through the bus.
 */
#pragma once

#include <stdatomic.h>

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/cpu_hotplug.h"
#include "vmm/guest/machine_virtio.h"

#define CPUS_ANSWER_S 10
#define CPUS_START_S  1 /* how long a guest that took them may have to start them before that is said */

struct machine;
struct machine_devices;

/* What is under way with one of them. */
enum cpu_change {
	CPU_STAYS,
	CPU_COMES,
	CPU_GOES,
};

enum cpu_answer {
	CPU_SILENT,
	CPU_AGREED,
	CPU_REFUSED,
};

struct machine_cpus {
	struct cpu_hotplug hotplug;
	struct irqfd_line irq;
	struct loop_source
		changed; /* eventfd: a vCPU was ejected, or the guest answered; -1: none comes or goes */
	struct loop_timer clock; /* while a change is under way */
	unsigned ticks;          /* of it, */
	unsigned agreed;         /* and when the guest had agreed to all; 0: not yet */
	bool busy;
	_Atomic(enum cpu_change) changes[CPU_HOTPLUG_CPUS];
	_Atomic(enum cpu_answer) answers[CPU_HOTPLUG_CPUS];
};

/* Of a definition that says how many there are at first. */
int machine_cpus_make(struct machine_devices *devices, struct error *err);
void machine_cpus_close(struct machine_devices *devices);
