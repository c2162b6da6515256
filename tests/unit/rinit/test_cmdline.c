#include <criterion/criterion.h>
#include <string.h>

#include "rinit/cmdline.h"

static char value[32];

Test(rinit_cmdline, finds_words)
{
	cr_assert(cmdline_has("quiet single", "single"));
	cr_assert(cmdline_has("root=/dev/vda", "root"));
	cr_assert_not(cmdline_has("singles not", "single"));
	cr_assert_not(cmdline_has("", "single"));
	cr_assert_not(cmdline_has("a \"b single c\"", "single"));
}

Test(rinit_cmdline, last_value_wins)
{
	cr_assert(cmdline_get("root=a root=b\n", "root", value, sizeof(value)));
	cr_assert_str_eq(value, "b");
}

Test(rinit_cmdline, quotes_hold_blanks)
{
	cr_assert(cmdline_get("x=\"a b\" y", "x", value, sizeof(value)));
	cr_assert_str_eq(value, "a b");
	cr_assert(cmdline_get("\"x=a b\" y", "x", value, sizeof(value)));
	cr_assert_str_eq(value, "a b");
	cr_assert(cmdline_get("x=\"a b", "x", value, sizeof(value)));
	cr_assert_str_eq(value, "a b");
}

Test(rinit_cmdline, value_may_hold_equals_signs)
{
	cr_assert(cmdline_get("root=LABEL=data", "root", value, sizeof(value)));
	cr_assert_str_eq(value, "LABEL=data");
}

Test(rinit_cmdline, what_is_missing_or_too_long_is_empty)
{
	cr_assert_not(cmdline_get("roots=a", "root", value, sizeof(value)));
	cr_assert_str_eq(value, "");
	cr_assert_not(cmdline_get("root", "root", value, sizeof(value)));
	cr_assert_not(
		cmdline_get("root=0123456789012345678901234567890123456789", "root", value, sizeof(value)));
	cr_assert_str_eq(value, "");
}

Test(rinit_cmdline, word_longer_than_the_limit_is_skipped)
{
	static char line[CMDLINE_MAX * 2];

	memset(line, 'x', CMDLINE_MAX + 10);
	strcpy(line + CMDLINE_MAX + 10, " root=a");
	cr_assert(cmdline_get(line, "root", value, sizeof(value)));
	cr_assert_str_eq(value, "a");
}
