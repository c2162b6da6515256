#include <criterion/criterion.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/pattern.h"

Test(pattern, words_of_glob_7)
{
	cr_assert(pattern_matches("", ""));
	cr_assert(pattern_matches("*", ""));
	cr_assert(pattern_matches("eth*", "eth0"));
	cr_assert(pattern_matches("*.slice", "a.slice.slice"));
	cr_assert(pattern_matches("getty@*.service", "getty@tty1.service"));
	cr_assert(pattern_matches("en?s[0-9a]", "enpsa"));
	cr_assert(pattern_matches("[!a-c]x", "dx"));
	cr_assert(pattern_matches("[]-]", "]"));
	cr_assert(pattern_matches("\\*", "*"));
	cr_assert(pattern_matches("*", "a/.b"));
}

Test(pattern, what_does_not_fit)
{
	cr_assert_not(pattern_matches("", "a"));
	cr_assert_not(pattern_matches("a", ""));
	cr_assert_not(pattern_matches("eth?", "eth"));
	cr_assert_not(pattern_matches("[a-c]", "d"));
	cr_assert_not(pattern_matches("[^a-c]", "b"));
	cr_assert_not(pattern_matches("*.slice", "a.slice2"));
	cr_assert_not(pattern_matches("\\*", "a"));
	cr_assert_not(pattern_matches("Web", "web"));
}

Test(pattern, open_bracket_without_its_end_is_itself)
{
	cr_assert(pattern_matches("a[b", "a[b"));
	cr_assert(pattern_matches("[", "["));
	cr_assert(pattern_matches("[!", "[!"));
	cr_assert_not(pattern_matches("[ab", "a"));
}

/* A pattern that a naive matcher would try until the end of days. */
Test(pattern, many_stars_do_not_take_long, .timeout = 10)
{
	char pattern[401], text[20001];

	for (size_t i = 0; i < 400; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[399] = 'b';
	pattern[400] = '\0';
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert_not(pattern_matches(pattern, text));
}

static void word_make(char *word, size_t size, const char *letters)
{
	size_t length = (size_t)rand() % size;

	for (size_t i = 0; i < length; i++)
		word[i] = letters[(size_t)rand() % strlen(letters)];
	word[length] = '\0';
}

/* libc's as the judge, in the C locale. Classes ([[:alpha:]]) are not among the letters: only libc has them.
 */
Test(pattern, agrees_with_fnmatch)
{
	char pattern[9], text[7];

	srand(1);
	for (int i = 0; i < 300000; i++) {
		word_make(pattern, sizeof(pattern), "ab*?c[]!-");
		word_make(text, sizeof(text), "abc-]");
		/* "[b-]x]": POSIX leaves open whether a range may end at the bracket. */
		if (strstr(pattern, "-]") || strstr(pattern, "--"))
			continue;
		cr_assert_eq(pattern_matches(pattern, text), !fnmatch(pattern, text, 0), "%s %s", pattern,
			     text);
	}
}
