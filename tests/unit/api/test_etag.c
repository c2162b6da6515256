#include <criterion/criterion.h>

#include "vmm/api/etag.h"

static const char *etag_of_text(const char *text, const char *form)
{
	static char etag[ETAG_MAX];
	cJSON *json = cJSON_Parse(text);

	cr_assert(etag_of(json, form, etag));
	cJSON_Delete(json);
	return etag;
}

Test(etag, is_of_the_text_and_the_form)
{
	char first[ETAG_MAX];

	strcpy(first, etag_of_text("{\"a\":1}", ""));
	cr_assert_str_eq(etag_of_text("{ \"a\" : 1 }", ""), first);
	cr_assert_str_neq(etag_of_text("{\"a\":2}", ""), first);
	cr_assert_str_neq(etag_of_text("{\"a\":1}", "-xml"), first);
	cr_assert_eq(first[0], '"');
	cr_assert_eq(first[strlen(first) - 1], '"');
}

Test(etag, what_is_a_list)
{
	static const char *const lists[] = {"*",       " * ",       "\"\"",
					    "\"a\"",   "W/\"a\"",   "\"a\", W/\"b\",\"c\"",
					    "\"a,b\"", ", \"a\",,", "\"a\" , \"b\""};
	static const char *const none[] = {"",   " ",       "abc",     "\"a",         "a\"",
					   "**", "*,\"a\"", "\"a\"b",  "\"a\" \"b\"", "w/\"a\"",
					   "W/", ",",       "\"a b\"", "\"a\";"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		cr_expect(etag_list_valid(lists[i]), "%s", lists[i]);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		cr_expect_not(etag_list_valid(none[i]), "%s", none[i]);
}

Test(etag, lists)
{
	static const struct {
		const char *list;
		bool strong, weak;
	} cases[] = {
		{"*", true, true},
		{" * ", true, true},
		{"\"abc\"", true, true},
		{"\"x\", \"abc\"", true, true},
		{"\"x\",\"abc\"", true, true},
		{"\"a,b\", \"abc\"", true, true},
		{"W/\"abc\"", false, true},
		{"W/\"x\", W/\"abc\"", false, true},
		{"\"ab\"", false, false},
		{"\"abcd\"", false, false},
		{"abc", false, false},
		{"\"abc", false, false},
		{"", false, false},
		{",,,", false, false},
		{"W/", false, false},
		{"w/\"abc\"", false, false},
		{"\"x\" junk \"abc\"", false, false},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_assert_eq(etag_listed(cases[i].list, "\"abc\"", false), cases[i].strong, "%s",
			     cases[i].list);
		cr_assert_eq(etag_listed(cases[i].list, "\"abc\"", true), cases[i].weak, "%s", cases[i].list);
	}
}
