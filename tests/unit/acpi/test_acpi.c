/* The guest's ACPI tables: their structure here, their AML by acpica-tools where that is installed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "hypervisor/boot/acpi.h"
#include "hypervisor/boot/acpi_tables.h"
#include "hypervisor/x86_64/layout.h"

struct fixture {
	uint8_t *ram;
	struct guest_memory memory;
	struct acpi_machine machine;
	struct acpi_virtio_mmio virtio[LAYOUT_VIRTIO_MAX];
	uint64_t rsdp;
	struct error err;
};

static struct fixture fixture;

static void setup(void)
{
	fixture.ram = calloc(1, MIB(2));
	fixture.memory.fd = -1;
	cr_assert_eq(guest_memory_add(&fixture.memory, 0, MIB(2), fixture.ram, 0), 0);
	for (unsigned i = 0; i < LAYOUT_VIRTIO_MAX; i++)
		fixture.virtio[i] = (struct acpi_virtio_mmio){
			.base = LAYOUT_VIRTIO_MMIO + i * 0x1000,
			.size = 0x1000,
			.gsi = LAYOUT_GSI_VIRTIO + i % (LAYOUT_GSI_LAST - LAYOUT_GSI_VIRTIO + 1),
		};
	fixture.machine = (struct acpi_machine){
		.topology = {.sockets = 1, .cores = 2, .threads = 1},
		.virtio_count = 5,
		.virtio = fixture.virtio,
		.serial = true,
		.serial_port = 0x3f8,
		.serial_irq = 4,
		.i8042 = true,
		.rtc = true,
		.power_port = 0x600,
		.power_reset_value = 1,
		.power_s5 = 5,
		.power_button_gsi = LAYOUT_GSI_POWER,
	};
}

/* A PCI bus with two slots that devices may leave and come to, the first and the last. */
static const struct acpi_pci pci = {
	.ecam = LAYOUT_PCI_ECAM,
	.ecam_size = LAYOUT_PCI_ECAM_SIZE,
	.window = LAYOUT_PCI_WINDOW,
	.window_size = LAYOUT_PCI_WINDOW_SIZE,
	.line_first = 16,
	.line_count = 8,
	.removable = 1U << 1 | 1U << 31,
	.hotplug_port = 0x610,
	.hotplug_gsi = LAYOUT_GSI_HOTPLUG,
};

/* Two of the processors are there at first. */
static const struct acpi_cpus cpus = {.present = 2, .port = 0x620, .gsi = LAYOUT_GSI_CPUS};

static void teardown(void)
{
	free(fixture.ram);
}

TestSuite(acpi, .init = setup, .fini = teardown);

static void build(void)
{
	cr_assert_eq(acpi_build(&fixture.memory, &fixture.machine, &fixture.rsdp, &fixture.err), 0, "%s",
		     fixture.err.text);
}

static uint8_t sum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t total = 0;

	while (size--)
		total += *bytes++;
	return total;
}

/* The table at address, its checksum and place checked. */
static const struct acpi_header *table_at(uint64_t address, const char *signature)
{
	const struct acpi_header *header = (const void *)(fixture.ram + address);

	cr_assert(address > LAYOUT_ACPI && address + header->length <= LAYOUT_RESET_VECTOR);
	cr_assert_arr_eq(header->signature, signature, 4);
	cr_assert_arr_eq(header->oem_id, "RASTOS", 6);
	cr_assert_eq(sum(header, header->length), 0, "checksum of %s", signature);
	return header;
}

static const struct acpi_xsdt *xsdt_get(void)
{
	const struct acpi_rsdp *rsdp = (const void *)(fixture.ram + fixture.rsdp);

	return (const void *)table_at(rsdp->xsdt, "XSDT");
}

static const struct acpi_fadt *fadt_get(void)
{
	return (const void *)table_at(xsdt_get()->tables[0], "FACP");
}

static const struct acpi_madt *madt_get(void)
{
	return (const void *)table_at(xsdt_get()->tables[1], "APIC");
}

static const struct acpi_header *dsdt_get(void)
{
	return table_at(fadt_get()->x_dsdt, "DSDT");
}

static const struct acpi_mcfg *mcfg_get(void)
{
	return (const void *)table_at(xsdt_get()->tables[2], "MCFG");
}

