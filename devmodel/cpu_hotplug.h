/*
 * How a guest hears of processors that come and go: registers that its ACPI tables read and write
 * (hypervisor/boot/acpi_cpus.h), and an edge interrupt when there is something to read. A bit a processor, 32
 * a register, CPU_HOTPLUG_BANKS registers each:
 *
 *      port base + 0x00   came: it is there since this was last read
 *      port base + 0x20   leaving: it is asked for since this was last read
 *      port base + 0x40   present
 *      port base + 0x60   eject: the guest no longer uses it; write only
 *      port base + 0x80   what the guest answers (ACPI 6.5, 6.3.5 _OST): the event, ...
 *      port base + 0x84   ... how it went, and, which makes it an answer, ...
 *      port base + 0x88   ... the processor
 *
 * 32-bit accesses. Processor 0 never leaves. The three registers of an answer are one for all processors: a
 * guest that writes them on two at once may mix them up, to its own harm. Any thread.
 */
#pragma once

#include <stdint.h>

#include "devmodel/bus.h"
#include "devmodel/irq.h"

#define CPU_HOTPLUG_BANKS  8
#define CPU_HOTPLUG_CPUS   (32 * CPU_HOTPLUG_BANKS)
#define CPU_HOTPLUG_PORT   0x620
#define CPU_HOTPLUG_SIZE   0x8c
#define CPU_HOTPLUG_CAME   0x00
#define CPU_HOTPLUG_LEAVE  0x20
#define CPU_HOTPLUG_THERE  0x40
#define CPU_HOTPLUG_EJECT  0x60
#define CPU_HOTPLUG_EVENT  0x80
#define CPU_HOTPLUG_STATUS 0x84
#define CPU_HOTPLUG_ANSWER 0x88

struct cpu_hotplug {
	struct irq_line *line;
	/* The guest ejects this processor, which was there until now. On a vCPU's thread, perhaps its own. */
	void (*ejected)(struct cpu_hotplug *hotplug, unsigned cpu);
	/* status 0: as it was asked. On a vCPU's thread. */
	void (*answered)(struct cpu_hotplug *hotplug, unsigned cpu, uint32_t event, uint32_t status);
	uint32_t came[CPU_HOTPLUG_BANKS], leave[CPU_HOTPLUG_BANKS], there[CPU_HOTPLUG_BANKS];
	uint32_t event, status;
};

/* 5.6.6, table 5.165; what _OST has as its event */
#define CPU_HOTPLUG_EVENT_CHECK 1
#define CPU_HOTPLUG_EVENT_EJECT 3
/* 6.3.5.1, of an ejection: it is under way; the second one is what Linux says. */
#define CPU_HOTPLUG_EJECTING_1 0x83
#define CPU_HOTPLUG_EJECTING_2 0x84

extern const struct bus_ops cpu_hotplug_ops; /* its device is a struct cpu_hotplug */

bool cpu_hotplug_is_there(const struct cpu_hotplug *hotplug, unsigned cpu);
/* It is there from now on; told: its guest is to hear of it, which it need not of those it starts with. */
void cpu_hotplug_come(struct cpu_hotplug *hotplug, unsigned cpu, bool told);
/* True: it was there, and is no longer: the guest has not taken it. */
bool cpu_hotplug_take_back(struct cpu_hotplug *hotplug, unsigned cpu);
/* What it has not read yet is told once more. */
void cpu_hotplug_remind(const struct cpu_hotplug *hotplug);
void cpu_hotplug_ask_to_leave(struct cpu_hotplug *hotplug, unsigned cpu);
/* It was asked, has not read that, and need not leave any more. */
void cpu_hotplug_keep(struct cpu_hotplug *hotplug, unsigned cpu);
