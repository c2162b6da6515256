/* The guest's SMBIOS tables, read as a kernel reads them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/boot/smbios.h"
#include "hypervisor/x86_64/layout.h"

static const uint8_t uuid[SMBIOS_UUID_BYTES] = {0x6d, 0x0c, 0x4a, 0x4e, 0x9f, 0x0e, 0x4c, 0x56,
						0x8f, 0x3a, 0x0a, 0x2b, 0x7c, 0x1d, 0x5e, 0x6f};
static uint8_t *ram;
static struct guest_memory memory;
static struct error err;

static void setup(void)
{
	ram = malloc(MIB(1));
	memset(ram, 0xee, MIB(1));
	memory.fd = -1;
	cr_assert_eq(guest_memory_add(&memory, 0, MIB(1), ram, 0), 0);
	cr_assert_eq(smbios_build(&memory, uuid, &err), 0);
}

static void teardown(void)
{
	free(ram);
}

TestSuite(smbios, .init = setup, .fini = teardown);

static uint64_t number_at(const uint8_t *bytes, unsigned size)
{
	uint64_t number = 0;

	for (unsigned i = size; i-- > 0;)
		number = number << 8 | bytes[i];
	return number;
}

/* 6.1.2: a structure's strings end with an empty one. */
static const uint8_t *next_structure(const uint8_t *structure)
{
	const uint8_t *string = structure + structure[1];

	while (string[0] || string[1])
		string++;
	return string + 2;
}

static const uint8_t *structure_of(uint8_t type)
{
	const uint8_t *entry = ram + LAYOUT_SMBIOS;
	const uint8_t *structure = ram + number_at(entry + 16, 8);
	const uint8_t *end = structure + number_at(entry + 12, 4);

	while (structure < end && structure[0] != type)
		structure = next_structure(structure);
	cr_assert(structure < end, "there is no structure of type %u", type);
	return structure;
}

static const char *string_of(const uint8_t *structure, unsigned offset)
{
	const char *string = (const char *)structure + structure[1];

	for (unsigned i = 1; i < structure[offset]; i++)
		string += strlen(string) + 1;
	return string;
}

Test(smbios, the_entry_point_is_where_kernels_look_and_adds_up)
{
	const uint8_t *entry = ram + LAYOUT_SMBIOS;
	uint8_t sum = 0;

	cr_assert_eq(LAYOUT_SMBIOS % 16, 0);
	cr_assert_eq(memcmp(entry, "_SM3_", 5), 0);
	cr_assert_eq(entry[6], 24);
	for (unsigned i = 0; i < entry[6]; i++)
		sum = (uint8_t)(sum + entry[i]);
	cr_assert_eq(sum, 0);
}

Test(smbios, the_table_ends_with_its_last_structure)
{
	const uint8_t *entry = ram + LAYOUT_SMBIOS;
	const uint8_t *end = structure_of(127);

	cr_assert_eq(next_structure(end), ram + number_at(entry + 16, 8) + number_at(entry + 12, 4));
	cr_assert_eq(*next_structure(end), 0xee, "written behind its end");
}

Test(smbios, the_system_has_its_uuid_and_name)
{
	static const uint8_t stored[] = {0x4e, 0x4a, 0x0c, 0x6d, 0x0e, 0x9f, 0x56, 0x4c,
					 0x8f, 0x3a, 0x0a, 0x2b, 0x7c, 0x1d, 0x5e, 0x6f};
	const uint8_t *system = structure_of(1);

	cr_assert_eq(system[1], 27);
	cr_assert_arr_eq(system + 8, stored, sizeof(stored));
	cr_assert_str_eq(string_of(system, 4), "rastOS");
	cr_assert_str_eq(string_of(system, 5), "rastOS guest");
	cr_assert_str_eq(string_of(system, 6), RASTOS_VERSION);
}

Test(smbios, the_bios_says_that_the_machine_is_virtual)
{
	const uint8_t *bios = structure_of(0);

	cr_assert_eq(bios[1], 26);
	cr_assert_eq(bios[19] & 1U << 4, 1U << 4);
	cr_assert_str_eq(string_of(bios, 4), "rastOS");
	cr_assert_str_eq(string_of(bios, 5), RASTOS_VERSION);
	cr_assert_str_eq(string_of(bios, 8), "01/01/2026");
}

Test(smbios, nothing_is_written_outside_its_area)
{
	for (unsigned i = 0; i < MIB(1); i++) {
		if (i < LAYOUT_SMBIOS || i >= LAYOUT_RESET_VECTOR)
			cr_assert_eq(ram[i], 0xee, "byte %x", i);
	}
}

Test(smbios, memory_that_ends_below_is_refused)
{
	struct guest_memory small = {.fd = -1};

	guest_memory_add(&small, 0, LAYOUT_SMBIOS + 8, ram, 0);
	cr_assert_eq(smbios_build(&small, uuid, &err), -EFAULT);
}
