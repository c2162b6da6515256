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
