#include <criterion/criterion.h>
#include <stdio.h>
#include <errno.h>
#include <string.h>

#include "vmm/api/path.h"

static char target[1024];
static struct path path;
static struct query query;
static struct error err;

static int parse(const char *text)
{
	snprintf(target, sizeof(target), "%s", text);
	return target_parse(target, &path, &query, &err);
}

Test(path, segments_and_arguments)
{
	cr_assert_eq(parse("/v1/guests/web/logs?lines=10&from=0"), 0);
	cr_assert_eq(path.count, 4);
	cr_assert_str_eq(path.segments[0], "v1");
	cr_assert_str_eq(path.segments[3], "logs");
	cr_assert_eq(query.count, 2);
	cr_assert_str_eq(query_get(&query, "lines"), "10");
	cr_assert_null(query_get(&query, "line"));
}

Test(path, escapes_are_decoded_once_and_after_the_parts_are_known)
{
	cr_assert_eq(parse("/v1/guests/a%2Fb%2525?x=a%26b%3Dc+d"), 0);
	cr_assert_eq(path.count, 3);
	cr_assert_str_eq(path.segments[2], "a/b%25");
	cr_assert_str_eq(query_get(&query, "x"), "a&b=c d");
}

Test(path, plus_is_a_space_in_the_query_only)
{
	cr_assert_eq(parse("/a+b?c+d"), 0);
	cr_assert_str_eq(path.segments[0], "a+b");
	cr_assert_str_eq(query_get(&query, "c d"), "");
}

Test(path, absolute_form_names_a_path)
{
	cr_assert_eq(parse("http://localhost:80/v1/mode?x"), 0);
	cr_assert_eq(path.count, 2);
	cr_assert_str_eq(path.segments[1], "mode");
	cr_assert_neq(parse("http://localhost"), 0);
	cr_assert_neq(parse("ftp://localhost/v1"), 0);
}

Test(path, ends_and_empty_parts)
{
	cr_assert_eq(parse("/"), 0);
	cr_assert_eq(path.count, 1);
	cr_assert_str_eq(path.segments[0], "");
	cr_assert_eq(parse("//v1/"), 0);
	cr_assert_eq(path.count, 3);
	cr_assert_eq(parse("/v1?"), 0);
	cr_assert_eq(query.count, 0);
	cr_assert_eq(parse("/v1?a&&b&"), 0);
	cr_assert_eq(query.count, 2);
	cr_assert_eq(parse("/v1?=x"), 0);
	cr_assert_str_eq(query_get(&query, ""), "x");
}

Test(path, hostile_targets_are_refused)
{
	static const char *const bad[] = {
		"",          "v1",         "*",     "/%",      "/%0",        "/%zz",  "/%00",
		"/a%0a",     "/%7f",       "/%80",  "/%c0%80", "/%ed%a0%80", "/v1?%", "/v1?a=%0",
		"/v1?a=%00", "/v1?a=\x01", "/\xff", "?a",      "#",          "/a\tb",
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_assert_eq(parse(bad[i]), -EINVAL, "%s", bad[i]);
}

Test(path, more_than_any_has_is_refused)
{
	char text[512] = "/v1?";

	cr_assert_eq(parse("/1/2/3/4/5/6/7/8/9"), -E2BIG);
	for (int i = 0; i < 17; i++)
		sprintf(text + strlen(text), "a%d&", i);
	cr_assert_eq(parse(text), -E2BIG);
}

Test(path, argument_given_twice_is_named)
{
	cr_assert_eq(parse("/v1?a=1&b=2&%61=3"), -EINVAL);
	cr_assert_str_eq(query.wrong, "a");
}
