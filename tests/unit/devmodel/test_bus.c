#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/bus.h"

struct recorder {
	uint64_t offset;
	uint32_t len;
	unsigned reads;
	unsigned writes;
};

static void recorder_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct recorder *recorder = device;

	recorder->reads++;
	recorder->offset = offset;
	recorder->len = len;
	if (len == 1)
		*data = 0x5a;
}

static void recorder_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct recorder *recorder = device;

	(void)data;
	recorder->writes++;
	recorder->offset = offset;
	recorder->len = len;
}

static const struct bus_ops recorder_ops = {.read = recorder_read, .write = recorder_write};

static int add(struct bus *bus, uint64_t base, uint64_t size, void *device, struct error *err)
{
	return bus_add(
		bus,
		(struct bus_range){
			.base = base, .size = size, .ops = &recorder_ops, .device = device, .name = "thing"},
		err);
}

Test(bus, access_reaches_the_device_with_an_offset)
{
	struct recorder one = {0}, two = {0};
	struct bus bus = {0};
	uint8_t byte = 0;

	cr_assert_eq(add(&bus, 0x100, 8, &one, NULL), 0);
	cr_assert_eq(add(&bus, 0x108, 8, &two, NULL), 0);
	cr_assert(bus_read(&bus, 0x107, &byte, 1));
	cr_assert_eq(byte, 0x5a);
	cr_assert_eq(one.offset, 7);
	cr_assert(bus_write(&bus, 0x108, &byte, 1));
	cr_assert_eq(two.offset, 0);
	cr_assert_eq(one.writes + two.reads, 0);
}

Test(bus, nobody_there_reads_all_ones)
{
	struct recorder one = {0};
	struct bus bus = {0};
	uint8_t data[8] = {0};
	static const uint8_t ones[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	cr_assert_not(bus_read(&bus, 0, data, 8), "an empty bus");
	cr_assert_arr_eq(data, ones, 8);
	add(&bus, 0x100, 8, &one, NULL);
	memset(data, 0, sizeof(data));
	cr_assert_not(bus_read(&bus, 0xff, data, 8), "below");
	cr_assert_arr_eq(data, ones, 8);
	cr_assert_not(bus_read(&bus, 0x108, data, 1), "above");
	cr_assert_not(bus_write(&bus, 0x108, data, 1));
	cr_assert_eq(one.reads + one.writes, 0);
}

Test(bus, access_across_the_end_reaches_nobody)
{
	struct recorder one = {0}, two = {0};
	struct bus bus = {0};
	uint8_t data[8];

	add(&bus, 0x100, 8, &one, NULL);
	add(&bus, 0x108, 8, &two, NULL);
	cr_assert_not(bus_read(&bus, 0x107, data, 2));
	cr_assert_not(bus_write(&bus, 0x104, data, 8));
	cr_assert(bus_write(&bus, 0x100, data, 8));
	cr_assert_eq(one.writes, 1);
	cr_assert_eq(two.writes + two.reads + one.reads, 0);
}

Test(bus, a_read_that_the_device_leaves_alone_is_all_ones)
{
	struct recorder one = {0};
	struct bus bus = {0};
	uint8_t data[4] = {0};

	add(&bus, 0, 16, &one, NULL);
	cr_assert(bus_read(&bus, 4, data, 4));
	cr_assert_eq(data[0] & data[1] & data[2] & data[3], 0xff);
}

Test(bus, ranges_at_the_end_of_the_address_space)
{
	struct recorder one = {0};
	struct bus bus = {0};
	uint8_t data[8];

	cr_assert_eq(add(&bus, UINT64_MAX - 7, 8, &one, NULL), 0);
	cr_assert(bus_write(&bus, UINT64_MAX - 7, data, 8));
	cr_assert(bus_write(&bus, UINT64_MAX, data, 1));
	cr_assert_not(bus_write(&bus, UINT64_MAX, data, 2));
	cr_assert_not(bus_write(&bus, 0, data, 1));
}

Test(bus, overlap_is_refused_and_names_both)
{
	struct recorder one = {0};
	struct bus_range serial = {
		.base = 0x3f8, .size = 8, .ops = &recorder_ops, .device = &one, .name = "serial"};
	struct bus_range other = {.size = 8, .ops = &recorder_ops, .device = &one, .name = "other"};
	static const uint64_t bases[] = {0x3f8, 0x3f1, 0x3ff, 0x3fa};
	struct bus bus = {0};
	struct error err;

	cr_assert_eq(bus_add(&bus, serial, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		other.base = bases[i];
		cr_assert_eq(bus_add(&bus, other, &err), -EEXIST, "base %lx", (long)bases[i]);
		cr_assert(strstr(err.text, "serial at 0x3f8-0x3ff") && strstr(err.text, "other"), "%s",
			  err.text);
	}
	other.base = 0x3f0;
	cr_assert_eq(bus_add(&bus, other, NULL), 0, "ends where serial begins");
	other.base = 0x300;
	other.size = 0x1000;
	cr_assert_eq(bus_add(&bus, other, NULL), -EEXIST, "around both");
	cr_assert_eq(bus.count, 2);
}

Test(bus, empty_and_wrapping_ranges_are_refused)
{
	struct recorder one = {0};
	struct bus bus = {0};
	struct error err;

	cr_assert_eq(add(&bus, 0x100, 0, &one, &err), -EINVAL);
	cr_assert(strstr(err.text, "thing"));
	cr_assert_eq(add(&bus, UINT64_MAX, 2, &one, NULL), -EINVAL);
	cr_assert_eq(add(&bus, 1, UINT64_MAX, &one, NULL), 0, "all but address 0");
	cr_assert_eq(bus.count, 1);
}

Test(bus, full_is_refused_and_any_order_is_sorted)
{
	struct recorder devices[BUS_RANGES_MAX] = {0};
	struct recorder extra = {0};
	struct bus bus = {0};
	uint8_t byte = 0;

	for (unsigned i = 0; i < BUS_RANGES_MAX; i++) {
		unsigned place = i * 37 % BUS_RANGES_MAX; /* each once, out of order */

		cr_assert_eq(add(&bus, place * 0x10, 0x10, &devices[place], NULL), 0);
	}
	cr_assert_eq(add(&bus, 0x10000, 1, &extra, NULL), -ENOSPC);
	for (unsigned i = 0; i < BUS_RANGES_MAX; i++) {
		cr_assert(bus_write(&bus, i * 0x10 + i % 0x10, &byte, 1));
		cr_assert_eq(devices[i].writes, 1);
		cr_assert_eq(devices[i].offset, i % 0x10);
	}
}
