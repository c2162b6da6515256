#include "hypervisor/boot/acpi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/boot/acpi_aml.h"
#include "hypervisor/boot/acpi_cpus.h"
#include "hypervisor/boot/acpi_pci.h"
#include "hypervisor/boot/acpi_srat.h"
#include "hypervisor/boot/acpi_tables.h"
#include "hypervisor/x86_64/layout.h"

#define RTC_CENTURY      0x32 /* the index that holds the century */
#define TABLES_END       LAYOUT_SMBIOS
#define TABLE_ALIGNMENT  16
#define OEM_TABLE_ID     "RASTOSVM"
#define OEM_REVISION     1
#define CREATOR_ID       "RAST"
#define CREATOR_REVISION 1

/* Ports and lines that a PC has at fixed places (the devices' own headers say the same). */
#define KEYBOARD_DATA   0x60
#define KEYBOARD_STATUS 0x64
#define KEYBOARD_IRQ    1
#define RTC_PORTS       0x70
#define RTC_PORT_COUNT  2
#define UART_PORT_COUNT 8

/* The power block's registers, by devmodel/acpi_power.h */
#define POWER_SLEEP_CONTROL 0
#define POWER_SLEEP_STATUS  1
#define POWER_RESET         2

#define NOTIFY_BUTTON_PRESSED 0x80 /* 5.6.6, table 5.166: for button devices */

/* Where the next table goes. */
struct table_area {
	uint8_t *host;
	uint64_t address; /* guest-physical, of host[0] */
	size_t size;
	size_t used;
};

/* A table being written: its bytes go through the AML writer, whatever they are. */
struct table {
	struct aml aml;
	uint64_t address;
};

static uint8_t checksum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

static struct acpi_header table_header(const char *signature, uint8_t revision)
{
	struct acpi_header header = {
		.revision = revision,
		.oem_revision = OEM_REVISION,
		.creator_revision = CREATOR_REVISION,
	};

	memcpy(header.signature, signature, sizeof(header.signature));
	memcpy(header.oem_id, ACPI_OEM_ID, sizeof(header.oem_id));
	memcpy(header.oem_table_id, OEM_TABLE_ID, sizeof(header.oem_table_id));
	memcpy(header.creator_id, CREATOR_ID, sizeof(header.creator_id));
	return header;
}

static void table_begin(struct table *table, const struct table_area *area)
{
	table->aml = (struct aml){.data = area->host + area->used, .size = area->size - area->used};
	table->address = area->address + area->used;
}

/* Length and checksum are known now. Returns the table's address; 0 when it did not fit. */
static uint64_t table_end(struct table *table, struct table_area *area)
{
	size_t length = table->aml.used;
	struct acpi_header header;

	if (table->aml.full)
		return 0;
	memcpy(&header, table->aml.data, sizeof(header));
	header.length = (uint32_t)length;
	memcpy(table->aml.data, &header, sizeof(header));
	header.checksum = checksum(table->aml.data, length);
	memcpy(table->aml.data, &header, sizeof(header));
	area->used = MIN(ALIGN_UP(area->used + length, (size_t)TABLE_ALIGNMENT), area->size);
	return table->address;
}

static uint64_t table_copy(struct table_area *area, const void *bytes, size_t size)
{
	struct table table;

	table_begin(&table, area);
	aml_bytes(&table.aml, bytes, size);
	return table_end(&table, area);
}

static void dsdt_serial(struct aml *aml, const struct acpi_machine *machine)
{
	size_t device = aml_device_begin(aml, "COM1");
	size_t resources;

	aml_name_eisa_id(aml, "_HID", "PNP0501");
	aml_name_integer(aml, "_UID", 1);
	resources = aml_resources_begin(aml, "_CRS");
	aml_resource_io(aml, machine->serial_port, UART_PORT_COUNT);
	aml_resource_interrupt(aml, machine->serial_irq, false);
	aml_resources_end(aml, resources);
	aml_end(aml, device);
}

static void dsdt_keyboard(struct aml *aml)
{
	size_t device = aml_device_begin(aml, "KBD");
	size_t resources;

	aml_name_eisa_id(aml, "_HID", "PNP0303");
	resources = aml_resources_begin(aml, "_CRS");
	aml_resource_io(aml, KEYBOARD_DATA, 1);
	aml_resource_io(aml, KEYBOARD_STATUS, 1);
	aml_resource_interrupt(aml, KEYBOARD_IRQ, false);
	aml_resources_end(aml, resources);
	aml_end(aml, device);
}

