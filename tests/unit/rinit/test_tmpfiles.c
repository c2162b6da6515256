#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rinit/accounts.h"
#include "rinit/tmpfiles.h"

static char faults[4096];
static struct tmpfiles_line last;
static unsigned int lines;

static void on_line(void *context, const struct tmpfiles_line *line)
{
	(void)context;
	last = *line;
	lines++;
}

static void on_fault(void *context, unsigned int line, const char *why)
{
	size_t used = strlen(faults);

	(void)context;
	snprintf(faults + used, sizeof(faults) - used, "%u %s\n", line, why);
}

static const struct tmpfiles_specifier specifiers[] = {{'t', "/run"}, {'H', "host"}, {'m', ""}, {0, NULL}};

static unsigned int parse_bytes(const char *text, size_t length)
{
	faults[0] = '\0';
	lines = 0;
	tmpfiles_parse(
		text, length,
		&(struct tmpfiles_reader){.specifiers = specifiers, .line = on_line, .fault = on_fault});
	return lines;
}

static unsigned int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

Test(tmpfiles, reads_all_fields)
{
	cr_assert_eq(parse("f+! \"/run/a b\" 0640 root adm 10d  text with  blanks \n"), 1);
	cr_assert_eq(last.type, 'f');
	cr_assert(last.plus);
	cr_assert_str_eq(last.path, "/run/a b");
	cr_assert(last.has_mode);
	cr_assert_eq(last.mode, 0640);
	cr_assert_str_eq(last.user, "root");
	cr_assert_str_eq(last.group, "adm");
	cr_assert_str_eq(last.argument, "text with  blanks");
}

Test(tmpfiles, fields_may_be_missing)
{
	cr_assert_eq(parse("d /run/a"), 1);
	cr_assert_not(last.has_mode);
	cr_assert_str_eq(last.user, "");
	cr_assert_eq(parse("d /run/a - - - - -"), 1);
	cr_assert_not(last.has_mode);
	cr_assert_str_eq(last.argument, "");
	cr_assert_str_eq(faults, "");
}

Test(tmpfiles, prefixes_of_mode_and_names)
{
	cr_assert_eq(parse("Z- /a :~2750 :root :adm"), 1);
	cr_assert(last.ignore_failure && last.mode_mask && last.mode_new && last.user_new && last.group_new);
	cr_assert_eq(last.mode, 02750);
	cr_assert_str_eq(last.group, "adm");
}

Test(tmpfiles, specifiers_and_escapes)
{
	cr_assert_eq(parse("f %t/x-%H%% - - - - a\\tb\\n%H\\\\"), 1);
	cr_assert_str_eq(last.path, "/run/x-host%");
	cr_assert_str_eq(last.argument, "a\tb\nhost\\");
	cr_assert_eq(parse("L /x - - - - a\\tb"), 1);
	cr_assert_str_eq(last.argument, "a\\tb", "a path has no escapes");
	cr_assert_eq(parse("f+! /n - - - - \"quoted text\""), 1);
	cr_assert_str_eq(last.argument, "quoted text");
}

Test(tmpfiles, bad_lines_are_told_with_their_number)
{
	static const char *const bad[][2] = {
		{"k /a", "1 has a type that is not known here\n"},
		{"d? /a", "1 has a type that is not known here\n"},
		{"d", "1 has no absolute path, free of ..\n"},
		{"d a/b", "1 has no absolute path, free of ..\n"},
		{"d /", "1 has no absolute path, free of ..\n"},
		{"d /a/../b", "1 has no absolute path, free of ..\n"},
		{"d /a/..", "1 has no absolute path, free of ..\n"},
		{"d /a 0999", "1 has no octal mode\n"},
		{"d /a 77777", "1 has no octal mode\n"},
		{"d /a -1", "1 has no octal mode\n"},
		{"d /a ~", "1 has no octal mode\n"},
		{"d /a%q", "1 has a %specifier that is not known here\n"},
		{"d /a%", "1 has a %specifier that is not known here\n"},
		{"d /a/%m", "1 has a %specifier that is not known here\n"},
		{"f /a - - - - %q", "1 has a %specifier that is not known here\n"},
		{"d /a 0755 :", "1 has too long a name\n"},
		{"d \"/a", "1 has a quote that does not end, or too long a field\n"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(parse(bad[i][0]), 0, "%s", bad[i][0]);
		cr_assert_str_eq(faults, bad[i][1]);
	}
	cr_assert_eq(parse_bytes("d /a\0b\nd /c\n", 12), 1);
	cr_assert_str_eq(faults, "1 is too long or holds a zero byte\n");
}

Test(tmpfiles, comments_and_empty_lines_are_nothing)
{
	cr_assert_eq(parse("# d /a\n\n   \n  # x\n"), 0);
	cr_assert_str_eq(faults, "");
}

Test(accounts, are_found_by_whole_names)
{
	static const char text[] =
		"root:x:0:0::/:\nrooted:x:7:7::/:\nbroken:x\nodd:x:12a:\n_adm::104:\nlast:x:3";
	unsigned int id = 99;

	cr_assert(account_find(text, "root", &id));
	cr_assert_eq(id, 0);
	cr_assert(account_find(text, "rooted", &id));
	cr_assert_eq(id, 7);
	cr_assert(account_find(text, "_adm", &id));
	cr_assert_eq(id, 104);
	cr_assert(account_find(text, "last", &id));
	cr_assert_not(account_find(text, "roo", &id));
	cr_assert_not(account_find(text, "broken", &id));
	cr_assert_not(account_find(text, "odd", &id));
	cr_assert_not(account_find("", "root", &id));
	cr_assert(account_id("/no/such/file", "123", &id));
	cr_assert_eq(id, 123);
	cr_assert_not(account_id("/no/such/file", "4294967295", &id), "(uid_t)-1 means none");
}
