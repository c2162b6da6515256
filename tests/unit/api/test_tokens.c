#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../vmm/scratch.h"
#include "vmm/api/tokens.h"

/* printf %s secret | sha256sum */
#define SECRET_HASH "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

static struct tokens *tokens;
static struct error err;

static void setup(void)
{
	scratch_make();
}

static void teardown(void)
{
	tokens_close(tokens);
	scratch_remove();
}

TestSuite(tokens, .init = setup, .fini = teardown);

static int open_file(const char *text)
{
	char *path = (char *)scratch_file("tokens", text);

	chmod(path, 0600);
	tokens_close(tokens);
	tokens = NULL;
	return tokens_open(path, &tokens, &err);
}

Test(tokens, known_one_gives_its_role)
{
	cr_assert_eq(open_file("# who\n\nci operate " SECRET_HASH "\n"), 0, "%s", err.text);
	cr_assert_eq(tokens_role(tokens, "Bearer secret"), ROLE_OPERATE);
	cr_assert_eq(tokens_role(tokens, "bearer secret"), ROLE_OPERATE);
	cr_assert_eq(tokens_role(tokens, "Bearer secre"), ROLE_NONE);
	cr_assert_eq(tokens_role(tokens, "Bearer secret "), ROLE_NONE);
	cr_assert_eq(tokens_role(tokens, "Bearer"), ROLE_NONE);
	cr_assert_eq(tokens_role(tokens, "Bearer "), ROLE_NONE);
	cr_assert_eq(tokens_role(tokens, "Basic secret"), ROLE_NONE);
	cr_assert_eq(tokens_role(tokens, "secret"), ROLE_NONE);
	cr_assert_eq(tokens_role(tokens, ""), ROLE_NONE);
	cr_assert_eq(tokens_role(tokens, "Bearer " SECRET_HASH), ROLE_NONE, "the hash is no token");
}

Test(tokens, file_that_is_missing_has_none)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/none", scratch);
	cr_assert_eq(tokens_open(path, &tokens, &err), 0, "%s", err.text);
	cr_assert_eq(tokens_role(tokens, "Bearer secret"), ROLE_NONE);
}

Test(tokens, wrong_files_are_refused)
{
	static const char *const bad[] = {
		"ci operate\n",
		"ci\n",
		"ci root " SECRET_HASH "\n",
		"ci none " SECRET_HASH "\n",
		"ci operate secret\n",
		"ci operate " SECRET_HASH "0\n",
		"ci operate " SECRET_HASH " more\n",
		"../ci operate " SECRET_HASH "\n",
		"\xff\xfe\n",
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cr_assert_eq(open_file(bad[i]), -EINVAL, "%s", bad[i]);
		cr_assert(strstr(err.text, "line 1"), "%s", err.text);
	}
}

Test(tokens, file_of_others_is_refused)
{
	const char *path = scratch_file("tokens", "");

	chmod(path, 0640);
	cr_assert_eq(tokens_open(path, &tokens, &err), -EPERM);
	chmod(path, 0602);
	cr_assert_eq(tokens_open(path, &tokens, &err), -EPERM);
}

Test(tokens, made_ones_work_and_are_not_in_the_file)
{
	char text[TOKEN_BYTES * 2 + 1], header[128], other[TOKEN_BYTES * 2 + 1];
	struct stat status;
	char content[1024] = "";
	FILE *file;

	cr_assert_eq(open_file(""), 0);
	cr_assert_eq(tokens_add(tokens, "ci", ROLE_READ, text, &err), 0, "%s", err.text);
	cr_assert_eq(tokens_add(tokens, "ops", ROLE_ADMIN, other, &err), 0, "%s", err.text);
	cr_assert_eq(tokens_add(tokens, "ci", ROLE_READ, other, &err), -EEXIST);
	cr_assert_eq(tokens_add(tokens, "a b", ROLE_READ, other, &err), -EINVAL);
	snprintf(header, sizeof(header), "Bearer %s", text);
	cr_assert_eq(tokens_role(tokens, header), ROLE_READ);
	cr_assert_eq(stat(tokens->path, &status), 0);
	cr_assert_eq(status.st_mode & 0777, 0600);
	file = fopen(tokens->path, "r");
	cr_assert_gt(fread(content, 1, sizeof(content) - 1, file), 0);
	fclose(file);
	cr_assert_null(strstr(content, text));
	cr_assert_eq(tokens_remove(tokens, "ci", &err), 0);
	cr_assert_eq(tokens_remove(tokens, "ci", &err), -ENOENT);
	cr_assert_eq(tokens_role(tokens, header), ROLE_NONE);
}

Test(tokens, change_counts_from_the_next_request_on)
{
	struct tokens *manager = NULL;
	char text[TOKEN_BYTES * 2 + 1], header[128], path[256];

	cr_assert_eq(open_file(""), 0);
	snprintf(path, sizeof(path), "%s", tokens->path);
	cr_assert_eq(tokens_open(path, &manager, &err), 0);
	cr_assert_eq(tokens_add(tokens, "ci", ROLE_READ, text, &err), 0);
	snprintf(header, sizeof(header), "Bearer %s", text);
	cr_assert_eq(tokens_role(manager, header), ROLE_READ);
	cr_assert_eq(tokens_remove(tokens, "ci", &err), 0);
	cr_assert_eq(tokens_role(manager, header), ROLE_NONE);
	cr_assert_eq(tokens_add(tokens, "ci", ROLE_READ, text, &err), 0);
	chmod(path, 0644);
	usleep(20000);
	cr_assert_eq(truncate(path, 100), 0);
	snprintf(header, sizeof(header), "Bearer %s", text);
	cr_assert_eq(tokens_role(manager, header), ROLE_NONE, "a file that others may read lets nobody in");
	tokens_close(manager);
}
