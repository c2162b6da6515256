#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/guest_memory.h"

#define LOW_BASE  0x1000
#define LOW_SIZE  0x1000
#define HIGH_BASE 0x100000000ULL
#define HIGH_SIZE 0x800

static uint8_t low[LOW_SIZE]; /* each test is a process of its own */
static uint8_t high[HIGH_SIZE];

static struct guest_memory two_regions(void)
{
	struct guest_memory memory = {.fd = -1};

	cr_assert_eq(guest_memory_add(&memory, LOW_BASE, LOW_SIZE, low, 0), 0);
	cr_assert_eq(guest_memory_add(&memory, HIGH_BASE, HIGH_SIZE, high, LOW_SIZE), 0);
	return memory;
}

Test(guest_memory, addresses_map_to_their_region)
{
	struct guest_memory memory = two_regions();

	cr_assert_eq(guest_memory_at(&memory, LOW_BASE, LOW_SIZE), low);
	cr_assert_eq(guest_memory_at(&memory, LOW_BASE + 5, 1), low + 5);
	cr_assert_eq(guest_memory_at(&memory, HIGH_BASE + HIGH_SIZE - 1, 1), high + HIGH_SIZE - 1);
	cr_assert_eq(guest_memory_size(&memory), LOW_SIZE + HIGH_SIZE);
	cr_assert_eq(memory.regions[1].fd_offset, LOW_SIZE);
}

