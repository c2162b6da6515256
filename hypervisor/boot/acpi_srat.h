/*
 * The guest's memory and CPUs as the SRAT has them (ACPI 6.5, 5.2.16), for guests with memory devices: a
 * kernel learns here, before it lays its own memory out, up to where memory may come. All of it is node 0.
 */
#pragma once

#include "common/guest_memory.h"
#include "hypervisor/boot/acpi_aml.h"
#include "hypervisor/x86_64/topology.h"

/* Whether there is memory that comes and goes: else a guest needs no such table. */
bool acpi_srat_wanted(const struct guest_memory *memory);
/* What follows the table's header. */
void acpi_srat_describe(struct aml *aml, const struct guest_memory *memory,
			const struct cpu_topology *topology);
