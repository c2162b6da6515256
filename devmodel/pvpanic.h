/*
 * The panic device (QEMU docs/specs/pvpanic.rst): one port through which a guest's kernel says that it
 * panicked, before it resets itself. Reads tell which events we understand; a write of the bit announces one.
 *
 * Registers are touched on vCPU threads; there is no state.
 */
#pragma once

#include "devmodel/bus.h"
#include "devmodel/machine_events.h"

#define PVPANIC_PORT     0x505
#define PVPANIC_SIZE     1
#define PVPANIC_PANICKED 0x01 /* the guest's kernel panicked and will not go on by itself */

extern const struct bus_ops pvpanic_ops; /* its device is a struct machine_events */
