#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rinit/log_file.h"

static struct loop loop;
static struct log_file file;
static char folder[] = "/tmp/rinit-log-XXXXXX";
static char path[256];

static void set_up(void)
{
	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sub/folder/a.log", folder);
}

static void tear_down(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

static char *content(const char *suffix)
{
	static char text[1 << 20];
	char name[300];
	FILE *stream;
	size_t length;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	stream = fopen(name, "r");
	if (!stream)
		return NULL;
	length = fread(text, 1, sizeof(text) - 1, stream);
	text[length] = '\0';
	fclose(stream);
	return text;
}

static void steps(void)
{
	for (int i = 0; i < 20; i++)
		loop_step(&loop, 20);
}

TestSuite(log_file, .init = set_up, .fini = tear_down);

Test(log_file, lines_have_the_time_of_day)
{
	struct log_entry entry = {.who = "a", .text = "words"};
	char text[128];

	cr_assert_eq(log_file_format(&entry, UINT64_C(1700000000123), text, sizeof(text)), strlen(text));
	cr_assert_str_eq(text, "2023-11-14T22:13:20.123Z a: words\n");
	entry.tagged = true;
	strcpy(entry.text, "a[3]: words");
	log_file_format(&entry, 0, text, sizeof(text));
	cr_assert_str_eq(text, "1970-01-01T00:00:00.000Z a[3]: words\n");
}

Test(log_file, begins_with_what_was_before_it)
{
	log_info("before");
	log_file_start(&file, &loop, path, 1 << 20, 4);
	steps();
	log_info("after");
	steps();
	cr_assert_not_null(strstr(content(""), "rinit: before\n"));
	cr_assert_not_null(strstr(content(""), "rinit: after\n"));
	log_info("at the end");
	log_file_stop(&file);
	cr_assert_not_null(strstr(content(""), "rinit: at the end\n"));
	log_file_stop(&file);
}

Test(log_file, appends_to_what_an_earlier_boot_wrote)
{
	log_info("one");
	log_file_start(&file, &loop, path, 1 << 20, 4);
	log_file_stop(&file);
	log_file_start(&file, &loop, path, 1 << 20, 4);
	log_file_stop(&file);
	cr_assert_not_null(strstr(strstr(content(""), "one\n") + 1, "one\n"));
}

Test(log_file, old_ones_are_numbered_and_bounded)
{
	char line[100];

	log_file_start(&file, &loop, path, 8192, 2);
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof(line), "line %d with some words behind it", i);
		log_write(LOG_OUTPUT, "a", line, strlen(line));
		if (i % 100 == 0)
			steps();
	}
	log_file_stop(&file);
	cr_assert_not_null(strstr(content(""), "line 999 "));
	cr_assert_leq(strlen(content("")), 8192);
	cr_assert_gt(strlen(content(".1")), 1000);
	cr_assert_not_null(content(".2"));
	cr_assert_null(content(".3"));
}

Test(log_file, does_not_grow_when_it_cannot_be_rotated)
{
	char line[100] = "some words", old[300];

	log_file_start(&file, &loop, path, 4096, 2);
	log_write(LOG_OUTPUT, "a", line, strlen(line));
	steps();
	snprintf(old, sizeof(old), "%s.1", path);
	cr_assert_eq(mkdir(old, 0755), 0);
	for (int i = 0; i < 500; i++)
		log_write(LOG_OUTPUT, "a", line, strlen(line));
	steps();
	log_file_stop(&file);
	cr_assert_leq(strlen(content("")), 4096);
}

Test(log_file, none_is_kept_when_none_shall_be)
{
	char line[100] = "some words";

	log_file_start(&file, &loop, path, 4096, 0);
	for (int i = 0; i < 500; i++)
		log_write(LOG_OUTPUT, "a", line, strlen(line));
	log_file_stop(&file);
	cr_assert_not_null(content(""));
	cr_assert_null(content(".1"));
}

Test(log_file, lines_that_came_too_fast_are_counted)
{
	char line[100] = "some words in a line of its own";

	log_file_start(&file, &loop, path, 1 << 20, 4);
	for (int i = 0; i < 5000; i++)
		log_write(LOG_OUTPUT, "a", line, strlen(line));
	log_file_stop(&file);
	cr_assert_not_null(strstr(content(""), "lines came too fast and are lost here\n"));
}

Test(log_file, folder_in_its_place_is_said_once_and_blocks_nothing)
{
	size_t length;
	char *text, *first;

	mkdir(path, 0755); /* fails: the folders are not there yet */
	snprintf(path, sizeof(path), "%s", folder);
	log_file_start(&file, &loop, path, 1 << 20, 4);
	steps();
	log_info("go on");
	steps();
	text = log_copy(NULL, &length);
	first = strstr(text, "cannot write");
	cr_assert_not_null(first);
	cr_assert_null(strstr(first + 1, "cannot write"));
	log_file_stop(&file);
	free(text);
}
