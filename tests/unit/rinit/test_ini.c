#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "rinit/ini.h"

/* What the reader was told, one line each: "3 Section.Key=Value" or "4 !why". */
struct seen {
	char text[4096];
};

static void on_entry(void *context, const struct ini_entry *entry)
{
	struct seen *seen = context;
	size_t used = strlen(seen->text);

	snprintf(seen->text + used, sizeof(seen->text) - used, "%u %s.%s=%s\n", entry->line, entry->section,
		 entry->key, entry->value);
}

static void on_fault(void *context, unsigned int line, const char *why)
{
	struct seen *seen = context;
	size_t used = strlen(seen->text);

	snprintf(seen->text + used, sizeof(seen->text) - used, "%u !%s\n", line, why);
}

static void check(const char *text, size_t length, const char *expected)
{
	struct seen seen = {""};

	ini_parse(text, length, &(struct ini_reader){.context = &seen, .entry = on_entry, .fault = on_fault});
	cr_assert_str_eq(seen.text, expected);
}

#define CHECK(text, expected) check(text, sizeof(text) - 1, expected)

Test(ini, reads_sections_and_entries)
{
	CHECK("[A]\nk=v\n[B]\nk = v w \n", "2 A.k=v\n4 B.k=v w\n");
}

Test(ini, entry_before_any_section_has_an_empty_section)
{
	CHECK("k=v\n", "1 .k=v\n");
}

Test(ini, comments_and_empty_lines_are_skipped)
{
	CHECK("# a=b\n\n  ; c=d\n\t\nk=v", "5 .k=v\n");
}

Test(ini, backslash_continues_a_line_over_comments)
{
	CHECK("k=a \\\n# not this\n  b\nl=c\n", "1 .k=a    b\n4 .l=c\n");
}

Test(ini, last_line_may_continue_into_the_end)
{
	CHECK("k=a \\", "1 .k=a\n");
}

Test(ini, value_may_hold_equals_signs_and_be_empty)
{
	CHECK("k=a=b\nl=\n", "1 .k=a=b\n2 .l=\n");
}

Test(ini, carriage_returns_at_line_ends_are_blanks)
{
	CHECK("[A]\r\nk=v\r\n", "2 A.k=v\n");
}

Test(ini, lines_that_are_nothing_are_faults)
{
	CHECK("word\n=v\n[A\n[]\n",
	      "1 !is not Key=Value\n2 !is not Key=Value\n3 !is not a [Section]\n4 !is not a [Section]\n");
}

Test(ini, zero_byte_is_a_fault_of_its_line_only)
{
	CHECK("a=\0b\nc=d\n", "1 !holds a zero byte\n2 .c=d\n");
}

Test(ini, too_long_line_is_a_fault_of_its_line_only)
{
	static char text[INI_VALUE_MAX + 64];
	size_t length;

	memset(text, 'x', INI_VALUE_MAX + 1);
	memcpy(text, "k=", 2);
	length = INI_VALUE_MAX + 1;
	text[length++] = '\n';
	memcpy(text + length, "c=d", 3);
	check(text, length + 3, "1 !is too long\n2 .c=d\n");
}

Test(ini, many_continuations_cannot_overflow)
{
	static char text[4 * INI_VALUE_MAX];
	struct seen seen = {""};

	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "\\\n", 2);
	ini_parse(text, sizeof(text),
		  &(struct ini_reader){.context = &seen, .entry = on_entry, .fault = on_fault});
	cr_assert_str_eq(seen.text, "1 !is too long\n");
}

Test(words, blanks_separate_and_quotes_hold_them)
{
	const char *at = "  one 'two words' \"three\\\"s\" a\"b c\"d ";
	char word[64];

	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "one");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "two words");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "three\"s");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "ab cd");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 0);
}

Test(words, escapes_are_c_escapes)
{
	const char *at = "a\\tb\\x41\\101\\s\\\\\\\"";
	char word[64];

	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "a\tbAA \\\"");
}

Test(words, what_is_no_escape_stands_for_itself)
{
	const char *at = "\\.\\$ \\xzz \\x4 \\x-1 \\8";
	char word[64];

	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "\\.\\$");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "\\xzz");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "\\x4");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "\\x-1");
	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "\\8");
}

Test(words, empty_quotes_are_a_word)
{
	const char *at = "'' x";
	char word[8];

	cr_assert_eq(word_split(&at, word, sizeof(word)), 1);
	cr_assert_str_eq(word, "");
}

Test(words, what_is_not_ended_fails)
{
	static const char *const bad[] = {"'a", "\"a", "a\\", "\\x00", "\\000"};
	char word[8];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at = bad[i];

		cr_assert_lt(word_split(&at, word, sizeof(word)), 0, "%s", bad[i]);
	}
}

Test(words, word_that_does_not_fit_fails)
{
	const char *at = "12345678";
	char word[8];

	cr_assert_lt(word_split(&at, word, sizeof(word)), 0);
}

Test(values, timespans)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{"5", 5000},
		{"5s", 5000},
		{"1.5s", 1500},
		{"100ms", 100},
		{"1min 30s", 90000},
		{"2h", 7200000},
		{"1min30s", 90000},
		{"0", 0},
		{"infinity", TIMESPAN_INFINITY},
		{"1 day", 86400000},
		{"2 weeks", 1209600000},
		{"1y", 31557600000},
		{"1M", 2629800000},
		{"500us", 1},
		{"1s 1500us", 1002},
	};
	static const char *const bad[] = {"",
					  "x",
					  "5 parsecs",
					  "-1",
					  "99999999999999999999",
					  "1..5",
					  "s",
					  "999999999y 999999999y",
					  "5 secondss",
					  "1.2.3"};
	uint64_t ms;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_eq(parse_timespan(good[i].text, &ms), 0, "%s", good[i].text);
		cr_assert_eq(ms, good[i].ms, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_lt(parse_timespan(bad[i], &ms), 0, "%s", bad[i]);
}

Test(values, booleans)
{
	bool value;

	cr_assert_eq(parse_bool("yes", &value), 0);
	cr_assert(value);
	cr_assert_eq(parse_bool("Off", &value), 0);
	cr_assert_not(value);
	cr_assert_lt(parse_bool("maybe", &value), 0);
	cr_assert_lt(parse_bool("", &value), 0);
}

Test(values, signals)
{
	int number;

	cr_assert_eq(parse_signal("SIGTERM", &number), 0);
	cr_assert_eq(number, SIGTERM);
	cr_assert_eq(parse_signal("HUP", &number), 0);
	cr_assert_eq(number, SIGHUP);
	cr_assert_eq(parse_signal("9", &number), 0);
	cr_assert_eq(number, 9);
	cr_assert_eq(parse_signal("SIGRTMIN+3", &number), 0);
	cr_assert_eq(number, SIGRTMIN + 3);
	cr_assert_lt(parse_signal("SIGNOTHING", &number), 0);
	cr_assert_lt(parse_signal("0", &number), 0);
	cr_assert_lt(parse_signal("65", &number), 0);
	cr_assert_lt(parse_signal("RTMIN+99", &number), 0);
	cr_assert_lt(parse_signal("", &number), 0);
}
