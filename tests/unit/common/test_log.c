#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static int capture[2]; /* each test is a process of its own */
static int real_stderr;

static void log_setup(void)
{
	unsetenv("RASTOS_DEBUG");
	cr_assert_eq(pipe2(capture, O_NONBLOCK), 0);
	real_stderr = dup(STDERR_FILENO);
	dup2(capture[1], STDERR_FILENO);
}

static void log_teardown(void)
{
	dup2(real_stderr, STDERR_FILENO);
}

/* What was logged since the last call. */
static const char *logged(void)
{
	static char text[65536];
	ssize_t len = read(capture[0], text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = 0;
	return text;
}

TestSuite(log, .init = log_setup, .fini = log_teardown);

Test(log, a_line_has_its_level)
{
	log_error("guest %s: gone", "server");
	cr_assert_str_eq(logged(), "<3>guest server: gone\n");
	log_warning("w");
	log_info("i");
	cr_assert_str_eq(logged(), "<4>w\n<6>i\n");
}

Test(log, errno_is_known_and_kept)
{
	errno = ENOENT;
	log_error("cannot open: %m");
	cr_assert_eq(errno, ENOENT);
	cr_assert_str_eq(logged(), "<3>cannot open: No such file or directory\n");
}

Test(log, limited_lines_know_errno_too)
{
	struct log_limit limit = {0};

	errno = ENOENT;
	log_limited(&limit, LOG_LEVEL_WARNING, "cannot open: %m");
	cr_assert_eq(errno, ENOENT);
	cr_assert_str_eq(logged(), "<4>cannot open: No such file or directory\n");
}

Test(log, debug_is_printed_only_when_asked_for)
{
	struct log_limit limit = {0};

	log_debug("quiet");
	log_limited(&limit, LOG_LEVEL_DEBUG, "quiet");
	cr_assert_str_eq(logged(), "");
	setenv("RASTOS_DEBUG", "1", 1);
	log_debug("loud");
	log_limited(&limit, LOG_LEVEL_DEBUG, "loud");
	cr_assert_str_eq(logged(), "<7>loud\n<7>loud\n");
}

Test(log, what_is_logged_stays_on_one_line)
{
	log_info("a guest says %s", "\"hi\n<0>fake\r\033[2Jline\177\"");
	cr_assert_str_eq(logged(), "<6>a guest says \"hi <0>fake  [2Jline \"\n");
}

Test(log, long_lines_are_cut_and_still_end)
{
	char name[5000];
	const char *line;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	log_info("%s", name);
	line = logged();
	cr_assert_eq(strlen(line), 1024);
	cr_assert_eq(line[1023], '\n');
	cr_assert_eq(strchr(line, '\n'), line + 1023);
}

static unsigned lines_in(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

Test(log, a_flood_is_a_burst_and_then_a_line_a_second)
{
	struct log_limit limit = {0};
	unsigned lines;

	for (unsigned i = 0; i < 1000; i++)
		log_limited(&limit, LOG_LEVEL_WARNING, "ring is broken");
	lines = lines_in(logged());
	cr_assert(lines >= LOG_LIMIT_BURST && lines <= LOG_LIMIT_BURST + 1, "%u lines", lines);
	limit.second--; /* a second later */
	for (unsigned i = 0; i < 1000; i++)
		log_limited(&limit, LOG_LEVEL_WARNING, "ring is broken");
	lines = lines_in(logged());
	cr_assert(lines >= 1 && lines <= 2, "%u lines", lines);
}

Test(log, the_line_after_a_flood_says_how_many_were_left_out)
{
	struct log_limit limit = {0};
	char expected[80];

	for (unsigned i = 0; i < 100; i++)
		log_limited(&limit, LOG_LEVEL_WARNING, "ring is broken");
	logged();
	snprintf(expected, sizeof(expected), "<4>(%u like this left out) ring is broken\n", limit.dropped);
	limit.second--;
	log_limited(&limit, LOG_LEVEL_WARNING, "ring is broken");
	cr_assert_str_eq(logged(), expected);
	limit.second--;
	log_limited(&limit, LOG_LEVEL_WARNING, "ring is broken");
	cr_assert_str_eq(logged(), "<4>ring is broken\n");
}

Test(log, quiet_brings_the_burst_back)
{
	struct log_limit limit = {0};
	unsigned lines;

	for (unsigned i = 0; i < 100; i++)
		log_limited(&limit, LOG_LEVEL_WARNING, "x");
	logged();
	limit.second -= 3600;
	for (unsigned i = 0; i < 100; i++)
		log_limited(&limit, LOG_LEVEL_WARNING, "x");
	lines = lines_in(logged());
	cr_assert(lines >= LOG_LIMIT_BURST && lines <= LOG_LIMIT_BURST + 1, "%u lines", lines);
}

Test(log, a_terminal_gets_no_level)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	char text[64];
	ssize_t len;
	int other;

	cr_assert_geq(terminal, 0);
	cr_assert_eq(grantpt(terminal) | unlockpt(terminal), 0);
	other = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	cr_assert_geq(other, 0);
	dup2(other, STDERR_FILENO);
	log_error("hello");
	len = read(terminal, text, sizeof(text));
	cr_assert_eq(len, 7);
	cr_assert_arr_eq(text, "hello\r\n", 7);
}
