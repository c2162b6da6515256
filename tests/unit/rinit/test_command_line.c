#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rinit/command_line.h"

static struct command_list list;

static const struct command *parse_one(const char *value)
{
	command_list_clear(&list);
	cr_assert_eq(command_parse(&list, value), 0, "%s", value);
	cr_assert_eq(list.count, 1);
	return &list.items[0];
}

static struct string_list environment_of(const char *const *items)
{
	struct string_list environment = {0};

	for (; *items; items++)
		string_list_add(&environment, *items);
	return environment;
}

/* The words, each in <>. */
static const char *expanded(const char *value, const char *const *variables)
{
	static char text[512];
	struct string_list environment = environment_of(variables), argv = {0};

	text[0] = '\0';
	cr_assert_eq(command_expand(parse_one(value), &environment, &argv), 0);
	for (size_t i = 0; i < argv.count; i++)
		sprintf(text + strlen(text), "<%s>", argv.items[i]);
	string_list_clear(&environment);
	string_list_clear(&argv);
	return text;
}

static const char *const variables[] = {"A=one two", "B=\"q r\" s", "E=", "BAD='x", NULL};

Test(command_line, prefixes_come_in_any_order)
{
	const struct command *command = parse_one("-+:/bin/x a");

	cr_assert(command->ignore_failure && command->privileged && command->verbatim);
	cr_assert_str_eq(command->program, "/bin/x");
	cr_assert(parse_one("!/bin/x")->privileged);
	cr_assert_not(parse_one("!!/bin/x")->privileged);
}

Test(command_line, at_sign_gives_the_name_apart)
{
	const struct command *command = parse_one("@/bin/x name arg");

	cr_assert_str_eq(command->program, "/bin/x");
	cr_assert_str_eq(command->argv[0], "name");
	cr_assert_str_eq(command->argv[1], "arg");
	cr_assert_null(command->argv[2]);
}

Test(command_line, lone_semicolon_begins_another_command)
{
	command_list_clear(&list);
	cr_assert_eq(command_parse(&list, "/bin/a x ; -/bin/b y; \\; ';'"), 0);
	cr_assert_eq(list.count, 2);
	cr_assert_str_eq(list.items[0].argv[1], "x");
	cr_assert(list.items[1].ignore_failure);
	cr_assert_str_eq(list.items[1].argv[1], "y;");
	cr_assert_str_eq(list.items[1].argv[2], ";");
	cr_assert_str_eq(list.items[1].argv[3], ";");
}

Test(command_line, what_is_no_command_is_refused)
{
	static const char *const bad[] = {"",          "-",       "@/bin/x", "\"\"",
					  "/bin/x 'a", "|/bin/x", ";",       "/bin/x ; ;"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		command_list_clear(&list);
		cr_assert_eq(command_parse(&list, bad[i]), -EINVAL, "%s", bad[i]);
	}
}

Test(command_line, variable_alone_becomes_words_and_in_braces_one)
{
	cr_assert_str_eq(expanded("x $A ${A}", variables), "<x><one><two><one two>");
	cr_assert_str_eq(expanded("x $B", variables), "<x><q r><s>");
	cr_assert_str_eq(expanded("x $E $NONE ${E} a${NONE}b", variables), "<x><><ab>");
	cr_assert_str_eq(expanded("x $BAD", variables), "<x><'x>");
}

Test(command_line, other_dollar_signs_stay)
{
	cr_assert_str_eq(expanded("x $$A $$ a$A ${A $ ${}", variables), "<x><$A><$><a$A><${A><$><${}>");
	cr_assert_str_eq(expanded(":x $A ${A}", variables), "<x><$A><${A}>");
}

Test(environment, later_assignment_takes_the_place)
{
	struct string_list environment = environment_of((const char *[]){"A=1", "AB=2", NULL});

	cr_assert_eq(environment_set(&environment, "A=3"), 0);
	cr_assert_eq(environment.count, 2);
	cr_assert_str_eq(environment_get(&environment, "A", 1), "3");
	cr_assert_null(environment_get(&environment, "B", 1));
	environment_unset(&environment, "AB=other");
	cr_assert_eq(environment.count, 2);
	environment_unset(&environment, "A");
	cr_assert_eq(environment.count, 1);
	cr_assert_null(environment.items[1]);
	string_list_clear(&environment);
}

static const char *file_value(const char *text, const char *name)
{
	static struct string_list environment;

	string_list_clear(&environment);
	environment_parse(&environment, text, strlen(text));
	return environment_get(&environment, name, strlen(name));
}

Test(environment, file_knows_quotes_comments_and_continuation)
{
	cr_assert_str_eq(file_value("# c\n; c\n\nA=1\n", "A"), "1");
	cr_assert_str_eq(file_value("A=  a b  \nB=2", "A"), "a b");
	cr_assert_str_eq(file_value("A=\"a  b \" \n", "A"), "a  b ");
	cr_assert_str_eq(file_value("A='a \"b\" \\n'\n", "A"), "a \"b\" \\n");
	cr_assert_str_eq(file_value("A=\"x \\\"y\\\" \\$Z\"\n", "A"), "x \"y\" $Z");
	cr_assert_str_eq(file_value("A=one \\\ntwo\nB=3\n", "A"), "one two");
	cr_assert_str_eq(file_value("A=one \\\ntwo\nB=3\n", "B"), "3");
	cr_assert_str_eq(file_value("A='one\ntwo'\nB=3\n", "A"), "one\ntwo");
	cr_assert_str_eq(file_value("A=\nB=3\n", "A"), "");
	cr_assert_str_eq(file_value("A=\nB=3\n", "B"), "3");
}

Test(environment, lines_that_are_none_are_counted)
{
	struct string_list environment = {0};

	cr_assert_eq(environment_parse(&environment, "export A=1\n1B=2\nC\nD=4\n", 23), 3);
	cr_assert_eq(environment.count, 1);
	string_list_clear(&environment);
}