/* The n-th entry of a type in the MADT, or NULL. */
static const void *madt_entry(uint8_t type, unsigned n)
{
	const uint8_t *at = (const uint8_t *)madt_get();
	const uint8_t *end = at + madt_get()->header.length;

	for (at += sizeof(struct acpi_madt); at < end; at += at[1]) {
		cr_assert(at[1] >= 2 && at + at[1] <= end);
		if (at[0] == type && n-- == 0)
			return at;
	}
	return NULL;
}

Test(acpi, rsdp_is_found_and_sums_up)
{
	const struct acpi_rsdp *rsdp;

	build();
	cr_assert_eq(fixture.rsdp, LAYOUT_ACPI);
	rsdp = (const void *)(fixture.ram + fixture.rsdp);
	cr_assert_arr_eq(rsdp->signature, "RSD PTR ", 8);
	cr_assert_eq(rsdp->revision, 2);
	cr_assert_eq(rsdp->length, 36);
	cr_assert_eq(sum(rsdp, 20), 0);
	cr_assert_eq(sum(rsdp, 36), 0);
	xsdt_get();
	dsdt_get();
}

Test(acpi, fadt_describes_reduced_hardware)
{
	const struct acpi_fadt *fadt;

	build();
	fadt = fadt_get();
	cr_assert(fadt->flags & ACPI_FADT_HW_REDUCED);
	cr_assert(fadt->flags & ACPI_FADT_RESET_REGISTER);
	cr_assert_eq(fadt->reset_register.space, 1);
	cr_assert_eq(fadt->reset_register.address, 0x602);
	cr_assert_eq(fadt->reset_value, 1);
	cr_assert_eq(fadt->sleep_control.address, 0x600);
	cr_assert_eq(fadt->sleep_status.address, 0x601);
	cr_assert_eq(fadt->boot_architecture, ACPI_BOOT_8042 | ACPI_BOOT_NO_VGA);
}

Test(acpi, fadt_says_which_legacy_devices_are_missing)
{
	fixture.machine.i8042 = false;
	fixture.machine.rtc = false;
	build();
	cr_assert_eq(fadt_get()->boot_architecture, ACPI_BOOT_NO_VGA | ACPI_BOOT_NO_CMOS_RTC);
}

Test(acpi, madt_lists_every_cpu_by_its_apic_id)
{
	fixture.machine.topology = (struct cpu_topology){.sockets = 2, .cores = 3, .threads = 1};
	build();
	for (unsigned i = 0; i < 6; i++) {
		const struct acpi_madt_local_apic *entry = madt_entry(ACPI_MADT_LOCAL_APIC, i);

		cr_assert(entry);
		cr_assert_eq(entry->uid, i);
		cr_assert_eq(entry->apic_id, topology_apic_id(&fixture.machine.topology, i));
		cr_assert_eq(entry->flags, 1);
	}
	cr_assert_null(madt_entry(ACPI_MADT_LOCAL_APIC, 6));
	cr_assert_null(madt_entry(ACPI_MADT_LOCAL_X2APIC, 0));
	cr_assert_eq(madt_get()->local_apic, LAYOUT_LAPIC);
}

Test(acpi, madt_has_io_apic_and_nmi_line)
{
	const struct acpi_madt_local_apic_nmi *nmi;
	const struct acpi_madt_io_apic *io_apic;

	build();
	io_apic = madt_entry(ACPI_MADT_IO_APIC, 0);
	cr_assert(io_apic);
	cr_assert_eq(io_apic->address, LAYOUT_IOAPIC);
	cr_assert_eq(io_apic->gsi_base, 0);
	nmi = madt_entry(ACPI_MADT_LOCAL_APIC_NMI, 0);
	cr_assert(nmi);
	cr_assert_eq(nmi->uid, 0xff);
	cr_assert_eq(nmi->lint, 1);
	cr_assert_null(madt_entry(ACPI_MADT_LOCAL_X2APIC_NMI, 0));
}

Test(acpi, madt_uses_x2apic_entries_above_254)
{
	const struct acpi_madt_local_x2apic *entry;

	fixture.machine.topology = (struct cpu_topology){.sockets = 1, .cores = 288, .threads = 1};
	build();
	cr_assert(madt_entry(ACPI_MADT_LOCAL_APIC, 254));
	cr_assert_null(madt_entry(ACPI_MADT_LOCAL_APIC, 255));
	entry = madt_entry(ACPI_MADT_LOCAL_X2APIC, 0);
	cr_assert(entry);
	cr_assert_eq(entry->x2apic_id, 255);
	cr_assert_eq(entry->uid, 255);
	cr_assert(madt_entry(ACPI_MADT_LOCAL_X2APIC, 32));
	cr_assert_null(madt_entry(ACPI_MADT_LOCAL_X2APIC, 33));
	cr_assert(madt_entry(ACPI_MADT_LOCAL_X2APIC_NMI, 0));
}

