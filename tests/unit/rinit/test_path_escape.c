#include <criterion/criterion.h>
#include <errno.h>

#include "rinit/path_escape.h"

static char name[64];

Test(path_escape, as_systemd_names_units)
{
	static const char *const pairs[][2] = {
		{"/var/lib", "var-lib.mount"},
		{"/", "-.mount"},
		{"//var//lib/", "var-lib.mount"},
		{"/a-b", "a\\x2db.mount"},
		{"/.hidden/.too", "\\x2ehidden-.too.mount"},
		{"/my disk", "my\\x20disk.mount"},
		{"/\303\244", "\\xc3\\xa4.mount"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		cr_assert_eq(path_to_unit_name(pairs[i][0], ".mount", name, sizeof(name)), 0);
		cr_assert_str_eq(name, pairs[i][1]);
	}
}

Test(path_escape, what_does_not_fit_is_an_error)
{
	char path[] = "/this/path/is/not/long/but/with/all/of/its/escapes/----------";

	cr_assert_eq(path_to_unit_name(path, ".mount", name, sizeof(name)), -ENAMETOOLONG);
	for (size_t size = 0; size < 8; size++)
		cr_assert_eq(path_to_unit_name("/a", ".mount", name, size), -ENAMETOOLONG);
	cr_assert_eq(path_to_unit_name("/a", ".mount", name, 12), 0);
}
