/* Dependencies between guests. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "vmm/manager/depends.h"

static struct guest_definition *guest(const char *name, const char *needs)
{
	struct guest_definition *definition = NULL;
	struct error err;
	char text[256];

	snprintf(text, sizeof(text), "{\"name\":\"%s\",\"image\":\"x\",\"depends_on\":[%s]}", name, needs);
	cr_assert_eq(definition_parse("test", "/", text, &definition, &err), 0, "%s", err.text);
	return definition;
}

static int check(struct error *err, struct guest_definition **definitions, unsigned count)
{
	int code = depends_check((const struct guest_definition *const *)definitions, count, err);

	for (unsigned i = 0; i < count; i++)
		definition_free(definitions[i]);
	return code;
}

Test(depends, chain_is_no_circle)
{
	struct guest_definition *all[] = {guest("db", ""), guest("web", "\"db\""),
					  guest("front", "\"web\",\"db\"")};
	struct error err;

	cr_assert_eq(check(&err, all, 3), 0);
}

Test(depends, circle_is_shown_whole)
{
	struct guest_definition *all[] = {guest("a", "\"b\""), guest("b", "\"c\""), guest("c", "\"a\"")};
	struct error err;

	cr_assert_eq(check(&err, all, 3), -ELOOP);
	cr_assert_str_eq(err.text, "guest c: depends_on: makes a circle: c -> a -> b -> c");
}

Test(depends, circle_of_others_is_not_this_ones)
{
	struct guest_definition *all[] = {guest("a", "\"b\""), guest("b", "\"a\""), guest("c", "\"a\"")};
	struct error err;

	cr_assert_eq(check(&err, all, 3), 0);
}

Test(depends, unknown_name_leads_nowhere)
{
	struct guest_definition *all[] = {guest("a", "\"nobody\"")};
	struct error err;

	cr_assert_eq(check(&err, all, 1), 0);
}

Test(depends, on_oneself_is_refused_by_the_definition)
{
	struct guest_definition *definition = NULL;
	struct error err;

	cr_assert_lt(definition_parse("test", "/", "{\"name\":\"a\",\"image\":\"x\",\"depends_on\":[\"a\"]}",
				      &definition, &err),
		     0);
	cr_assert(strstr(err.text, "depends_on: names the guest itself"), "%s", err.text);
}