Test(acpi, madt_marks_cpus_that_may_come)
{
	const struct acpi_madt_local_apic *entry;

	fixture.machine.topology = (struct cpu_topology){.sockets = 1, .cores = 4, .threads = 1};
	fixture.machine.cpus = &cpus;
	build();
	for (unsigned i = 0; i < 4; i++) {
		entry = madt_entry(ACPI_MADT_LOCAL_APIC, i);
		cr_assert_eq(entry->flags, i < 2 ? ACPI_MADT_ENABLED : ACPI_MADT_ONLINE_CAPABLE);
	}
	cr_assert_geq(fadt_get()->minor_version, 3, "which makes a kernel look at the second flag");
}

Test(acpi, as_many_cpus_as_there_may_be_come_and_go)
{
	fixture.machine.topology = (struct cpu_topology){.sockets = 1, .cores = 255, .threads = 1};
	fixture.machine.virtio_count = LAYOUT_VIRTIO_MAX;
	fixture.machine.pci = &pci;
	fixture.machine.cpus = &cpus;
	build();
}

Test(acpi, mcfg_has_the_one_bus)
{
	build();
	cr_assert_eq(xsdt_get()->header.length, sizeof(struct acpi_header) + 2 * sizeof(uint64_t),
		     "no MCFG without a PCI bus");
	fixture.machine.pci = &pci;
	build();
	cr_assert_eq(xsdt_get()->header.length, sizeof(struct acpi_header) + 3 * sizeof(uint64_t));
	cr_assert_eq(mcfg_get()->header.length, 60);
	cr_assert_eq(mcfg_get()->address, LAYOUT_PCI_ECAM);
	cr_assert_eq(mcfg_get()->segment, 0);
	cr_assert_eq(mcfg_get()->first_bus, 0);
	cr_assert_eq(mcfg_get()->last_bus, 0);
}

/* A memory device's range above the RAM; its blocks are all unplugged. */
static void add_memory_device(void)
{
	static _Atomic uint64_t bits[1];

	cr_assert_eq(guest_memory_add(&fixture.memory, GIB(6), MIB(128), fixture.ram, MIB(2)), 0);
	guest_memory_set_blocks(&fixture.memory, 21, bits, fixture.ram);
}

Test(acpi, srat_says_up_to_where_memory_may_come)
{
	const struct acpi_srat_local_x2apic *cpu;
	const struct acpi_srat_memory *memory;
	const struct acpi_srat *srat;

	add_memory_device();
	build();
	cr_assert_eq(xsdt_get()->header.length, sizeof(struct acpi_header) + 3 * sizeof(uint64_t));
	srat = (const void *)table_at(xsdt_get()->tables[2], "SRAT");
	cr_assert_eq(srat->header.length, 48 + 2 * 24 + 2 * 40);
	cpu = (const void *)(srat + 1);
	memory = (const void *)(cpu + 2);
	cr_assert_eq(cpu[1].type, ACPI_SRAT_LOCAL_X2APIC);
	cr_assert_eq(cpu[1].length, 24);
	cr_assert_eq(cpu[1].x2apic_id, topology_apic_id(&fixture.machine.topology, 1));
	cr_assert_eq(cpu[1].flags, ACPI_SRAT_ENABLED);
	cr_assert(memory[0].base == 0 && memory[0].size == MIB(2) && memory[0].flags == ACPI_SRAT_ENABLED);
	cr_assert(memory[1].base == GIB(6) && memory[1].size == MIB(128) && memory[1].node == 0);
	cr_assert_eq(memory[1].flags, ACPI_SRAT_ENABLED | ACPI_SRAT_HOT_PLUGGABLE);
}

Test(acpi, too_many_cpus_are_refused)
{
	fixture.machine.topology = (struct cpu_topology){.sockets = 1, .cores = 4096, .threads = 1};
	cr_assert_eq(acpi_build(&fixture.memory, &fixture.machine, &fixture.rsdp, &fixture.err), -ENOSPC);
	cr_assert(strstr(fixture.err.text, "4096 CPUs"), "%s", fixture.err.text);
}

Test(acpi, guest_without_low_memory_is_refused)
{
	struct guest_memory small = {.fd = -1};

	guest_memory_add(&small, 0, KIB(512), fixture.ram, 0);
	cr_assert_eq(acpi_build(&small, &fixture.machine, &fixture.rsdp, &fixture.err), -ENOSPC);
}

