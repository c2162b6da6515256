/*
 * The watchdog of a guest on a PCI bus (devmodel/i6300esb.h), in the bus' last slot, and what follows when it
 * expires. Reset and poweroff end the machine (MACHINE_WATCHDOG), on its first vCPU's thread, which leaves
 * its registers; the rest is config->watchdog_expired's. It stands still while the machine is paused.
 *
 * Part of machine_devices.c; the loop's thread, machine_watchdog_hold: any.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "devmodel/i6300esb.h"

struct machine_devices;

struct machine_watchdog {
	struct i6300esb_host host;
	struct i6300esb *device; /* NULL: it has none */
};

int machine_watchdog_add(struct machine_devices *devices, struct error *err);
void machine_watchdog_hold(struct machine_watchdog *watchdog, bool held);
void machine_watchdog_close(struct machine_devices *devices);
