/*
 * ACPI tables for the guest (ACPI 6.5): RSDP, XSDT, FADT (hardware reduced), MADT, DSDT, with a PCI bus MCFG,
 * with memory devices SRAT; OEM id "RASTOS".
 *
 * The machine is described, not probed: every device the guest has stands in the DSDT, so nothing is added to
 * the command line. acpi_build writes into [LAYOUT_ACPI, LAYOUT_SMBIOS). One thread, before the vCPUs run.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"
#include "hypervisor/x86_64/topology.h"

#define ACPI_OEM_ID "RASTOS"

struct acpi_virtio_mmio {
	uint64_t base;
	uint32_t size;
	uint32_t gsi; /* edge, active high */
};

/* A PCI bus, number 0. */
struct acpi_pci {
	uint64_t ecam; /* its configuration space, 1 MiB */
	uint32_t ecam_size;
	uint32_t window; /* where its functions' registers are */
	uint32_t window_size;
	uint32_t line_first; /* interrupt pin INTA# of slot n is line_first + n % line_count, level triggered
			      */
	uint32_t line_count;
	uint32_t removable;    /* a bit a slot: a device may come to it or go from it */
	uint16_t hotplug_port; /* devmodel/pci_hotplug.h's registers */
	uint32_t hotplug_gsi;
};

/* Processors that come and go. */
struct acpi_cpus {
	unsigned present; /* at first: so many, from the first on */
	uint16_t port;    /* devmodel/cpu_hotplug.h's registers */
	uint32_t gsi;
};

struct acpi_machine {
	struct cpu_topology topology;
	const struct acpi_cpus *cpus; /* NULL: all are there, and stay */
	unsigned virtio_count;
	const struct acpi_virtio_mmio *virtio; /* devices LNRO0005 */
	bool serial;                           /* PNP0501 */
	uint16_t serial_port;
	uint8_t serial_irq;
	bool i8042;          /* PNP0303 keyboard at 0x60, 0x64, IRQ 1 */
	bool rtc;            /* PNP0B00 at 0x70 */
	uint16_t power_port; /* devmodel/acpi_power.h's registers */
	uint8_t power_reset_value;
	uint8_t power_s5; /* SLP_TYP of \_S5 */
	uint32_t power_button_gsi;
	uint16_t pvpanic_port;      /* 0: none */
	const struct acpi_pci *pci; /* NULL: none */
};

/* Writes the tables; *rsdp is their root's guest-physical address. -ENOSPC when they do not fit. */
int acpi_build(const struct guest_memory *memory, const struct acpi_machine *machine, uint64_t *rsdp,
	       struct error *err);
