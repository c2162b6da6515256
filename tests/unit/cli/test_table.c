/* Tables and guests' text, as bytes in a file that is no terminal; on one: tests/manager/test_terminal.py. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/table.h"
#include "vmm/cli/visible.h"

static char *output;
static size_t output_len;
static FILE *file;

static void setup(void)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	file = tmpfile();
}

static const char *written(void)
{
	output_len = (size_t)ftell(file);
	output = malloc(output_len + 1);
	rewind(file);
	cr_assert_eq(fread(output, 1, output_len, file), output_len);
	output[output_len] = '\0';
	return output;
}

TestSuite(table, .init = setup);
TestSuite(visible, .init = setup);

static const struct table_column columns[] = {
	{"NAME", TABLE_CUT}, {"N", TABLE_RIGHT}, {"WHY", TABLE_CUT}, {NULL, 0}};

Test(table, columns_are_aligned)
{
	struct table *table = table_create(columns);

	table_text(table, "a");
	table_format(table, "%d", 7);
	table_text(table, "because");
	table_text(table, "caf\xc3\xa9-\xe6\xbc\xa2"); /* seven columns in nine bytes */
	table_format(table, "%d", 1000);
	table_text(table, "");
	cr_expect(table_print(table, file, 0));
	cr_expect_str_eq(written(), "NAME        N  WHY\n"
				    "a           7  because\n"
				    "caf\xc3\xa9-\xe6\xbc\xa2  1000\n");
	table_destroy(table);
}

Test(table, may_be_empty_or_cut_off)
{
	struct table *table = table_create(columns);

	cr_expect(table_print(table, file, 0));
	for (unsigned i = 0; i < 30; i++)
		table_format(table, "%u", i % 10);
	cr_expect(table_print(table, file, 3));
	cr_expect_str_eq(written(), "NAME  N  WHY\nNAME  N  WHY\n0     1  2\n3     4  5\n");
	table_destroy(table);
}

Test(table, bytes_are_readable)
{
	static const struct table_column one[] = {{"B", 0}, {NULL, 0}};
	static const double sizes[] = {0, 1, 1023, 1024, 1536, 102400, 1048576, 1e18};
	struct table *table = table_create(one);

	for (unsigned i = 0; i < 8; i++)
		table_bytes(table, sizes[i]);
	table_print(table, file, 0);
	cr_expect_str_eq(written(), "B\n-\n1B\n1023B\n1.0K\n1.5K\n100K\n1.0M\n888P\n");
	table_destroy(table);
}

struct text {
	char in[64], printable[64], visible[64];
};

ParameterizedTestParameters(table, guests_words_do_not_steer)
{
	static struct text texts[] = {
		{"plain", "plain", "plain"},
		{"a\tb\nc\rd", "a b c?d", "a\tb\nc\rd"},
		{"\x1b[31m\x07\x7f", "?[31m??", "^[[31m^G^?"},
		{"\xc2\x9b"
		 "1m",
		 "?1m", "?1m"},
		{"\x9b"
		 "1m",
		 "?1m", "?1m"},
		{"\xe2\x80\xae!", "?!", "?!"},
		{"\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80"},
		{"\xc3(\xff\xe6\xbc", "?(???", "?(?"},
		{"\xe6\xbc\xe6\xbc\xa2", "??\xe6\xbc\xa2", "??\xe6\xbc\xa2"},
	};

	return cr_make_param_array(struct text, texts, sizeof(texts) / sizeof(*texts));
}

ParameterizedTest(struct text *text, table, guests_words_do_not_steer)
{
	struct visible visible;
	char *clean;

	setup();
	clean = table_printable(text->in);
	cr_expect_str_eq(clean, text->printable);
	visible_start(&visible, true);
	visible_write(&visible, text->in, file);
	cr_expect_str_eq(written(), text->visible);
	free(clean);
}

Test(visible, letters_may_come_in_parts)
{
	struct visible visible;

	visible_start(&visible, true);
	visible_write(&visible, "caf\xc3", file);
	visible_write(&visible, "\xa9 \xf0\x9f", file);
	visible_write(&visible, "\x98", file);
	visible_write(&visible, "\x80.", file);
	cr_expect_str_eq(written(), "caf\xc3\xa9 \xf0\x9f\x98\x80.");
}

Test(visible, pipe_gets_all)
{
	struct visible visible;

	visible_start(&visible, false);
	visible_write(&visible, "\x1b[31m\xff", file);
	cr_expect_str_eq(written(), "\x1b[31m\xff");
}