/* No interrupt: the clock has no alarm (devmodel/rtc.h). */
static void dsdt_rtc(struct aml *aml)
{
	size_t device = aml_device_begin(aml, "RTC");
	size_t resources;

	aml_name_eisa_id(aml, "_HID", "PNP0B00");
	resources = aml_resources_begin(aml, "_CRS");
	aml_resource_io(aml, RTC_PORTS, RTC_PORT_COUNT);
	aml_resources_end(aml, resources);
	aml_end(aml, device);
}

/* QEMU0001 is what Linux' pvpanic driver binds to. */
static void dsdt_pvpanic(struct aml *aml, const struct acpi_machine *machine)
{
	size_t device = aml_device_begin(aml, "PEVT");
	size_t resources;

	aml_name_string(aml, "_HID", "QEMU0001");
	resources = aml_resources_begin(aml, "_CRS");
	aml_resource_io(aml, machine->pvpanic_port, 1);
	aml_resources_end(aml, resources);
	aml_end(aml, device);
}

static bool virtio_line_is_shared(const struct acpi_machine *machine, unsigned index)
{
	for (unsigned i = 0; i < machine->virtio_count; i++)
		if (i != index && machine->virtio[i].gsi == machine->virtio[index].gsi)
			return true;
	return false;
}

/* LNRO0005 is what Linux' virtio_mmio driver binds to. */
static void dsdt_virtio(struct aml *aml, const struct acpi_machine *machine)
{
	for (unsigned i = 0; i < machine->virtio_count; i++) {
		const struct acpi_virtio_mmio *virtio = &machine->virtio[i];
		size_t resources;
		size_t device;
		char name[8];

		snprintf(name, sizeof(name), "VR%02X", i & 0xff);
		device = aml_device_begin(aml, name);
		aml_name_string(aml, "_HID", "LNRO0005");
		aml_name_integer(aml, "_UID", i);
		resources = aml_resources_begin(aml, "_CRS");
		aml_resource_memory32(aml, (uint32_t)virtio->base, virtio->size);
		aml_resource_interrupt(aml, virtio->gsi, virtio_line_is_shared(machine, i));
		aml_resources_end(aml, resources);
		aml_end(aml, device);
	}
}

/* The button has no fixed hardware: its interrupt goes to the generic event device (5.6.9), which notifies
 * it; so do the PCI slots' and the processors'. */
static void dsdt_events(struct aml *aml, const struct acpi_machine *machine)
{
	size_t resources;
	size_t device;
	size_t method;
	size_t condition;

	device = aml_device_begin(aml, "PWRB");
	aml_name_eisa_id(aml, "_HID", "PNP0C0C");
	aml_end(aml, device);

	device = aml_device_begin(aml, "GED");
	aml_name_string(aml, "_HID", "ACPI0013");
	resources = aml_resources_begin(aml, "_CRS");
	aml_resource_interrupt(aml, machine->power_button_gsi, false);
	if (machine->pci)
		aml_resource_interrupt(aml, machine->pci->hotplug_gsi, false);
	if (machine->cpus)
		aml_resource_interrupt(aml, machine->cpus->gsi, false);
	aml_resources_end(aml, resources);
	method = aml_method_begin(aml, "_EVT", 1);
	condition = aml_if_argument_is_begin(aml, 0, machine->power_button_gsi);
	aml_notify(aml, "\\_SB.PWRB", NOTIFY_BUTTON_PRESSED);
	aml_end(aml, condition);
	if (machine->pci)
		acpi_pci_event(aml, machine->pci);
	if (machine->cpus)
		acpi_cpus_event(aml, machine);
	aml_end(aml, method);
	aml_end(aml, device);
}

/* 7.4.2: the sleep type that goes into the sleep control register, then three that only PM1 registers have */
static void dsdt_s5(struct aml *aml, const struct acpi_machine *machine)
{
	size_t package = aml_package_begin(aml, "\\_S5", 4);

	aml_integer(aml, machine->power_s5);
	for (unsigned i = 0; i < 3; i++)
		aml_integer(aml, 0);
	aml_end(aml, package);
}

