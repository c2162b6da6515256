#include <criterion/criterion.h>

#include "vmm/api/negotiate.h"

static const char *const types[] = {"application/json", "application/xml", NULL};

Test(negotiate, best_form_wins)
{
	static const struct {
		const char *accept;
		int form;
	} cases[] = {
		{NULL, 0},
		{"", 0},
		{"*/*", 0},
		{"application/*", 0},
		{"application/xml", 1},
		{"APPLICATION/XML", 1},
		{"application/xml, application/json", 0},
		{"application/json;q=0.5, application/xml", 1},
		{"application/json;q=0.5, application/xml;q=0.4", 0},
		{"application/xml;q=0.1, */*;q=0.01", 1},
		{"*/*, application/json;q=0", 1},
		{"application/*;q=0.2, application/json;q=0.1", 1},
		{"application/xml;charset=utf-8;q=0.9,application/json ; q=0.8", 1},
		{"text/html", -1},
		{"text/*", -1},
		{"application/json;q=0", -1},
		{"application/json;q=0.000", -1},
		{"*/*;q=0", -1},
		{"application/jsonx", -1},
		{"application", -1},
		{";;;,,,", -1},
		{"application/json;q=", -1},
		{"application/json;q=x", -1},
		{"application/json;", 0},
		{"text/html;level=1,application/json", 0},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		cr_assert_eq(negotiate(cases[i].accept, types), cases[i].form, "%s",
			     cases[i].accept ? cases[i].accept : "none");
}

Test(negotiate, type_of_a_body)
{
	cr_assert(media_type_is("application/json", "application/json"));
	cr_assert(media_type_is("Application/JSON; charset=utf-8", "application/json"));
	cr_assert(media_type_is("application/json ;x", "application/json"));
	cr_assert_not(media_type_is("application/json5", "application/json"));
	cr_assert_not(media_type_is("application/jso", "application/json"));
	cr_assert_not(media_type_is("", "application/json"));
}
