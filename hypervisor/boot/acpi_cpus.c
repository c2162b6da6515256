#include "hypervisor/boot/acpi_cpus.h"

#include <stdio.h>

#include "common/util.h"
#include "hypervisor/boot/acpi_tables.h"

/* devmodel/cpu_hotplug.h's registers, in their order, 32 bits each; the first four kinds once a bank */
#define BANKS         8U
#define CAME          'C'
#define LEAVE         'L'
#define THERE         'T'
#define EJECT         'E'
#define ANSWER_EVENT  "CPAE"
#define ANSWER_STATUS "CPAS"
#define ANSWER_CPU    "CPAC"
#define SIZE          0x8c

#define NOTIFY_DEVICE_CHECK  1 /* 5.6.6, table 5.165 */
#define NOTIFY_EJECT_REQUEST 3

#define STATUS_THERE 0xf /* 6.3.7 _STA: present, enabled, shown, works */

#define OST_EVENT  0 /* 6.3.5: arguments */
#define OST_STATUS 1

/* One processor's entry in the MADT, whichever it has. */
struct entry {
	union {
		struct acpi_madt_local_apic apic;
		struct acpi_madt_local_x2apic x2apic;
	};
	uint8_t size;
};

static struct entry entry_make(const struct acpi_machine *machine, unsigned cpu, uint32_t flags)
{
	uint32_t id = topology_apic_id(&machine->topology, cpu);
	struct entry entry = {.size = sizeof(entry.apic)};

	if (id <= ACPI_MADT_LOCAL_APIC_MAX) {
		entry.apic = (struct acpi_madt_local_apic){
			.type = ACPI_MADT_LOCAL_APIC,
			.length = sizeof(entry.apic),
			.uid = (uint8_t)cpu, /* an APIC id is never below its CPU's index */
			.apic_id = (uint8_t)id,
			.flags = flags,
		};
		return entry;
	}
	entry.size = sizeof(entry.x2apic);
	entry.x2apic = (struct acpi_madt_local_x2apic){
		.type = ACPI_MADT_LOCAL_X2APIC,
		.length = sizeof(entry.x2apic),
		.x2apic_id = id,
		.flags = flags,
		.uid = cpu,
	};
	return entry;
}

bool acpi_cpus_list(struct aml *aml, const struct acpi_machine *machine)
{
	unsigned count = topology_vcpus(&machine->topology);
	bool x2apic = false;

	for (unsigned i = 0; i < count; i++) {
		bool there = !machine->cpus || i < machine->cpus->present;
		struct entry entry =
			entry_make(machine, i, there ? ACPI_MADT_ENABLED : ACPI_MADT_ONLINE_CAPABLE);

		aml_bytes(aml, &entry, entry.size);
		x2apic |= entry.size == sizeof(entry.x2apic);
	}
	return x2apic;
}

/* --- Those that come and go --- */

static void cpu_name(char name[5], unsigned cpu)
{
	snprintf(name, 5, "C%03X", cpu & 0xfff);
}

static void register_name(char name[5], char kind, unsigned bank)
{
	snprintf(name, 5, "CP%c%u", kind, bank % BANKS);
}

static void registers(struct aml *aml, const struct acpi_cpus *cpus)
{
	static const char kinds[] = {CAME, LEAVE, THERE, EJECT};
	size_t fields;
	char name[5];

	aml_region_io(aml, "CPHR", cpus->port, SIZE);
	fields = aml_fields_begin(aml, "CPHR");
	for (unsigned i = 0; i < ARRAY_SIZE(kinds) * BANKS; i++) {
		register_name(name, kinds[i / BANKS], i);
		aml_field_dword(aml, name);
	}
	aml_field_dword(aml, ANSWER_EVENT);
	aml_field_dword(aml, ANSWER_STATUS);
	aml_field_dword(aml, ANSWER_CPU);
	aml_end(aml, fields);
}

static void status_method(struct aml *aml, unsigned cpu)
{
	size_t method = aml_method_begin(aml, "_STA", 0);
	size_t condition;
	char name[5];

	register_name(name, THERE, cpu / 32);
	aml_store_local(aml, name, 0);
	condition = aml_if_local_has_begin(aml, 0, 1U << cpu % 32);
	aml_return_integer(aml, STATUS_THERE);
	aml_end(aml, condition);
	aml_return_integer(aml, 0);
	aml_end(aml, method);
}

static void eject_method(struct aml *aml, unsigned cpu)
{
	size_t method = aml_method_begin(aml, "_EJ0", 1);
	char name[5];

	register_name(name, EJECT, cpu / 32);
	aml_store_integer(aml, 1ULL << cpu % 32, name);
	aml_end(aml, method);
}

static void answer_method(struct aml *aml, unsigned cpu)
{
	size_t method = aml_method_begin(aml, "_OST", 3);

	aml_store_argument(aml, OST_EVENT, ANSWER_EVENT);
	aml_store_argument(aml, OST_STATUS, ANSWER_STATUS);
	aml_store_integer(aml, cpu, ANSWER_CPU);
	aml_end(aml, method);
}

/* Its _MAT is what it is once it is there. */
static void describe_removable(struct aml *aml, const struct acpi_machine *machine, unsigned cpu)
{
	struct entry entry = entry_make(machine, cpu, ACPI_MADT_ENABLED);

	aml_name_buffer(aml, "_MAT", &entry, entry.size);
	status_method(aml, cpu);
	eject_method(aml, cpu);
	answer_method(aml, cpu);
}

void acpi_cpus_describe(struct aml *aml, const struct acpi_machine *machine)
{
	unsigned count = topology_vcpus(&machine->topology);

	if (machine->cpus)
		registers(aml, machine->cpus);
	for (unsigned i = 0; i < count; i++) {
		size_t device;
		char name[5];

		cpu_name(name, i);
		device = aml_device_begin(aml, name);
		aml_name_string(aml, "_HID", "ACPI0007");
		aml_name_integer(aml, "_UID", i);
		if (machine->cpus && i > 0)
			describe_removable(aml, machine, i);
		aml_end(aml, device);
	}
}

/* Local0 = register; If (Local0 & cpu) Notify (cpu, what), for each of the bank's. */
static void notify_bank(struct aml *aml, const struct acpi_machine *machine, unsigned bank, char kind,
			uint8_t what)
{
	unsigned count = topology_vcpus(&machine->topology);
	char name[5];

	register_name(name, kind, bank);
	aml_store_local(aml, name, 0);
	for (unsigned cpu = MAX(bank * 32, 1U); cpu < MIN(bank * 32 + 32, count); cpu++) {
		size_t condition = aml_if_local_has_begin(aml, 0, 1U << cpu % 32);
		char path[] = "\\_SB.C000";

		cpu_name(path + sizeof(path) - sizeof("C000"), cpu);
		aml_notify(aml, path, what);
		aml_end(aml, condition);
	}
}

void acpi_cpus_event(struct aml *aml, const struct acpi_machine *machine)
{
	size_t condition = aml_if_argument_is_begin(aml, 0, machine->cpus->gsi);

	for (unsigned bank = 0; bank * 32 < topology_vcpus(&machine->topology); bank++) {
		notify_bank(aml, machine, bank, CAME, NOTIFY_DEVICE_CHECK);
		notify_bank(aml, machine, bank, LEAVE, NOTIFY_EJECT_REQUEST);
	}
	aml_end(aml, condition);
}
