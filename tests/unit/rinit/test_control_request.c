#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

#include "rinit/control_request.h"

static struct control_request request;
static const char *why;

static int parse(const char *text)
{
	return control_request_parse(text, strlen(text), &request, &why);
}

Test(control_request, verb_and_argument)
{
	cr_assert_eq(parse("list"), 0);
	cr_assert_str_eq(request.verb, "list");
	cr_assert_str_eq(request.argument, "");
	cr_assert_eq(parse("log -f a b"), 0);
	cr_assert_str_eq(request.verb, "log");
	cr_assert_str_eq(request.argument, "-f a b");
	cr_assert_eq(parse("list "), 0);
	cr_assert_str_eq(request.argument, "");
}

Test(control_request, what_makes_no_sense_is_refused)
{
	char text[CONTROL_REQUEST_MAX + 2];

	cr_assert_neq(parse(""), 0);
	cr_assert_neq(parse(" list"), 0);
	cr_assert_neq(parse("a\tb"), 0);
	cr_assert_neq(parse("a\nb"), 0);
	cr_assert_neq(parse("averyveryverylongverb x"), 0);
	cr_assert_neq(control_request_parse("list\0", 5, &request, &why), 0);
	memset(text, 'x', sizeof(text));
	memcpy(text, "log ", 4);
	cr_assert_eq(control_request_parse(text, CONTROL_REQUEST_MAX - 1, &request, &why), 0);
	cr_assert_neq(control_request_parse(text, CONTROL_REQUEST_MAX, &request, &why), 0);
	cr_assert_str_eq(why, "the request is too long");
}

Test(control_request, log_has_options)
{
	struct log_request log;

	cr_assert_eq(log_request_parse("", &log), 0);
	cr_assert_not(log.follow);
	cr_assert_eq(log.newest, ULONG_MAX);
	cr_assert_str_eq(log.unit, "");
	cr_assert_eq(log_request_parse("-f -n 12 a.service", &log), 0);
	cr_assert(log.follow);
	cr_assert_eq(log.newest, 12);
	cr_assert_str_eq(log.unit, "a.service");
	cr_assert_eq(log_request_parse("-n 0", &log), 0);
	cr_assert_eq(log.newest, 0);
	cr_assert_eq(log_request_parse("-f", &log), 0);
	cr_assert_neq(log_request_parse("-n", &log), 0);
	cr_assert_neq(log_request_parse("-n x", &log), 0);
	cr_assert_neq(log_request_parse("-n -1", &log), 0);
	cr_assert_neq(log_request_parse("-q", &log), 0);
	cr_assert_neq(log_request_parse("-fx", &log), 0);
}
