#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/unit_path.h"

static char root[32];
static struct unit_paths paths;
static struct unit_found found;

/* A shell's work in the root that the folders are in. */
static void sh(const char *script)
{
	char command[1024];

	if (!*root) {
		strcpy(root, "/tmp/rinit-path-XXXXXX");
		cr_assert_not_null(mkdtemp(root));
	}
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p etc/rinit etc/systemd/system usr/lib/systemd/system && %s", root, script);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(unit_paths_open(&paths, root), 0);
}

static void clean_up(void)
{
	char command[64];

	unit_paths_close(&paths);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(unit_path, .fini = clean_up);

static const char *find(const char *name)
{
	return unit_paths_find(&paths, name, &found) ? "" : found.path + strlen(root);
}

#define LIB "usr/lib/systemd/system"
#define ETC "etc/systemd/system"

Test(unit_path, first_folder_wins)
{
	sh("echo x | tee " LIB "/a.service " LIB "/b.service " LIB "/c.service " ETC "/b.service " ETC
	   "/c.service etc/rinit/c.service");
	cr_assert_str_eq(find("a.service"), "/" LIB "/a.service");
	cr_assert(found.vendor && !found.enabled);
	cr_assert_str_eq(find("b.service"), "/" ETC "/b.service");
	cr_assert(!found.vendor && !found.enabled);
	cr_assert_str_eq(find("c.service"), "/etc/rinit/c.service");
	cr_assert(!found.vendor && found.enabled);
	cr_assert_str_eq(find("d.service"), "");
}

Test(unit_path, folder_by_two_names_is_read_once)
{
	sh("ln -s usr/lib lib && echo x > " LIB "/a.service");
	cr_assert_eq(paths.folder_count, 3);
	cr_assert_eq(paths.count, 1);
}

Test(unit_path, instance_has_its_templates_file)
{
	sh("echo x | tee " LIB "/a@.service " ETC "/a@own.service");
	cr_assert_str_eq(find("a@b.service"), "/" LIB "/a@.service");
	cr_assert_str_eq(found.name, "a@b.service");
	cr_assert_str_eq(find("a@own.service"), "/" ETC "/a@own.service");
}

Test(unit_path, link_to_another_name_is_an_alias)
{
	sh("echo x | tee " LIB "/a.service " LIB "/t@.service && ln -s /" LIB "/a.service " ETC
	   "/b.service &&"
	   "ln -s b.service " ETC "/c.service && ln -s /" LIB "/t@.service " ETC "/u@.service");
	cr_assert_str_eq(find("b.service"), "/" LIB "/a.service");
	cr_assert_str_eq(found.name, "a.service");
	find("c.service");
	cr_assert_str_eq(found.name, "a.service");
	find("u@x.service");
	cr_assert_str_eq(found.name, "t@x.service");
}

Test(unit_path, link_with_the_same_name_is_that_file)
{
	sh("mkdir opt && echo x > opt/a.service && ln -s ../../../opt/a.service " ETC "/a.service");
	cr_assert_str_eq(find("a.service"), "/" ETC "/a.service");
	cr_assert_str_eq(found.name, "a.service");
	cr_assert_not(found.masked);
}

Test(unit_path, links_in_a_circle_and_to_nothing)
{
	sh("ln -s b.service " ETC "/a.service && ln -s a.service " ETC "/b.service && ln -s none " ETC
	   "/c.service");
	cr_assert_eq(unit_paths_find(&paths, "a.service", &found), -ELOOP);
	cr_assert_eq(unit_paths_find(&paths, "c.service", &found), -ENOENT);
}

Test(unit_path, masks)
{
	sh("echo x | tee " LIB "/a.service " LIB "/b.service && ln -s /dev/null " ETC "/a.service && : >" ETC
	   "/b.service");
	find("a.service");
	cr_assert(found.masked);
	find("b.service");
	cr_assert(found.masked);
}

Test(unit_path, drop_ins_are_sorted_by_their_names_and_the_first_of_a_name_wins)
{
	struct string_list files = {0};

	sh("cd " LIB " && mkdir a@b-c.service.d a@.service.d service.d a@b-.service.d ../../../../" ETC
	   "/a@b-c.service.d && touch a@b-c.service.d/20.conf a@b-c.service.d/30.conf a@.service.d/10.conf "
	   "service.d/25.conf service.d/20.conf a@b-.service.d/40.conf a@b-c.service.d/none ../../../../" ETC
	   "/a@b-c.service.d/30.conf");
	cr_assert_eq(unit_paths_drop_ins(&paths, "a@b-c.service", &files), 0);
	cr_assert_eq(files.count, 5);
	cr_assert_not_null(strstr(files.items[0], "a@.service.d/10.conf"));
	cr_assert_not_null(strstr(files.items[1], "a@b-c.service.d/20.conf"));
	cr_assert_not_null(strstr(files.items[2], "service.d/25.conf"));
	cr_assert_not_null(strstr(files.items[3], ETC "/a@b-c.service.d/30.conf"));
	cr_assert_not_null(strstr(files.items[4], "a@b-.service.d/40.conf"));
	string_list_clear(&files);
}

Test(unit_path, needs_come_from_all_folders_once)
{
	struct string_list needs = {0};

	sh("cd " LIB " && mkdir t.target.wants ../../../../" ETC
	   "/t.target.wants && touch t.target.wants/a.service t.target.wants/b.service t.target.wants/m.service && "
	   "cd ../../../../" ETC
	   "/t.target.wants && touch b.service c@x.service && ln -s /dev/null m.service");
	cr_assert_eq(unit_paths_needs(&paths, "t.target", ".wants", &needs), 0);
	cr_assert_eq(needs.count, 3);
	cr_assert(string_list_has(&needs, "a.service") && string_list_has(&needs, "b.service") &&
		  string_list_has(&needs, "c@x.service"));
	string_list_clear(&needs);
}