Test(guest_memory, outside_is_refused)
{
	struct guest_memory memory = two_regions();
	static const uint64_t ranges[][2] = {
		{0, 1},
		{LOW_BASE - 1, 1},
		{LOW_BASE - 1, 2},
		{LOW_BASE, LOW_SIZE + 1},
		{LOW_BASE + LOW_SIZE - 1, 2},
		{LOW_BASE + LOW_SIZE, 1},
		{HIGH_BASE - 1, 1},
		{HIGH_BASE + HIGH_SIZE, 1},
		{LOW_BASE, UINT64_MAX},
		{LOW_BASE + 1, UINT64_MAX},
		{HIGH_BASE, (uint64_t)0 - HIGH_BASE},
		{UINT64_MAX, 1},
		{UINT64_MAX, UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		cr_assert_null(guest_memory_at(&memory, ranges[i][0], ranges[i][1]), "range %zu", i);
}

Test(guest_memory, no_regions_hold_nothing)
{
	struct guest_memory memory = {.fd = -1};

	cr_assert_null(guest_memory_at(&memory, 0, 0));
	cr_assert_eq(guest_memory_size(&memory), 0);
}

Test(guest_memory, size_zero_is_allowed_inside)
{
	struct guest_memory memory = two_regions();

	cr_assert_eq(guest_memory_at(&memory, LOW_BASE, 0), low);
	cr_assert_null(guest_memory_at(&memory, LOW_BASE + LOW_SIZE, 0));
	cr_assert_eq(guest_memory_read(&memory, LOW_BASE, NULL, 0), 0);
	cr_assert_eq(guest_memory_write(&memory, LOW_BASE, NULL, 0), 0);
}

Test(guest_memory, neighbouring_regions_are_not_one)
{
	struct guest_memory memory = {.fd = -1};

	guest_memory_add(&memory, 0, LOW_SIZE, low, 0);
	cr_assert_eq(guest_memory_add(&memory, LOW_SIZE, HIGH_SIZE, high, 0), 0);
	cr_assert_null(guest_memory_at(&memory, LOW_SIZE - 1, 2));
	cr_assert_eq(guest_memory_at(&memory, LOW_SIZE, 1), high);
}

Test(guest_memory, copies_or_touches_nothing)
{
	struct guest_memory memory = two_regions();
	char text[8] = "before";

	cr_assert_eq(guest_memory_write(&memory, LOW_BASE + 16, "hello", 6), 0);
	cr_assert_str_eq((char *)low + 16, "hello");
	cr_assert_eq(guest_memory_read(&memory, LOW_BASE + 16, text, 6), 0);
	cr_assert_str_eq(text, "hello");
	cr_assert_eq(guest_memory_read(&memory, LOW_BASE + LOW_SIZE - 3, text, 6), -EFAULT);
	cr_assert_str_eq(text, "hello");
	memset(low + LOW_SIZE - 3, 0x55, 3);
	cr_assert_eq(guest_memory_write(&memory, LOW_BASE + LOW_SIZE - 3, "hello", 6), -EFAULT);
	cr_assert_eq(low[LOW_SIZE - 3], 0x55);
}

Test(guest_memory, bad_regions_are_refused)
{
	struct guest_memory memory = two_regions();

	cr_assert_eq(guest_memory_add(&memory, HIGH_BASE + HIGH_SIZE, 0, high, 0), -EINVAL, "empty");
	cr_assert_eq(guest_memory_add(&memory, HIGH_BASE + HIGH_SIZE - 1, 2, high, 0), -EINVAL, "overlaps");
	cr_assert_eq(guest_memory_add(&memory, 0, 1, high, 0), -EINVAL, "below the last");
	cr_assert_eq(guest_memory_add(&memory, UINT64_MAX, 2, high, 0), -EINVAL, "wraps");
	cr_assert_eq(memory.count, 2);
	for (unsigned i = 2; i < GUEST_MEMORY_REGIONS_MAX; i++)
		cr_assert_eq(guest_memory_add(&memory, HIGH_BASE + i * 0x1000, 1, high, 0), 0);
	cr_assert_eq(guest_memory_add(&memory, HIGH_BASE * 2, 1, high, 0), -ENOSPC);
}

/* --- Regions of blocks --- */

#define BLOCK_SHIFT 8 /* so the high region has 8 of them */

Test(guest_memory, of_a_region_of_blocks_only_plugged_ones_are_there)
{
	struct guest_memory memory = two_regions();
	_Atomic uint64_t bits[1] = {0};
	uint64_t address;

	guest_memory_set_blocks(&memory, BLOCK_SHIFT, bits, high);
	cr_assert_eq(guest_memory_size(&memory), LOW_SIZE, "what is unplugged is no memory");
	cr_assert_null(guest_memory_at(&memory, HIGH_BASE, 1));
	cr_assert_null(guest_memory_at(&memory, HIGH_BASE, 0));
	bits[0] = 0x86; /* blocks 1, 2 and 7 */
	cr_assert_eq(guest_memory_at(&memory, HIGH_BASE + 0x100, 0x200), high + 0x100);
	cr_assert_eq(guest_memory_at(&memory, HIGH_BASE + 0x700, 0x100), high + 0x700, "the last one");
	cr_assert_eq(guest_memory_at(&memory, HIGH_BASE + 0x100, 0), high + 0x100);
	cr_assert_null(guest_memory_at(&memory, HIGH_BASE + 0xff, 2), "begins before");
	cr_assert_null(guest_memory_at(&memory, HIGH_BASE + 0x100, 0x201), "ends behind");
	cr_assert_null(guest_memory_at(&memory, HIGH_BASE + 0x100, 0x700), "a hole in its middle");
	cr_assert_null(guest_memory_at(&memory, HIGH_BASE + 0x700, 0x101), "outside");
	cr_assert_eq(guest_memory_write(&memory, HIGH_BASE + 0x2fe, "hello", 5), -EFAULT);
	cr_assert_eq(high[0x2fe], 0);
	cr_assert_eq(guest_memory_address(&memory, high + 0x100, 1, &address), 0);
	cr_assert_eq(address, HIGH_BASE + 0x100);
}

Test(guest_memory, more_than_64_blocks)
{
	struct guest_memory memory = {.fd = -1};
	_Atomic uint64_t bits[2] = {UINT64_MAX, 1};
	static uint8_t ram[128];

	cr_assert_eq(guest_memory_add(&memory, HIGH_BASE, sizeof(ram), ram, 0), 0);
	guest_memory_set_blocks(&memory, 0, bits, ram);
	cr_assert_eq(guest_memory_at(&memory, HIGH_BASE, 65), ram);
	cr_assert_null(guest_memory_at(&memory, HIGH_BASE, 66));
	cr_assert_eq(guest_memory_at(&memory, HIGH_BASE + 64, 1), ram + 64);
}
