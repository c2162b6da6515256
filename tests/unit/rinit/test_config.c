#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rinit/config.h"

static char warnings_seen[1024];

static void warn(const char *sentence)
{
	size_t used = strlen(warnings_seen);

	snprintf(warnings_seen + used, sizeof(warnings_seen) - used, "%s\n", sentence);
}

static struct config parse(const char *text)
{
	struct config config = {0};

	config_parse(&config, "/rinit.conf", text, strlen(text), warn);
	return config;
}

Test(config, defaults_are_those_of_an_empty_file)
{
	struct config config = parse("");

	cr_assert_eq(config.getty, GETTY_AUTO);
	cr_assert_str_eq(config.autologin, "");
}

Test(config, keys_count_with_and_without_a_section)
{
	cr_assert_eq(parse("Getty=no\n").getty, GETTY_NO);
	cr_assert_eq(parse("[Rinit]\nGetty=yes\n").getty, GETTY_YES);
	cr_assert_str_eq(parse("Autologin=root\n").autologin, "root");
	cr_assert_str_eq(warnings_seen, "");
}

Test(config, what_is_wrong_is_warned_of_and_changes_nothing)
{
	struct config config = parse("Getty=perhaps\nAutologin=-f\nAutologin=a b\nX=1\n[Other]\nGetty=no\n"
				     "Autologin=abcdefghijabcdefghijabcdefghijabcdefghij\n");

	cr_assert_eq(config.getty, GETTY_AUTO);
	cr_assert_str_eq(config.autologin, "");
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:1: Getty=perhaps is not valid"));
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:2: Autologin=-f is not valid"));
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:3: "));
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:4: X=1 is not known"));
	cr_assert_not_null(strstr(warnings_seen, "/rinit.conf:6: Getty=no is not known"));
}
