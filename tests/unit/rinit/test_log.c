#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rinit/log.h"
#include "rinit/loop.h"

static char *copy(const char *who)
{
	size_t length;
	char *text = log_copy(who, &length);

	cr_assert_eq(strlen(text), length);
	return text;
}

Test(rinit_log, lines_are_kept_in_order_and_by_who_said_them)
{
	log_info("one %d", 1);
	log_write(LOG_OUTPUT, "a.service", "two", 3);
	cr_assert_not_null(strstr(copy(NULL), "rinit: one 1\n"));
	cr_assert_not_null(strstr(copy(NULL), "a.service: two\n"));
	cr_assert_null(strstr(copy("a.service"), "one"));
	cr_assert_str_eq(copy("nobody"), "");
}

Test(rinit_log, control_characters_do_not_reach_the_terminal)
{
	log_write(LOG_OUTPUT, "a", "x\033[2Jy\tz\x7f", 9);
	cr_assert_not_null(strstr(copy(NULL), "a: x?[2Jy\tz?\n"));
}

Test(rinit_log, newest_lines_survive_a_flood)
{
	char line[64];
	char *text;

	for (int i = 0; i < 10000; i++) {
		snprintf(line, sizeof(line), "line %d of many, with some more text", i);
		log_write(LOG_OUTPUT, "a", line, strlen(line));
	}
	text = copy(NULL);
	cr_assert_not_null(strstr(text, "line 9999 of"));
	cr_assert_null(strstr(text, "line 1 of"));
	cr_assert_gt(strlen(text), LOG_RING_SIZE / 2);
	for (char *at = strtok(text, "\n"); at; at = strtok(NULL, "\n"))
		cr_assert_eq(*at, '[');
}

Test(rinit_log, long_lines_are_cut)
{
	char line[LOG_LINE_MAX * 3];

	memset(line, 'x', sizeof(line));
	log_write(LOG_OUTPUT, "a", line, sizeof(line));
	cr_assert_lt(strlen(copy(NULL)), LOG_LINE_MAX + 64);
}

static struct loop loop;
static int terminal[2];

static void open_terminal(void)
{
	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_eq(pipe2(terminal, O_NONBLOCK), 0);
	log_open(&loop, terminal[1]);
}

static size_t drain(char *text, size_t size)
{
	size_t used = 0;
	ssize_t got;

	while ((got = read(terminal[0], text + used, size - used)) > 0)
		used += (size_t)got;
	return used;
}

Test(rinit_log, console_shows_every_line_of_the_boot, .init = open_terminal)
{
	char text[256] = "";

	log_write(LOG_OUTPUT, "a", "said", 4);
	log_info("info");
	drain(text, sizeof(text) - 1);
	cr_assert_str_eq(text, "a: said\nrinit: info\n");
}

Test(rinit_log, console_shows_only_notices_after_the_boot, .init = open_terminal)
{
	char text[256] = "";

	log_quiet(true);
	log_write(LOG_OUTPUT, "a", "said", 4);
	log_info("info");
	log_notice("notice");
	log_warning("warning");
	drain(text, sizeof(text) - 1);
	cr_assert_str_eq(text, "rinit: notice\nrinit: warning\n");
}

Test(rinit_log, stopped_terminal_never_blocks_and_is_caught_up_with, .init = open_terminal)
{
	static char text[1024 * 1024];
	char line[100];
	size_t used;

	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 2000; i++) /* more than a pipe takes */
		log_write(LOG_OUTPUT, "a", line, sizeof(line));
	log_info("the last one");
	used = drain(text, sizeof(text) - 1);
	for (int i = 0; i < 1000 && !strstr(text, "the last one"); i++) {
		loop_step(&loop, 10);
		used += drain(text + used, sizeof(text) - 1 - used);
	}
	cr_assert_not_null(strstr(text, "rinit: the last one\n"));
}

Test(rinit_log, terminal_that_is_gone_is_no_busy_loop, .init = open_terminal)
{
	int events = 0;

	signal(SIGPIPE, SIG_IGN);
	close(terminal[0]);
	log_info("to nobody");
	for (int i = 0; i < 5; i++)
		events += loop_step(&loop, 0);
	cr_assert_leq(events, 1);
}

Test(rinit_log, reader_that_is_too_slow_knows_how_much_it_missed)
{
	struct log_cursor cursor = {0};
	struct log_entry entry;
	uint64_t missed = 0, read = 0;

	for (int i = 0; i < 10000; i++)
		log_write(LOG_OUTPUT, "a", "some words", 10);
	while (log_next(&cursor, &entry, &missed))
		read++;
	cr_assert_gt(missed, 0);
	cr_assert_eq(missed + read, 10000);
	cr_assert_str_eq(entry.text, "some words");
	log_write_priority(LOG_OUTPUT, 77, true, "b", "b: more", 7);
	cr_assert(log_next(&cursor, &entry, &missed));
	cr_assert_eq(entry.priority, 77);
	cr_assert(entry.tagged);
	cr_assert_str_eq(entry.who, "b");
	cr_assert_not(log_next(&cursor, &entry, &missed));
}

static int added;

static void count_added(struct log_watcher *watcher)
{
	(void)watcher;
	added++;
}

Test(rinit_log, watchers_are_told_until_they_leave)
{
	struct log_watcher one = {.added = count_added}, two = {.added = count_added};

	log_watch(&one);
	log_watch(&two);
	log_info("x");
	cr_assert_eq(added, 2);
	log_unwatch(&one);
	log_unwatch(&one);
	log_info("x");
	cr_assert_eq(added, 3);
}

Test(rinit_log, dates_are_those_of_libc)
{
	for (uint64_t day = 0; day < 60000; day++) {
		time_t whole = (time_t)(day * 86400 + day % 86400);
		struct log_date date = log_date((uint64_t)whole * 1000 + 7);
		struct tm tm;

		gmtime_r(&whole, &tm);
		cr_assert(date.year == (unsigned int)tm.tm_year + 1900 &&
				  date.month == (unsigned int)tm.tm_mon + 1 &&
				  date.day == (unsigned int)tm.tm_mday &&
				  date.hour == (unsigned int)tm.tm_hour &&
				  date.minute == (unsigned int)tm.tm_min &&
				  date.second == (unsigned int)tm.tm_sec && date.ms == 7,
			  "day %llu: %u-%u-%u", (unsigned long long)day, date.year, date.month, date.day);
	}
}
