#include "hypervisor/boot/acpi_pci.h"

#include <stdio.h>

#define SLOTS       32
#define CONFIG_PORT 0xcf8 /* address and data, 4 bytes each */

/* devmodel/pci_hotplug.h's registers, in their order, 32 bits each */
#define HOTPLUG_CAME    "PHCM"
#define HOTPLUG_LEAVING "PHLV"
#define HOTPLUG_EJECT   "PHEJ"
#define HOTPLUG_SIZE    12

#define NOTIFY_DEVICE_CHECK  1 /* 5.6.6, table 5.165 */
#define NOTIFY_EJECT_REQUEST 3

#define OSC_ARGUMENT_UUID   0 /* 6.2.11 */
#define OSC_ARGUMENT_BUFFER 3
#define OSC_STATUS          0 /* bytes in the buffer */
#define OSC_CONTROL         8
#define OSC_UNKNOWN_UUID    4

/* 33DB4D5B-1FF7-401C-9657-7441C03DD766, as ToUUID lays it out (19.6.142) */
static const uint8_t osc_uuid[16] = {0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
				     0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66};

static void slot_name(char name[5], unsigned slot)
{
	snprintf(name, 5, "S%03u", slot % SLOTS);
}

/* Nothing that the guest may ask for is there to be given: no PCI Express capability, no hot plug of its own.
 */
static void bridge_osc(struct aml *aml)
{
	size_t method = aml_method_begin(aml, "_OSC", 4);
	size_t known, other;

	aml_argument_dword(aml, OSC_ARGUMENT_BUFFER, OSC_STATUS, "CDW1");
	aml_argument_dword(aml, OSC_ARGUMENT_BUFFER, OSC_CONTROL, "CDW3");
	known = aml_if_argument_is_buffer_begin(aml, OSC_ARGUMENT_UUID, osc_uuid, sizeof(osc_uuid));
	aml_store_integer(aml, 0, "CDW3");
	aml_end(aml, known);
	other = aml_else_begin(aml);
	aml_or_integer(aml, "CDW1", OSC_UNKNOWN_UUID);
	aml_end(aml, other);
	aml_return_argument(aml, OSC_ARGUMENT_BUFFER);
	aml_end(aml, method);
}

/* 6.2.13: for drivers without MSI; a slot's other three pins are not there */
static void bridge_lines(struct aml *aml, const struct acpi_pci *pci)
{
	size_t table = aml_package_begin(aml, "_PRT", SLOTS - 1);

	for (unsigned slot = 1; slot < SLOTS; slot++) {
		size_t entry = aml_element_package_begin(aml, 4);

		aml_integer(aml, (uint64_t)slot << 16 | 0xffff);
		aml_integer(aml, 0); /* INTA# */
		aml_integer(aml, 0); /* a global interrupt, by its number */
		aml_integer(aml, pci->line_first + slot % pci->line_count);
		aml_end(aml, entry);
	}
	aml_end(aml, table);
}

static void bridge_resources(struct aml *aml, const struct acpi_pci *pci)
{
	size_t resources = aml_resources_begin(aml, "_CRS");

	aml_resource_buses(aml, 0, 1);
	aml_resource_io(aml, CONFIG_PORT, 8);
	aml_resource_window32(aml, pci->window, pci->window_size);
	aml_resources_end(aml, resources);
}

static void bridge_slots(struct aml *aml, const struct acpi_pci *pci)
{
	for (unsigned slot = 1; slot < SLOTS; slot++) {
		size_t device, method;
		char name[5];

		if (!(pci->removable >> slot & 1))
			continue;
		slot_name(name, slot);
		device = aml_device_begin(aml, name);
		aml_name_integer(aml, "_ADR", (uint64_t)slot << 16);
		aml_name_integer(aml, "_SUN", slot);
		method = aml_method_begin(aml, "_EJ0", 1);
		aml_store_integer(aml, 1ULL << slot, HOTPLUG_EJECT);
		aml_end(aml, method);
		aml_end(aml, device);
	}
}

static void hotplug_registers(struct aml *aml, const struct acpi_pci *pci)
{
	size_t fields;

	aml_region_io(aml, "PHPR", pci->hotplug_port, HOTPLUG_SIZE);
	fields = aml_fields_begin(aml, "PHPR");
	aml_field_dword(aml, HOTPLUG_CAME);
	aml_field_dword(aml, HOTPLUG_LEAVING);
	aml_field_dword(aml, HOTPLUG_EJECT);
	aml_end(aml, fields);
}

/* PNP0C02: memory that is taken, and by no other device here. Linux uses the MCFG's only if it is. */
static void ecam_memory(struct aml *aml, const struct acpi_pci *pci)
{
	size_t device = aml_device_begin(aml, "ECAM");
	size_t resources;

	aml_name_eisa_id(aml, "_HID", "PNP0C02");
	aml_name_integer(aml, "_UID", 0);
	resources = aml_resources_begin(aml, "_CRS");
	aml_resource_memory32(aml, (uint32_t)pci->ecam, pci->ecam_size);
	aml_resources_end(aml, resources);
	aml_end(aml, device);
}

void acpi_pci_describe(struct aml *aml, const struct acpi_pci *pci)
{
	size_t bridge;

	ecam_memory(aml, pci);
	hotplug_registers(aml, pci);
	bridge = aml_device_begin(aml, "PCI0");
	aml_name_eisa_id(aml, "_HID", "PNP0A08");
	aml_name_eisa_id(aml, "_CID", "PNP0A03");
	aml_name_integer(aml, "_UID", 0);
	aml_name_integer(aml, "_BBN", 0);
	bridge_resources(aml, pci);
	bridge_lines(aml, pci);
	bridge_osc(aml);
	bridge_slots(aml, pci);
	aml_end(aml, bridge);
}

/* If (LocalN & slot) Notify (slot, what), for each. */
static void notify_slots(struct aml *aml, const struct acpi_pci *pci, unsigned local, uint8_t what)
{
	for (unsigned slot = 1; slot < SLOTS; slot++) {
		char path[] = "\\_SB.PCI0.S000";
		size_t condition;

		if (!(pci->removable >> slot & 1))
			continue;
		slot_name(path + sizeof(path) - sizeof("S000"), slot);
		condition = aml_if_local_has_begin(aml, local, 1U << slot);
		aml_notify(aml, path, what);
		aml_end(aml, condition);
	}
}

void acpi_pci_event(struct aml *aml, const struct acpi_pci *pci)
{
	size_t condition = aml_if_argument_is_begin(aml, 0, pci->hotplug_gsi);

	aml_store_local(aml, HOTPLUG_CAME, 0);
	aml_store_local(aml, HOTPLUG_LEAVING, 1);
	notify_slots(aml, pci, 0, NOTIFY_DEVICE_CHECK);
	notify_slots(aml, pci, 1, NOTIFY_EJECT_REQUEST);
	aml_end(aml, condition);
}
