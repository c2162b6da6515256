#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/error.h"

Test(error, set_writes_the_sentence_and_returns_the_code)
{
	struct error err;

	cr_assert_eq(error_set(&err, -EINVAL, "disk %s: size %d", "a.img", 7), -EINVAL);
	cr_assert_str_eq(err.text, "disk a.img: size 7");
}

Test(error, set_knows_errno)
{
	struct error err;

	errno = ENOENT;
	cr_assert_eq(error_set(&err, -errno, "disk a.img: cannot open: %m"), -ENOENT);
	cr_assert_str_eq(err.text, "disk a.img: cannot open: No such file or directory");
}

Test(error, null_is_allowed)
{
	cr_assert_eq(error_set(NULL, -EPERM, "%s", "nobody reads this"), -EPERM);
	cr_assert_eq(error_prefix(NULL, -EPERM, "nor this"), -EPERM);
}

Test(error, prefix_goes_before_the_sentence)
{
	struct error err;

	error_set(&err, -EINVAL, "no room");
	cr_assert_eq(error_prefix(&err, -ENOSPC, "guest %s", "server"), -ENOSPC);
	cr_assert_str_eq(err.text, "guest server: no room");
}

Test(error, the_old_sentence_may_be_an_argument)
{
	struct error err;

	error_set(&err, -EINVAL, "no room");
	error_set(&err, -EINVAL, "disk: %s, so there", err.text);
	cr_assert_str_eq(err.text, "disk: no room, so there");
	error_prefix(&err, -EINVAL, "[%s]", err.text);
	cr_assert_str_eq(err.text, "[disk: no room, so there]: disk: no room, so there");
}

Test(error, long_sentences_are_cut)
{
	struct {
		struct error err;
		char after[8];
	} box = {.after = "intact"};
	char name[2000];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	error_set(&box.err, -EINVAL, "%s", name);
	cr_assert_eq(strlen(box.err.text), sizeof(box.err.text) - 1);
	error_prefix(&box.err, -EINVAL, "guest");
	cr_assert_eq(strlen(box.err.text), sizeof(box.err.text) - 1);
	cr_assert_eq(strncmp(box.err.text, "guest: xxx", 10), 0);
	error_prefix(&box.err, -EINVAL, "%s", name);
	cr_assert_eq(strlen(box.err.text), sizeof(box.err.text) - 1);
	cr_assert_str_eq(box.after, "intact");
}