Test(acpi, nothing_is_written_outside_the_area)
{
	memset(fixture.ram, 0xee, MIB(2));
	build();
	for (size_t i = 0; i < MIB(2); i++)
		if (i < LAYOUT_ACPI || i >= LAYOUT_SMBIOS)
			cr_assert_eq(fixture.ram[i], 0xee, "byte %#zx", i);
}

/* Runs a shell command; its exit status, output into text. */
static int shell(char *text, size_t size, const char *format, ...)
{
	char command[1024];
	size_t used;
	va_list args;
	FILE *pipe;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	pipe = popen(command, "r");
	cr_assert(pipe);
	used = fread(text, 1, size - 1, pipe);
	text[used] = '\0';
	return pclose(pipe);
}

static void table_save(const char *folder, const char *name, const struct acpi_header *table)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.dat", folder, name);
	AUTO_FCLOSE FILE *file = fopen(path, "w");
	cr_assert(file);
	cr_assert_eq(fwrite(table, 1, table->length, file), table->length);
}

static void require_tool(const char *tool)
{
	char output[256];

	if (shell(output, sizeof(output), "command -v %s", tool) != 0)
		cr_skip("%s is not installed (Debian package acpica-tools)", tool);
}

/* Disassembles every table, compiles it again, and compares. */
static void expect_iasl_agrees(void)
{
	const char *names[] = {"dsdt", "facp", "apic", "xsdt", NULL, NULL, NULL};
	unsigned count = 4, tables = 2;
	char folder[] = "/tmp/rastos-acpi-XXXXXX";
	static char output[65536];

	cr_assert(mkdtemp(folder));
	table_save(folder, "dsdt", dsdt_get());
	table_save(folder, "facp", &fadt_get()->header);
	table_save(folder, "apic", &madt_get()->header);
	table_save(folder, "xsdt", &xsdt_get()->header);
	if (fixture.machine.pci) {
		table_save(folder, names[count++] = "mcfg", &mcfg_get()->header);
		tables++;
	}
	if (fixture.memory.count > 1)
		table_save(folder, names[count++] = "srat", table_at(xsdt_get()->tables[tables], "SRAT"));
	for (const char **name = names; *name; name++) {
		cr_assert_eq(shell(output, sizeof(output), "cd %s && iasl -d %s.dat 2>&1", folder, *name), 0,
			     "%s", output);
		cr_assert_null(strcasestr(output, "warning"), "%s", output);
		cr_assert_null(strcasestr(output, "error"), "%s", output);
	}
	cr_assert_eq(shell(output, sizeof(output), "cd %s && iasl -oa -p again dsdt.dsl 2>&1", folder), 0,
		     "%s", output);
	cr_assert(strstr(output, "0 Errors, 0 Warnings"), "%s", output);
	/* all but the header, where iasl puts itself as the creator */
	cr_assert_eq(shell(output, sizeof(output), "cd %s && cmp -i 36 dsdt.dat again.aml 2>&1", folder), 0,
		     "%s", output);
	shell(output, sizeof(output), "rm -r %s", folder);
}

Test(acpi, iasl_disassembles_and_compiles_back_the_same)
{
	require_tool("iasl");
	build();
	expect_iasl_agrees();
}

Test(acpi, iasl_agrees_with_memory_that_comes_and_goes)
{
	require_tool("iasl");
	fixture.machine.pci = &pci;
	add_memory_device();
	build();
	expect_iasl_agrees();
}

Test(acpi, iasl_agrees_with_the_smallest_and_the_largest_machine)
{
	require_tool("iasl");
	fixture.machine.virtio_count = LAYOUT_VIRTIO_MAX;
	fixture.machine.topology = (struct cpu_topology){.sockets = 2, .cores = 72, .threads = 2};
	build();
	expect_iasl_agrees();
	fixture.machine.virtio_count = 0;
	fixture.machine.topology = (struct cpu_topology){.sockets = 1, .cores = 1, .threads = 1};
	fixture.machine.serial = false;
	fixture.machine.i8042 = false;
	fixture.machine.rtc = false;
	build();
	expect_iasl_agrees();
}

Test(acpi, iasl_agrees_with_a_pci_bus)
{
	require_tool("iasl");
	fixture.machine.pci = &pci;
	fixture.machine.virtio_count = 0;
	build();
	expect_iasl_agrees();
}

