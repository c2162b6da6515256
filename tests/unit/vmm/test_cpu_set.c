/* Lists of CPUs: what the kernel and people write, and what nobody should. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config/cpu_set.h"

static char text[CPU_SET_TEXT_MAX];

static void reads_as(const char *list, const char *wanted, unsigned count)
{
	struct cpu_set set;

	cr_assert_eq(cpu_set_parse(list, &set), 0, "%s", list);
	cr_assert_str_eq(cpu_set_format(&set, text), wanted);
	cr_assert_eq(cpu_set_count(&set), count);
}

static void refused(const char *list, int code)
{
	struct cpu_set set = {.words = {5}};

	cr_assert_eq(cpu_set_parse(list, &set), code, "\"%s\"", list);
	cr_assert_eq(set.words[0], 5, "\"%s\" changed the set", list);
}

Test(cpu_set, lists_are_read_and_written)
{
	reads_as("0", "0", 1);
	reads_as("0-3\n", "0-3", 4);
	reads_as("0-3,8,10-11", "0-3,8,10-11", 7);
	reads_as("11,10,8,3,2,1,0", "0-3,8,10-11", 7);
	reads_as("1-2,2-3", "1-3", 3);
	reads_as("63-64", "63-64", 2);
	reads_as("0-1023", "0-1023", CPU_SET_MAX);
	reads_as(" 007 ", "7", 1);
	reads_as("", "", 0);
	reads_as("\n", "", 0);
}

Test(cpu_set, numbers_can_be_left_out)
{
	reads_as("0-7,^3", "0-2,4-7", 7);
	reads_as("^3,0-7", "0-7", 8);
	reads_as("1,^1", "", 0);
}

Test(cpu_set, nonsense_is_refused)
{
	static const char *const lists[] = {"a",     "1,",  ",1",    "1,,2", "1-",   "-1",  "1--2",
					    "1-2-3", "0x1", "1 2",   "1 ,2", "+1",   "1.5", "^",
					    "^1-2",  "1;2", "0-3:2", "\xff", "1\r\n"};

	for (unsigned i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		refused(lists[i], -EINVAL);
}

Test(cpu_set, numbers_out_of_range_are_refused)
{
	refused("1024", -ERANGE);
	refused("0-1024", -ERANGE);
	refused("3-2", -ERANGE);
	refused("99999999999999999999999999", -ERANGE);
	refused("^1024", -ERANGE);
}

Test(cpu_set, longest_text_fits)
{
	struct cpu_set set = {0};
	struct cpu_set again;

	for (unsigned cpu = 0; cpu < CPU_SET_MAX; cpu += 2)
		cpu_set_add(&set, cpu);
	cpu_set_format(&set, text);
	cr_assert_lt(strlen(text), CPU_SET_TEXT_MAX - 1);
	cr_assert_eq(cpu_set_parse(text, &again), 0);
	cr_assert(cpu_set_equal(&set, &again));
}

Test(cpu_set, sets_are_combined)
{
	struct cpu_set a, b, result;

	cpu_set_parse("0-3,70", &a);
	cpu_set_parse("2-5", &b);
	result = cpu_set_and(&a, &b);
	cr_assert_str_eq(cpu_set_format(&result, text), "2-3");
	result = cpu_set_or(&a, &b);
	cr_assert_str_eq(cpu_set_format(&result, text), "0-5,70");
	result = cpu_set_minus(&a, &b);
	cr_assert_str_eq(cpu_set_format(&result, text), "0-1,70");
	cr_assert(cpu_set_within(&result, &a));
	cr_assert_not(cpu_set_within(&a, &result));
	cr_assert(cpu_set_has(&a, 70));
	cr_assert_not(cpu_set_has(&a, CPU_SET_MAX));
	cpu_set_remove(&a, 70);
	cr_assert_eq(cpu_set_next(&a, 4), CPU_SET_MAX);
	cr_assert_eq(cpu_set_next(&a, 1), 1);
}
