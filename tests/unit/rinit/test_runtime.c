#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rinit/runtime.h"

static enum runtime_mode mode;
static struct error err;

static int read_mode(const char *text)
{
	char path[] = "/tmp/rinit-mode-XXXXXX";
	int fd = mkstemp(path), rc;

	dprintf(fd, "%s", text);
	close(fd);
	rc = mode_read(path, &mode, &err);
	unlink(path);
	return rc;
}

Test(mode, known_words)
{
	cr_assert_eq(read_mode("server\n"), 0);
	cr_assert_eq(mode, MODE_SERVER);
	cr_assert_eq(read_mode("desktop"), 0);
	cr_assert_eq(mode, MODE_DESKTOP);
}

Test(mode, no_file_is_no_mode)
{
	cr_assert_eq(mode_read("/no/such/file", &mode, &err), 0);
	cr_assert_eq(mode, MODE_NONE);
	cr_assert_str_eq(mode_name(mode), "server");
}

Test(mode, unknown_word_names_the_file_and_the_words)
{
	cr_assert_lt(read_mode("laptop\n"), 0);
	cr_assert_not_null(
		strstr(err.text, "unknown mode \"laptop\": it must hold one word, server or desktop"));
	cr_assert_eq(mode, MODE_NONE);
	cr_assert_lt(read_mode(""), 0);
	cr_assert_lt(read_mode("server desktop"), 0);
}

Test(mode, file_that_is_too_long_is_refused)
{
	char text[200];

	memset(text, 's', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	cr_assert_lt(read_mode(text), 0);
}

Test(mode, folder_in_place_of_the_file_is_refused)
{
	cr_assert_lt(mode_read("/tmp", &mode, &err), 0);
	cr_assert_str_eq(err.text, "/tmp: cannot read: Is a directory");
}
