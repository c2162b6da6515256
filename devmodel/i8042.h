/*
 * The PC's keyboard controller (Intel 8042), as much of it as Linux needs to reset the machine (command 0xFE pulses the
 * CPU's reset line) and to take Ctrl-Alt-Del from the host through an AT keyboard: commands, status, configuration byte,
 * self test, a keyboard that identifies itself. No mouse. Its port is 0x60 (data) and 0x64 (status, command), IRQ 1.
 * Registers are touched on vCPU threads; one lock inside.
 */
#pragma once

#include "common/error.h"
#include "devmodel/bus.h"
#include "devmodel/irq.h"
#include "devmodel/machine_events.h"

#define I8042_PORT 0x60
#define I8042_SIZE 5 /* 0x60 to 0x64; 0x61 (PC speaker, timer 2 gate) reads as all ones: there is no PIT */
#define I8042_IRQ  1

struct i8042;

extern const struct bus_ops i8042_ops; /* its device is a struct i8042 */

struct i8042 *i8042_create(struct irq_line *irq, struct machine_events *events, struct error *err);
/* Types Ctrl-Alt-Del; any thread. -EBUSY when the driver has not enabled the keyboard. */
int i8042_ctrl_alt_del(struct i8042 *i8042);
void i8042_destroy(struct i8042 *i8042); /* NULL is allowed */