Test(acpi, iasl_agrees_with_cpus_that_come_and_go)
{
	require_tool("iasl");
	fixture.machine.cpus = &cpus;
	fixture.machine.topology = (struct cpu_topology){.sockets = 2, .cores = 33, .threads = 2};
	build();
	expect_iasl_agrees();
}

/* Loads the tables, carries the commands out, and looks for these lines; no method may fail. */
static void acpiexec_expect(const char **expected, const char *commands)
{
	char folder[] = "/tmp/rastos-acpi-XXXXXX";
	static char output[262144];
	char rest[16];

	cr_assert(mkdtemp(folder));
	table_save(folder, "dsdt", dsdt_get());
	table_save(folder, "facp", &fadt_get()->header);
	table_save(folder, "apic", &madt_get()->header);
	shell(output, sizeof(output), "cd %s && acpiexec -b '%s' dsdt.dat facp.dat apic.dat 2>&1", folder,
	      commands);
	shell(rest, sizeof(rest), "rm -r %s", folder);
	for (const char **line = expected; *line; line++)
		cr_assert(strstr(output, *line), "no \"%s\" in:\n%s", *line, output);
	cr_assert_null(strstr(output, "failed with status"), "an exception in:\n%s", output);
}

/* Of a machine whose ports keep what is written to them: acpiexec has no others. */
Test(acpi, acpica_evaluates_the_cpus)
{
	static const char *expected[] = {
		"1 ACPI AML tables successfully acquired and loaded",
		"00 08 21 21 01 00 00 00", /* the entry of processor 33, there */
		"[Integer] = 0000000000000000",
		NULL,
	};
	require_tool("acpiexec");
	fixture.machine.cpus = &cpus;
	fixture.machine.topology = (struct cpu_topology){.sockets = 1, .cores = 40, .threads = 1};
	build();
	acpiexec_expect(expected, "evaluate \\_SB.C021._MAT;"
				  "evaluate \\_SB.C021._STA;"
				  "evaluate \\_SB.C021._EJ0 1;"
				  "evaluate \\_SB.C021._OST 1 0 0;"
				  "evaluate \\_SB.GED._EVT 7");
}

/* ACPICA, the interpreter that Linux uses, loads the tables and evaluates them. */
Test(acpi, acpica_loads_and_evaluates)
{
	static const char *expected[] = {
		"1 ACPI AML tables successfully acquired and loaded",
		"[Package] Contains 4 Elements:\n    [Integer] = 0000000000000005",
		"Address Minimum : 03F8",
		"Address : C0005000",
		"Dword00 : 00000014", /* line 20 of the fifth virtio device */
		"Received a Device Notify on [PWRB]",
		NULL,
	};
	require_tool("acpiexec");
	build();
	acpiexec_expect(expected, "evaluate \\_S5;"
				  "resources \\_SB.COM1;"
				  "resources \\_SB.VR04;"
				  "evaluate \\_SB.GED._EVT 5");
}

/* What a kernel does with the bus: asks who controls it, reads its lines and resources, and hears of slots.
 */
Test(acpi, acpica_evaluates_the_pci_bus)
{
	static const char *expected[] = {
		"1 ACPI AML tables successfully acquired and loaded",
		"Address Minimum : D1000000",
		"Address Maximum : D11FFFFF",
		"[Integer] = 000000000000001F",        /* the number of the last slot */
		"[Integer] = 00000000001FFFFF",        /* and where it is in the table of lines */
		"00 00 00 00 1F 00 00 00 00 00 00 00", /* what was asked for, and nothing granted */
		"04 00 00 00 1F 00 00 00 1D 00 00 00", /* by a UUID that is not known */
		NULL,
	};
	require_tool("acpiexec");
	fixture.machine.pci = &pci;
	build();
	acpiexec_expect(
		expected,
		"resources \\_SB.PCI0;"
		"evaluate \\_SB.PCI0.S001._EJ0 1;"
		"evaluate \\_SB.PCI0.S031._SUN;"
		"evaluate \\_SB.PCI0._PRT;"
		"evaluate \\_SB.PCI0._OSC (5B 4D DB 33 F7 1F 1C 40 96 57 74 41 C0 3D D7 66) 1 3 (00 00 00 00 1F 00 00 00 1D 00 00 00);"
		"evaluate \\_SB.PCI0._OSC (00 4D DB 33 F7 1F 1C 40 96 57 74 41 C0 3D D7 66) 1 3 (00 00 00 00 1F 00 00 00 1D 00 00 00);"
		"evaluate \\_SB.GED._EVT 6");
}
