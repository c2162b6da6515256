/*
 * An interrupt line as a device sees it. Whoever assembles the machine embeds it in something that knows where the
 * interrupt goes (an irqfd, a counter in a unit test).
 *
 * Lines are edge triggered: raise is one pulse. raise may be called from any thread, never blocks and cannot fail.
 */
#pragma once

struct irq_line {
	void (*raise)(struct irq_line *line);
};

static inline void irq_raise(struct irq_line *line)
{
	line->raise(line);
}
