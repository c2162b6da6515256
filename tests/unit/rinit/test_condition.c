#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "rinit/condition.h"

static const char *failed(const char *one, const char *two, const char *three)
{
	const char *const texts[] = {one, two, three};
	static struct string_list list;

	string_list_clear(&list);
	for (size_t i = 0; i < 3; i++)
		if (texts[i])
			string_list_add(&list, texts[i]);
	return conditions_failed(&list);
}

Test(condition, none_holds)
{
	cr_assert_null(failed(NULL, NULL, NULL));
}

Test(condition, all_must_hold)
{
	cr_assert_null(failed("PathExists=/", "PathExists=!/no/such", NULL));
	cr_assert_str_eq(failed("PathExists=/", "PathExists=/no/such", NULL), "PathExists=/no/such");
	cr_assert_not_null(failed("PathExists=!/", NULL, NULL));
}

Test(condition, one_of_the_triggers_must_hold)
{
	cr_assert_null(failed("PathExists=|/no/such", "PathExists=|/", NULL));
	cr_assert_not_null(failed("PathExists=|/no/such", "PathExists=|!/", NULL));
	cr_assert_null(failed("PathExists=/", "PathExists=|!/no/such", NULL));
	cr_assert_not_null(failed("PathExists=/no/such", "PathExists=|/", NULL));
}

Test(condition, paths)
{
	char folder[] = "/tmp/rinit-condition-XXXXXX", path[64], link[64], glob[64];
	FILE *file;

	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	snprintf(glob, sizeof(glob), "%s/f*e", folder);
	cr_assert_not(condition_holds("DirectoryNotEmpty", folder));
	cr_assert_not(condition_holds("PathExistsGlob", glob));
	file = fopen(path, "w");
	cr_assert_not(condition_holds("FileNotEmpty", path));
	fputs("x", file);
	fclose(file);
	cr_assert_eq(symlink(path, link), 0);
	cr_assert(condition_holds("DirectoryNotEmpty", folder));
	cr_assert(condition_holds("PathExistsGlob", glob));
	cr_assert(condition_holds("PathExistsGlob", "/tmp/rinit-condition-*/file"));
	cr_assert(condition_holds("FileNotEmpty", path));
	cr_assert_not(condition_holds("FileIsExecutable", path));
	chmod(path, 0755);
	cr_assert(condition_holds("FileIsExecutable", path));
	cr_assert(condition_holds("PathIsDirectory", folder));
	cr_assert_not(condition_holds("PathIsDirectory", path));
	cr_assert(condition_holds("PathIsSymbolicLink", link));
	cr_assert_not(condition_holds("PathIsSymbolicLink", path));
	cr_assert(condition_holds("PathIsReadWrite", folder));
	cr_assert_not(condition_holds("PathIsReadWrite", "/no/such"));
	cr_assert(condition_holds("PathIsMountPoint", "/proc"));
	cr_assert(condition_holds("PathIsMountPoint", "/"));
	cr_assert_not(condition_holds("PathIsMountPoint", folder));
	unlink(link);
	unlink(path);
	rmdir(folder);
}

Test(condition, machine)
{
	struct utsname name;

	uname(&name);
	cr_assert(condition_holds("Host", name.nodename));
	cr_assert(condition_holds("Host", "*"));
	cr_assert_not(condition_holds("Host", "no.such.host"));
	cr_assert_not(condition_holds("KernelCommandLine", "no.such.word"));
	cr_assert_not(condition_holds("KernelCommandLine", "no.such=value"));
	cr_assert(condition_holds("User", "root"));
	cr_assert_not(condition_holds("User", "nobody"));
	cr_assert(condition_holds("Virtualization", "yes") != condition_holds("Virtualization", "no"));
	cr_assert(condition_holds("ACPower", "true") != condition_holds("ACPower", "false"));
	cr_assert(condition_holds("Architecture", "native"));
	cr_assert_not(condition_holds("Architecture", "s390x"));
}

Test(condition, values_are_checked)
{
	cr_assert_eq(condition_check("PathExists", "|!/x"), 0);
	cr_assert_eq(condition_check("PathExists", "x"), -EINVAL);
	cr_assert_eq(condition_check("PathExists", "!"), -EINVAL);
	cr_assert_eq(condition_check("Capability", "CAP_SYS_ADMIN"), 0);
	cr_assert_eq(condition_check("Capability", "CAP_X"), -EINVAL);
	cr_assert_eq(condition_check("ACPower", "maybe"), -EINVAL);
	cr_assert_eq(condition_check("Moon", "full"), -ENOENT);
}
