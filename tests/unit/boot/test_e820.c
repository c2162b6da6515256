#include "hypervisor/boot/e820.h"

#include <errno.h>

#include "tests/unit/boot/guest_ram.h"

static void assert_range(const struct e820_map *map, unsigned index, uint64_t start, uint64_t end,
			 enum e820_type type)
{
	cr_assert_lt(index, map->count);
	cr_assert_eq(map->ranges[index].address, start, "range %u at %lx", index, map->ranges[index].address);
	cr_assert_eq(map->ranges[index].size, end - start, "range %u of %lx", index, map->ranges[index].size);
	cr_assert_eq(map->ranges[index].type, type);
}

Test(e820, small_guest_has_ram_below_and_above_the_firmware_area)
{
	struct guest_memory memory = guest_ram_create(MIB(128));
	struct e820_map map;

	cr_assert_eq(e820_build(&memory, &map, NULL), 0);
	cr_assert_eq(map.count, 4);
	assert_range(&map, 0, 0, LAYOUT_EBDA, E820_RAM);
	assert_range(&map, 1, LAYOUT_EBDA, 0xa0000, E820_RESERVED);
	assert_range(&map, 2, LAYOUT_ACPI, MIB(1), E820_RESERVED);
	assert_range(&map, 3, MIB(1), MIB(128), E820_RAM);
	guest_ram_destroy(&memory);
}

Test(e820, ram_goes_on_above_the_hole_under_4_gib)
{
	struct guest_memory memory = guest_ram_create(GIB(5));
	struct e820_map map;

	cr_assert_eq(e820_build(&memory, &map, NULL), 0);
	cr_assert_eq(map.count, 5);
	assert_range(&map, 3, MIB(1), LAYOUT_LOW_RAM_END, E820_RAM);
	assert_range(&map, 4, GIB(4), GIB(4) + GIB(2), E820_RAM);
	guest_ram_destroy(&memory);
}

Test(e820, as_many_regions_as_there_can_be_fit)
{
	struct guest_memory memory = {.fd = -1};
	static uint8_t ram[1];
	struct e820_map map;

	for (unsigned i = 0; i < GUEST_MEMORY_REGIONS_MAX; i++)
		cr_assert_eq(guest_memory_add(&memory, GIB(i), MIB(64), ram, 0), 0);
	cr_assert_eq(e820_build(&memory, &map, NULL), 0);
	cr_assert_eq(map.count, E820_RANGES_MAX);
	assert_range(&map, E820_RANGES_MAX - 1, GIB(3), GIB(3) + MIB(64), E820_RAM);
}

Test(e820, memory_devices_are_not_ram_from_the_start)
{
	struct guest_memory memory = {.fd = -1};
	static _Atomic uint64_t bits[1] = {1};
	static uint8_t ram[1];
	struct e820_map map;

	cr_assert_eq(guest_memory_add(&memory, 0, MIB(64), ram, 0), 0);
	cr_assert_eq(guest_memory_add(&memory, GIB(4), MIB(64), ram, 0), 0);
	guest_memory_set_blocks(&memory, 21, bits, ram);
	cr_assert_eq(e820_build(&memory, &map, NULL), 0);
	cr_assert_eq(map.count, 4);
}

Test(e820, too_little_memory_is_refused)
{
	struct guest_memory memory = guest_ram_create(MIB(1));
	struct guest_memory none = {.fd = -1};
	struct e820_map map;
	struct error err;

	assert_refused(e820_build(&memory, &map, &err), -ENOMEM, err,
		       "guest memory: 1024 KiB are too few to boot a kernel");
	assert_refused(e820_build(&none, &map, &err), -ENOMEM, err,
		       "guest memory: 0 KiB are too few to boot a kernel");
	guest_ram_destroy(&memory);
}
