/* What sfdisk says of a disk: no partition is handed out that does not lie on it. */
#include <criterion/criterion.h>
#include <string.h>

#include "vmm/storage/partitions.h"

#define DISK_SIZE (UINT64_C(100) << 20)

static struct partition list[PARTITIONS_MAX];
static unsigned count;
static struct error err;

static int parse(const char *json)
{
	return partitions_parse("disk web", json, DISK_SIZE, list, &count, &err);
}

#define TABLE(more, entries) "{\"partitiontable\":{" more "\"sectorsize\":512,\"partitions\":[" entries "]}}"

Test(partitions, gpt)
{
	cr_assert_eq(parse(TABLE("\"label\":\"gpt\",", "{\"node\":\"/source1\",\"start\":2048,\"size\":2048},"
						       "{\"node\":\"/source15\",\"start\":4096,\"size\":2048,"
						       "\"uuid\":\"ABD3332A-22F7-1F45-8473-2F10E406B22F\"}")),
		     0, "%s", err.text);
	cr_assert_eq(count, 2);
	cr_assert_eq(list[0].number, 1);
	cr_assert_str_eq(list[0].uuid, "");
	cr_assert_eq(list[1].number, 15);
	cr_assert_eq(list[1].start, 2 << 20);
	cr_assert_eq(list[1].size, 1 << 20);
	cr_assert_str_eq(list[1].uuid, "abd3332a-22f7-1f45-8473-2f10e406b22f");
}

Test(partitions, mbr_names_partitions_after_the_disk)
{
	cr_assert_eq(parse(TABLE("\"id\":\"0x12345678\",", "{\"node\":\"3p1\",\"start\":2048,\"size\":1}")),
		     0);
	cr_assert_str_eq(list[0].uuid, "12345678-01");
}

Test(partitions, beyond_the_end_is_refused)
{
	cr_assert_lt(parse(TABLE("", "{\"node\":\"3p1\",\"start\":2048,\"size\":204800}")), 0);
	cr_assert(strstr(err.text, "partition 1 reaches beyond"), "%s", err.text);
	cr_assert_lt(parse(TABLE("", "{\"node\":\"3p1\",\"start\":999999999999,\"size\":1}")), 0);
	cr_assert_lt(parse(TABLE("", "{\"node\":\"3p1\",\"start\":1e300,\"size\":1}")), 0);
	cr_assert_lt(parse(TABLE("", "{\"node\":\"3p1\",\"start\":-1,\"size\":1}")), 0);
}

Test(partitions, what_goes_into_a_command_line_is_hexadecimal)
{
	cr_assert_eq(
		parse(TABLE("", "{\"node\":\"3p1\",\"start\":1,\"size\":1,\"uuid\":\"a init=/bin/sh\"}")), 0);
	cr_assert_str_eq(list[0].uuid, "");
}

Test(partitions, no_table)
{
	cr_assert_lt(parse(""), 0);
	cr_assert_lt(parse("{}"), 0);
	cr_assert_lt(parse("{\"partitiontable\":5}"), 0);
	cr_assert_lt(parse("{\"partitiontable\":{\"sectorsize\":3,\"partitions\":[]}}"), 0);
}
