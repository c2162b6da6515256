#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rinit/machine_id.h"
#include "rinit/sysctl.h"

static char seen[4096];

static void on_setting(void *context, const struct sysctl_setting *setting)
{
	size_t used = strlen(seen);

	(void)context;
	snprintf(seen + used, sizeof(seen) - used, "%u %s%s=%s\n", setting->line,
		 setting->ignore_failure ? "-" : "", setting->path,
		 setting->value ? setting->value : "(none)");
}

static void on_fault(void *context, unsigned int line, const char *why)
{
	size_t used = strlen(seen);

	(void)context;
	snprintf(seen + used, sizeof(seen) - used, "%u %s\n", line, why);
}

static const char *parse_bytes(const char *text, size_t length)
{
	seen[0] = '\0';
	sysctl_parse(text, length, &(struct sysctl_reader){.setting = on_setting, .fault = on_fault});
	return seen;
}

static const char *parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

Test(sysctl, names_become_paths)
{
	cr_assert_str_eq(parse("kernel.sysrq = 1 2  3 \r\n"), "1 kernel/sysrq=1 2  3\n");
	cr_assert_str_eq(parse("net.ipv4.conf.eth0/1.x=1"), "1 net/ipv4/conf/eth0.1/x=1\n");
	cr_assert_str_eq(parse("net/ipv4/conf/eth0.1/x=1"), "1 net/ipv4/conf/eth0.1/x=1\n");
	cr_assert_str_eq(parse("a.b=c=d"), "1 a/b=c=d\n");
	cr_assert_str_eq(parse("a.b="), "1 a/b=\n");
}

Test(sysctl, prefix_and_exclusion)
{
	cr_assert_str_eq(parse("-a.b = 1\n-a.*.c\n"), "1 -a/b=1\n2 -a/*/c=(none)\n");
}

Test(sysctl, comments_and_empty_lines_are_nothing)
{
	cr_assert_str_eq(parse("# a=b\n; c=d\n\n  # e=f\n"), "");
}

Test(sysctl, bad_lines_are_told_with_their_number)
{
	char text[4200] = "a.b=1\n";

	cr_assert_str_eq(parse("a.b\n=1\n/a=1\n"),
			 "1 is not name = value\n2 has no usable name\n3 has no usable name\n");
	cr_assert_str_eq(parse("a/../../b=1\n../b=1\n"), "1 has no usable name\n2 has no usable name\n");
	cr_assert_str_eq(parse_bytes("a\0b=1", 5), "1 is too long or holds a zero byte\n");
	memset(text + 6, 'x', sizeof(text) - 6);
	cr_assert_str_eq(parse_bytes(text, sizeof(text)), "1 a/b=1\n2 is too long or holds a zero byte\n");
}

Test(machine_id, valid_ones)
{
	unsigned char bytes[16];
	char text[MACHINE_ID_MAX];

	cr_assert(machine_id_is_valid("0123456789abcdef0123456789abcdef"));
	cr_assert_not(machine_id_is_valid(""));
	cr_assert_not(machine_id_is_valid("uninitialized"));
	cr_assert_not(machine_id_is_valid("00000000000000000000000000000000"));
	cr_assert_not(machine_id_is_valid("0123456789abcdef0123456789abcdeg"));
	memset(bytes, 0xff, sizeof(bytes));
	machine_id_format(bytes, text);
	cr_assert_str_eq(text, "ffffffffffff4fffbfffffffffffffff");
}
