/*
 * How a guest hears of PCI devices that come and go: three registers that its ACPI tables read and write
 * (hypervisor/boot/acpi_pci.h), and an edge interrupt when there is something to read. A bit a slot:
 *
 *      port base + 0   came: a device is in the slot since this was last read
 *      port base + 4   leaving: the device there is asked for since this was last read
 *      port base + 8   eject: the guest no longer uses the device; write only
 *
 * 32-bit accesses. Any thread.
 */
#pragma once

#include <stdint.h>

#include "devmodel/bus.h"
#include "devmodel/irq.h"

#define PCI_HOTPLUG_PORT    0x610
#define PCI_HOTPLUG_SIZE    12
#define PCI_HOTPLUG_CAME    0
#define PCI_HOTPLUG_LEAVING 4
#define PCI_HOTPLUG_EJECT   8

struct pci_hotplug {
	struct irq_line *line;
	/* The guest ejects what is in these slots, if anything. On a vCPU's thread. */
	void (*ejected)(struct pci_hotplug *hotplug, uint32_t slots);
	uint32_t came;
	uint32_t leaving;
};

extern const struct bus_ops pci_hotplug_ops; /* its device is a struct pci_hotplug */

void pci_hotplug_tell_came(struct pci_hotplug *hotplug, unsigned slot);
void pci_hotplug_ask_to_leave(struct pci_hotplug *hotplug, unsigned slot);
