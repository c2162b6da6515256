/* What a device is plugged into when there is no machine: an interrupt line and machine events that count. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "common/util.h"
#include "devmodel/bus.h"
#include "devmodel/irq.h"
#include "devmodel/machine_events.h"

struct fake_irq {
	struct irq_line line;
	atomic_uint pulses;
};

static inline void fake_irq_raise(struct irq_line *line)
{
	atomic_fetch_add(&CONTAINER_OF(line, struct fake_irq, line)->pulses, 1);
}

/* Pulses since the last call. */
static inline unsigned fake_irq_take(struct fake_irq *irq)
{
	return atomic_exchange(&irq->pulses, 0);
}

struct fake_machine {
	struct machine_events events;
	unsigned power_offs;
	unsigned resets;
	unsigned panics;
	const char *reset_by;
};

static inline void fake_power_off(struct machine_events *events)
{
	CONTAINER_OF(events, struct fake_machine, events)->power_offs++;
}

static inline void fake_reset(struct machine_events *events, const char *by)
{
	struct fake_machine *machine = CONTAINER_OF(events, struct fake_machine, events);

	machine->resets++;
	machine->reset_by = by;
}

static inline void fake_panicked(struct machine_events *events)
{
	CONTAINER_OF(events, struct fake_machine, events)->panics++;
}

#define FAKE_IRQ                                                                                             \
	{                                                                                                    \
		.line.raise = fake_irq_raise                                                                 \
	}
#define FAKE_MACHINE                                                                                         \
	{                                                                                                    \
		.events = {.power_off = fake_power_off, .panicked = fake_panicked, .reset = fake_reset }                                \
	}

/* One byte, as a guest's inb and outb. */
static inline uint8_t fake_in(const struct bus_ops *ops, void *device, uint64_t offset)
{
	uint8_t value = 0xff;

	ops->read(device, offset, &value, 1);
	return value;
}

static inline void fake_out(const struct bus_ops *ops, void *device, uint64_t offset, uint8_t value)
{
	ops->write(device, offset, &value, 1);
}
