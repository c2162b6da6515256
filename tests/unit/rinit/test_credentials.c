#include <criterion/criterion.h>
#include <errno.h>

#include "rinit/credentials.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "broken\n"
			     "web:x:33:34:web server:/srv/www:/usr/sbin/nologin\n"
			     "odd:x:ten:10::/:\n";
static const char group[] = "root:x:0:\nwww:x:34:\nadm:x:4:root,web\nwebs:x:5:webs\nssl:x:113:web";

static struct credentials found;

static int find(const char *user, const char *group_name, const char *extra)
{
	struct service_config config = {.user = (char *)user, .group = (char *)group_name};
	int rc;

	if (extra)
		string_list_add(&config.groups, extra);
	rc = credentials_find(passwd, group, &config, &found);
	string_list_clear(&config.groups);
	return rc;
}

Test(credentials, user_has_its_groups_home_and_shell)
{
	cr_assert_eq(find("web", NULL, NULL), 0);
	cr_assert_eq(found.uid, 33);
	cr_assert_eq(found.gid, 34);
	cr_assert_eq(found.group_count, 3);
	cr_assert_eq(found.groups[1], 4);
	cr_assert_eq(found.groups[2], 113);
	cr_assert_str_eq(found.home, "/srv/www");
	cr_assert_str_eq(found.shell, "/usr/sbin/nologin");
}

Test(credentials, group_and_more_groups_by_name_or_number)
{
	cr_assert_eq(find("web", "adm", "ssl"), 0);
	cr_assert_eq(found.gid, 4);
	cr_assert_eq(find("33", "77", "5"), 0);
	cr_assert_str_eq(found.name, "web");
	cr_assert_eq(found.gid, 77);
	cr_assert_eq(found.groups[found.group_count - 1], 5);
}

Test(credentials, number_need_not_be_in_the_file_a_name_must)
{
	cr_assert_eq(find("4711", NULL, NULL), 0);
	cr_assert_eq(found.uid, 4711);
	cr_assert_eq(find("nobody-there", NULL, NULL), -ENOENT);
	cr_assert_eq(find("web", "no-group", NULL), -ENOENT);
	cr_assert_eq(find("web", NULL, "no-group"), -ENOENT);
	cr_assert_eq(find("odd", NULL, NULL), -EINVAL);
	cr_assert_eq(find("4294967295", NULL, NULL), -ENOENT, "-1 would change nothing");
	cr_assert_eq(find("", NULL, NULL), -ENOENT);
}

Test(credentials, group_alone_keeps_root)
{
	cr_assert_eq(find(NULL, "adm", NULL), 0);
	cr_assert_eq(found.uid, 0);
	cr_assert_eq(found.gid, 4);
	cr_assert_eq(found.group_count, 1);
}
