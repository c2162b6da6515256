/*
 * Disks and network cards that come to a running machine and go from it, over PCI and ACPI
 * (devmodel/pci_hotplug.h).
 *
 * A device that comes is made like one of the definition, put into a free slot, and the guest is told. One
 * that goes:
 *
 *      loop      the guest is asked to let it go ---> its driver unbinds, its ACPI method _EJ0 ejects the
 * slot vCPU      takes the function off the bus: its registers are no more loop      hands the device to its
 * own loop, which destroys it (a disk may be in the midst of a request) loop      calls config->device_gone;
 * the slot is free
 *
 * The guest may take its time, never do it, or eject what nobody asked for: all the same to us. Other devices
 * than disks and network cards stay where they are. Part of machine_devices.c; the loop's thread where
 * nothing else is said.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

#define MACHINE_SPARE_RINGS 2 /* of io_uring, for queues of disks that come */

struct machine_devices;
struct virtio_slot;

/* The registers and the interrupt; after the devices of the definition are in their slots. */
int machine_hotplug_make(struct machine_devices *devices, struct error *err);
void machine_hotplug_close(struct machine_devices *devices);

/* The guest finds the device that was just plugged. */
void machine_hotplug_came(struct virtio_slot *slot);
/* Whether a disk or network card has this id; one that is on its way out does still. */
bool machine_hotplug_has(struct machine_devices *devices, const char *id);
/* Asks the guest to let the device with this id go. -ENOENT: there is none; -EOPNOTSUPP: with this transport
 * none can. */
int machine_hotplug_ask(struct machine_devices *devices, const char *id, struct error *err);
/* On the thread of the device's loop: an ejected device's end. */
void machine_hotplug_destroy(struct virtio_slot *slot);
