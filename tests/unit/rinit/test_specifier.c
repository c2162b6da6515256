#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "rinit/ini.h"
#include "rinit/specifier.h"

static char out[512], unknown;

static const char *expand(const char *unit, const char *text)
{
	const struct specifiers values = {
		.unit = unit, .host = "box", .kernel = "6.1", .machine_id = "0123", .boot_id = "4567"};

	cr_assert_eq(specifiers_expand(&values, text, false, out, sizeof(out), &unknown), 0);
	return out;
}

Test(specifier, parts_of_an_instance)
{
	cr_assert_str_eq(expand("a-b@c-d.service", "%n|%N|%p|%P|%i|%I|%j|%J"),
			 "a-b@c-d.service|a-b@c-d|a-b|a/b|c-d|c/d|b|b");
}

Test(specifier, parts_of_a_plain_name)
{
	cr_assert_str_eq(expand("a-b.service", "%n|%N|%p|%i|%I|%j"), "a-b.service|a-b|a-b|||b");
}

Test(specifier, path_is_the_unescaped_instance_or_prefix)
{
	cr_assert_str_eq(expand("fsck@dev-disk-by\\x2duuid.service", "%f"), "/dev/disk/by-uuid");
	cr_assert_str_eq(expand("var-lib.service", "%f"), "/var/lib");
}

Test(specifier, folders_and_user)
{
	cr_assert_str_eq(expand("a", "%t %S %C %L %E %T %V %u %U %h %s"),
			 "/run /var/lib /var/cache /var/log /etc /tmp /var/tmp root 0 /root /bin/sh");
}

Test(specifier, machine)
{
	cr_assert_str_eq(expand("a", "%H %v %m %b"), "box 6.1 0123 4567");
	cr_assert_eq(unknown, 0);
}

Test(specifier, two_percents_are_one_and_one_at_the_end_stays)
{
	cr_assert_str_eq(expand("a", "100%% 50%"), "100% 50%");
	cr_assert_eq(unknown, 0);
}

Test(specifier, unknown_one_stays_and_is_told)
{
	cr_assert_str_eq(expand("a", "x%Qy"), "x%Qy");
	cr_assert_eq(unknown, 'Q');
}

Test(specifier, quoted_expansion_is_one_word)
{
	const struct specifiers values = {.unit = "a@b\\x20\\x27c\\x5c.service"};
	const char *at = out;
	char word[64];

	cr_assert_eq(specifiers_expand(&values, "x %I y", true, out, sizeof(out), &unknown), 0);
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "b 'c\\");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "y");
}

Test(specifier, what_does_not_fit_is_an_error)
{
	const struct specifiers values = {.unit = "abcdefgh.service"};
	char small[8];

	cr_assert_eq(specifiers_expand(&values, "%p", false, small, sizeof(small), &unknown), -E2BIG);
	cr_assert_eq(specifiers_expand(&values, "1234567", false, small, sizeof(small), &unknown), 0);
	cr_assert_eq(specifiers_expand(&values, "12345678", false, small, sizeof(small), &unknown), -E2BIG);
}

Test(specifier, templates_and_instances)
{
	const char *instance;

	cr_assert_eq(unit_name_instance("a@bc.service", &instance), 2);
	cr_assert_eq(unit_name_instance("a@.service", &instance), 0);
	cr_assert_eq(unit_name_instance("a.service", &instance), -1);
	cr_assert(unit_name_template("a@bc.service", out, sizeof(out)));
	cr_assert_str_eq(out, "a@.service");
	cr_assert_not(unit_name_template("a@.service", out, sizeof(out)));
	cr_assert(unit_name_instantiate("a@.service", "x.y", 3, out, sizeof(out)));
	cr_assert_str_eq(out, "a@x.y.service");
	cr_assert_not(unit_name_instantiate("a@.service", "x", 1, out, 11));
}
