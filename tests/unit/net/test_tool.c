/* The host's tools: their input, their end, and what is said when they fail. */
#include "vmm/net/tool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <time.h>

static struct error err;

static int run(const char *const *argv, const char *input)
{
	struct tool tool = {.argv = argv, .package = "the-package", .input = input};

	err.text[0] = '\0';
	return tool_run(&tool, &err);
}

Test(tool, one_that_is_content_is)
{
	static const char *const argv[] = {"grep", "-q", "needle", NULL};

	cr_assert_eq(run(argv, "hay\nneedle\n"), 0, "%s", err.text);
	cr_assert_eq(run(argv, "hay\n"), -EIO);
	cr_assert_str_eq(err.text, "grep failed: it ended without a word");
	cr_assert_eq(run(argv, NULL), -EIO);
}

Test(tool, its_first_line_is_the_reason)
{
	static const char *const argv[] = {"sh", "-c",
					   "echo; echo 'sh: no such thing' >&2; echo more; exit 3", NULL};

	cr_assert_eq(run(argv, NULL), -EIO);
	cr_assert_str_eq(err.text, "sh failed: no such thing");
}

Test(tool, missing_is_refused_with_the_package_that_has_it)
{
	static const char *const argv[] = {"no-such-tool", NULL};

	cr_assert_eq(run(argv, NULL), -ENOENT);
	cr_assert_str_eq(err.text, "no-such-tool is not installed: apt-get install the-package");
}

Test(tool, endless_output_fills_nothing)
{
	static const char *const argv[] = {"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; exit 1",
					   NULL};

	cr_assert_eq(run(argv, NULL), -EIO);
	cr_assert_lt(strlen(err.text), sizeof(err.text));
}

Test(tool, what_it_leaves_behind_is_not_waited_for)
{
	static const char *const argv[] = {"sh", "-c", "sleep 3 &", NULL};
	time_t before = time(NULL);

	cr_assert_eq(run(argv, NULL), 0, "%s", err.text);
	cr_assert_lt(time(NULL) - before, 3);
}
