/*
 * ACPI tables for the guest (ACPI 6.5): RSDP, XSDT, FADT (hardware reduced), MADT, DSDT, OEM id "RASTOS".
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

struct acpi_machine {
	struct cpu_topology topology;
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
	uint16_t pvpanic_port; /* 0: none */
};

/* Writes the tables; *rsdp is their root's guest-physical address. -ENOSPC when they do not fit. */
int acpi_build(const struct guest_memory *memory, const struct acpi_machine *machine, uint64_t *rsdp,
	       struct error *err);
