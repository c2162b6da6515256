/* The keys that leave a console. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "vmm/terminal/detach_keys.h"

static struct detach_keys keys;
static struct error err;

/* Types text; returns what is sent on, "!" at its end when the sequence became whole. */
static const char *typed(const char *text)
{
	static char out[256];
	size_t used = 0, len;
	bool whole = false;

	for (; *text && !whole; text++) {
		whole = detach_keys_take(&keys, *text, out + used, &len);
		used += len;
	}
	strcpy(out + used, whole ? "!" : "");
	return out;
}

Test(detach_keys, default_is_one_key)
{
	cr_assert_eq(detach_keys_parse(DETACH_KEYS_DEFAULT, &keys, &err), 0);
	cr_expect_eq(keys.count, 1);
	cr_expect_str_eq(typed("ab\x1d"
			       "c"),
			 "ab!");
}

Test(detach_keys, prefix_is_held_back_until_it_is_clear)
{
	cr_assert_eq(detach_keys_parse("ctrl-p,ctrl-q", &keys, &err), 0);
	cr_expect_str_eq(typed("\x10"), "");
	cr_expect_str_eq(typed("x"), "\x10x");
	cr_expect_str_eq(typed("\x10\x10"), "\x10");
	cr_expect_str_eq(typed("\x11"), "!");
	cr_expect_str_eq(typed("\x11"), "\x11");
}

Test(detach_keys, single_characters_and_a_comma)
{
	cr_assert_eq(detach_keys_parse("~,.,,", &keys, &err), 0, "%s", err.text);
	cr_expect_eq(keys.count, 3);
	cr_expect_str_eq(typed("~~.,"), "~!");
}

Test(detach_keys, control_characters_beside_letters)
{
	cr_assert_eq(
		detach_keys_parse("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,ctrl-A,ctrl-z", &keys, &err),
		0);
	cr_expect_arr_eq(keys.bytes, "\x00\x1b\x1c\x1d\x1e\x1f\x01\x1a", 8);
}

struct bad {
	char text[64];
};

ParameterizedTestParameters(detach_keys, bad_input_is_refused)
{
	static struct bad bad[] = {
		{""},        {"ctrl-"}, {"ctrl-1"}, {"ctrl-ab"},           {"esc"},      {"a,,b,"},
		{"ctrl-p,"}, {"\x01"},  {"CTRL-p"}, {"a,b,c,d,e,f,g,h,i"}, {"\xc3\xa9"}, {"ctrl-\xff"},
	};

	return cr_make_param_array(struct bad, bad, sizeof(bad) / sizeof(*bad));
}

ParameterizedTest(struct bad *bad, detach_keys, bad_input_is_refused)
{
	cr_expect_lt(detach_keys_parse(bad->text, &keys, &err), 0, "%s", bad->text);
	cr_expect(*err.text);
}
