#include "hypervisor/boot/acpi_srat.h"

#include "hypervisor/boot/acpi_tables.h"

bool acpi_srat_wanted(const struct guest_memory *memory)
{
	for (unsigned i = 0; i < memory->count; i++) {
		if (memory->regions[i].blocks.bits)
			return true;
	}
	return false;
}

void acpi_srat_describe(struct aml *aml, const struct guest_memory *memory,
			const struct cpu_topology *topology)
{
	for (unsigned i = 0; i < topology_vcpus(topology); i++) {
		struct acpi_srat_local_x2apic cpu = {
			.type = ACPI_SRAT_LOCAL_X2APIC,
			.length = sizeof(cpu),
			.x2apic_id = topology_apic_id(topology, i),
			.flags = ACPI_SRAT_ENABLED,
		};

		aml_bytes(aml, &cpu, sizeof(cpu));
	}
	for (unsigned i = 0; i < memory->count; i++) {
		const struct guest_memory_region *region = &memory->regions[i];
		struct acpi_srat_memory entry = {
			.type = ACPI_SRAT_MEMORY,
			.length = sizeof(entry),
			.base = region->base,
			.size = region->size,
			.flags = ACPI_SRAT_ENABLED | (region->blocks.bits ? ACPI_SRAT_HOT_PLUGGABLE : 0),
		};

		aml_bytes(aml, &entry, sizeof(entry));
	}
}