static uint64_t dsdt_write(struct table_area *area, const struct acpi_machine *machine)
{
	struct acpi_header header = table_header("DSDT", ACPI_DSDT_REVISION);
	struct table table;
	size_t scope;

	table_begin(&table, area);
	aml_bytes(&table.aml, &header, sizeof(header));
	dsdt_s5(&table.aml, machine);
	scope = aml_scope_begin(&table.aml, "\\_SB");
	acpi_cpus_describe(&table.aml, machine);
	if (machine->serial)
		dsdt_serial(&table.aml, machine);
	if (machine->i8042)
		dsdt_keyboard(&table.aml);
	if (machine->rtc)
		dsdt_rtc(&table.aml);
	if (machine->pvpanic_port)
		dsdt_pvpanic(&table.aml, machine);
	if (machine->pci)
		acpi_pci_describe(&table.aml, machine->pci);
	dsdt_events(&table.aml, machine);
	dsdt_virtio(&table.aml, machine);
	aml_end(&table.aml, scope);
	return table_end(&table, area);
}

static struct acpi_address port_register(unsigned port)
{
	return (struct acpi_address){
		.space = ACPI_SPACE_PORT,
		.bit_width = 8,
		.access_size = ACPI_ACCESS_BYTE,
		.address = port,
	};
}

static uint64_t fadt_write(struct table_area *area, const struct acpi_machine *machine, uint64_t dsdt)
{
	unsigned boot = ACPI_BOOT_NO_VGA;
	struct acpi_fadt fadt = {
		.header = table_header("FACP", ACPI_FADT_REVISION),
		.dsdt = (uint32_t)dsdt,
		.flags = ACPI_FADT_WBINVD | ACPI_FADT_PROC_C1 | ACPI_FADT_PWR_BUTTON | ACPI_FADT_SLP_BUTTON |
			 ACPI_FADT_FIX_RTC | ACPI_FADT_RESET_REGISTER | ACPI_FADT_HW_REDUCED,
		.reset_register = port_register(machine->power_port + POWER_RESET),
		.reset_value = machine->power_reset_value,
		.minor_version = ACPI_FADT_MINOR,
		.x_dsdt = dsdt,
		.sleep_control = port_register(machine->power_port + POWER_SLEEP_CONTROL),
		.sleep_status = port_register(machine->power_port + POWER_SLEEP_STATUS),
		.hypervisor_vendor = ACPI_OEM_ID,
	};

	if (machine->i8042)
		boot |= ACPI_BOOT_8042;
	if (machine->rtc)
		fadt.fixed_hardware_1[ACPI_FADT_CENTURY - ACPI_FADT_FIXED_HARDWARE] = RTC_CENTURY;
	else
		boot |= ACPI_BOOT_NO_CMOS_RTC;
	fadt.boot_architecture = (uint16_t)boot;
	return table_copy(area, &fadt, sizeof(fadt));
}

static void madt_nmi(struct aml *aml, bool x2apic)
{
	struct acpi_madt_local_apic_nmi nmi = {
		.type = ACPI_MADT_LOCAL_APIC_NMI,
		.length = sizeof(nmi),
		.uid = ACPI_MADT_ALL_PROCESSORS,
		.flags = ACPI_MADT_NMI_EDGE_ACTIVE_HIGH,
		.lint = ACPI_MADT_LINT_NMI,
	};
	struct acpi_madt_local_x2apic_nmi x2apic_nmi = {
		.type = ACPI_MADT_LOCAL_X2APIC_NMI,
		.length = sizeof(x2apic_nmi),
		.flags = ACPI_MADT_NMI_EDGE_ACTIVE_HIGH,
		.uid = ACPI_MADT_ALL_X2APIC_UIDS,
		.lint = ACPI_MADT_LINT_NMI,
	};

	aml_bytes(aml, &nmi, sizeof(nmi));
	if (x2apic)
		aml_bytes(aml, &x2apic_nmi, sizeof(x2apic_nmi));
}

/*
 * No interrupt source overrides: without the PC's timer interrupt nothing needs one. Hardware-reduced Linux
 * does not drive the 8259s and takes every line from a device's _CRS, where trigger and polarity stand.
 */
