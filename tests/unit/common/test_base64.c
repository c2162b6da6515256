/* Base64: the examples of RFC 4648, and what is no base64. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/util.h"

static const char *const pairs[][2] = {
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
	{"\xff\xfe\xfb", "//77"},
};

Test(base64, both_ways)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
		char bytes[16] = "";

		cr_assert_str_eq(text, pairs[i][1]);
		cr_assert_eq(base64_decode(text, bytes), (ssize_t)strlen(pairs[i][0]));
		cr_assert_str_eq(bytes, pairs[i][0]);
		cr_assert_eq(base64_decode(text, text), (ssize_t)strlen(pairs[i][0]), "in place");
		free(text);
	}
}

Test(base64, something_else)
{
	static const char *const texts[] = {
		"Z", "Zm9", "Zm9v=", "Zm=v", "====", "Zm9v\n", "Zm9-", "Z===", "Zm9vZg==Zm9v"};
	char bytes[16];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		cr_assert_eq(base64_decode(texts[i], bytes), -1, "%s", texts[i]);
}
