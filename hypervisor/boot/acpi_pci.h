/*
 * The PCI bus in the DSDT: its host bridge, its configuration space's memory, its interrupt lines and, for
 * devices that come and go, an object for each such slot (ACPI 6.5, 6.1, 6.3; PCI Firmware
 * Specification 3.3, 4.1 and 4.5).
 *
 * The guest's driver for the slots (Linux: acpiphp) hears of a change by Notify, reads which slots it is
 * about from the registers of devmodel/pci_hotplug.h, and lets a device go by writing its slot there (_EJ0).
 */
#pragma once

#include "hypervisor/boot/acpi.h"
#include "hypervisor/boot/acpi_aml.h"

/* In the scope \_SB. */
void acpi_pci_describe(struct aml *aml, const struct acpi_pci *pci);
/* In the event device's _EVT: notifies the slots when its argument is hotplug_gsi. */
void acpi_pci_event(struct aml *aml, const struct acpi_pci *pci);
