/*
 * Interrupts as a device sees them. Whoever assembles the machine embeds these in something that knows where
 * the interrupt goes (an irqfd, a KVM ioctl, a counter in a unit test).
 *
 * A line is edge triggered: raise is one pulse. A level stays until it is taken back; set with the level that
 * holds already changes nothing. A message is a PCI device's write of data to an address that its driver
 * chose (PCI 3.0, 6.8); one that makes no sense goes nowhere. All may be called from any thread, never block
 * and cannot fail.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct irq_line {
	void (*raise)(struct irq_line *line);
};

struct irq_level {
	void (*set)(struct irq_level *level, bool high);
};

struct irq_messages {
	void (*send)(struct irq_messages *messages, uint64_t address, uint32_t data);
};

static inline void irq_raise(struct irq_line *line)
{
	line->raise(line);
}