static uint64_t madt_write(struct table_area *area, const struct acpi_machine *machine)
{
	struct acpi_madt madt = {
		.header = table_header("APIC", ACPI_MADT_REVISION),
		.local_apic = (uint32_t)LAYOUT_LAPIC,
		.flags = ACPI_MADT_PCAT_COMPAT,
	};
	struct acpi_madt_io_apic io_apic = {
		.type = ACPI_MADT_IO_APIC,
		.length = sizeof(io_apic),
		.address = (uint32_t)LAYOUT_IOAPIC,
	};
	struct table table;
	bool x2apic;

	table_begin(&table, area);
	aml_bytes(&table.aml, &madt, sizeof(madt));
	x2apic = acpi_cpus_list(&table.aml, machine);
	aml_bytes(&table.aml, &io_apic, sizeof(io_apic));
	madt_nmi(&table.aml, x2apic);
	return table_end(&table, area);
}

static uint64_t mcfg_write(struct table_area *area, const struct acpi_pci *pci)
{
	struct acpi_mcfg mcfg = {
		.header = table_header("MCFG", ACPI_MCFG_REVISION),
		.address = pci->ecam,
	};

	return table_copy(area, &mcfg, sizeof(mcfg));
}

static uint64_t srat_write(struct table_area *area, const struct acpi_machine *machine,
			   const struct guest_memory *memory)
{
	struct acpi_srat srat = {.header = table_header("SRAT", ACPI_SRAT_REVISION), .always_1 = 1};
	struct table table;

	table_begin(&table, area);
	aml_bytes(&table.aml, &srat, sizeof(srat));
	acpi_srat_describe(&table.aml, memory, &machine->topology);
	return table_end(&table, area);
}

static void rsdp_write(uint8_t *host, uint64_t xsdt)
{
	struct acpi_rsdp rsdp = {
		.signature = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '},
		.revision = ACPI_RSDP_REVISION,
		.length = sizeof(rsdp),
		.xsdt = xsdt,
	};

	memcpy(rsdp.oem_id, ACPI_OEM_ID, sizeof(rsdp.oem_id));
	rsdp.checksum = checksum(&rsdp, ACPI_RSDP_V1_SIZE);
	rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
	memcpy(host, &rsdp, sizeof(rsdp));
}

/* 0: one of them did not fit. */
static uint64_t tables_write(struct table_area *area, const struct acpi_machine *machine,
			     const struct guest_memory *memory)
{
	struct acpi_xsdt xsdt = {.header = table_header("XSDT", ACPI_XSDT_REVISION)};
	uint64_t dsdt = dsdt_write(area, machine);
	unsigned count = 0;

	xsdt.tables[count++] = fadt_write(area, machine, dsdt);
	xsdt.tables[count++] = madt_write(area, machine);
	if (machine->pci)
		xsdt.tables[count++] = mcfg_write(area, machine->pci);
	if (acpi_srat_wanted(memory))
		xsdt.tables[count++] = srat_write(area, machine, memory);
	for (unsigned i = 0; i < count; i++)
		if (!dsdt || !xsdt.tables[i])
			return 0;
	return table_copy(area, &xsdt, sizeof(xsdt.header) + count * sizeof(xsdt.tables[0]));
}

int acpi_build(const struct guest_memory *memory, const struct acpi_machine *machine, uint64_t *rsdp,
	       struct error *err)
{
	struct table_area area = {
		.address = LAYOUT_ACPI,
		.size = (size_t)(TABLES_END - LAYOUT_ACPI),
		.used = ALIGN_UP(sizeof(struct acpi_rsdp), (size_t)TABLE_ALIGNMENT),
	};
	uint64_t xsdt;

	area.host = guest_memory_at(memory, area.address, area.size);
	if (!area.host)
		return error_set(err, -ENOSPC, "ACPI tables: the guest has less than 1 MiB of memory");
	xsdt = tables_write(&area, machine, memory);
	if (!xsdt)
		return error_set(err, -ENOSPC,
				 "ACPI tables: %u CPUs and %u devices need more than the %zu KiB there are",
				 topology_vcpus(&machine->topology), machine->virtio_count, area.size / 1024);
	rsdp_write(area.host, xsdt);
	*rsdp = area.address;
	return 0;
}
