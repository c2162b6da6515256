/*
 * Interrupts as a device sees them. Whoever assembles the machine embeds these in something that knows where
 * the interrupt goes (an irqfd, a KVM ioctl, a counter in a unit test).
 *
 * A line is edge triggered: raise is one pulse. A level stays until it is taken back; set with the level that
 * holds already changes nothing. A message is a PCI device's write of data to an address that its driver
 * chose (PCI 3.0, 6.8); one that makes no sense goes nowhere. All may be called from any thread, never block
 * and cannot fail.
 *
 * A message can be bound to an eventfd: whoever writes that sends it, and none of our threads are woken for
 * it. That is only ever a shorter way, which need not be there (bind NULL, or a negative errno): who binds
 * watches the eventfd all the same, and sends the message when it turns out to be readable. Each eventfd has
 * one message; it is the caller's, and is unbound before it is closed.
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
	int (*bind)(struct irq_messages *messages, int eventfd, uint64_t address, uint32_t data);
	void (*unbind)(struct irq_messages *messages, int eventfd);
};

static inline void irq_raise(struct irq_line *line)
{
	line->raise(line);
}
