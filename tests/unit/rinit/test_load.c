#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/load.h"
#include "rinit/log.h"
#include "rinit/unit_builtin.h"
#include "rinit/unit_graph.h"

static char root[32];
static struct loop loop;
static struct manager manager;
static struct unit *unit;

static void sh(const char *script)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "cd %s && r=etc/rinit e=etc/systemd/system l=usr/lib/systemd/system; mkdir -p $r $e $l;"
		 "unit() { echo \"[Unit]\n$2\n[Service]\nExecStart=/bin/true\n$3\" >$1; }; %s",
		 root, script);
	cr_assert_eq(system(command), 0);
}

static void set_up(void)
{
	strcpy(root, "/tmp/rinit-load-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	cr_assert_eq(loop_init(&loop), 0);
	manager_init(&manager, &loop);
}

static void clean_up(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(load, .init = set_up, .fini = clean_up);

static void boot(const char *script)
{
	sh(script);
	manager_load(&manager, root);
	manager_resolve(&manager, "multi-user.target");
}

static bool wanted(const char *name)
{
	unit = unit_set_find(&manager.units, name);
	return unit && unit->run.wanted;
}

static bool logged(const char *text)
{
	size_t length;
	char *log = log_copy(NULL, &length);
	bool found = strstr(log, text) != NULL;

	free(log);
	return found;
}

Test(load, only_what_is_wanted_is_read)
{
	boot("mkdir $e/multi-user.target.wants; unit $l/a.service Wants=b.service; unit $l/b.service; unit $l/c.service;"
	     "ln -s /$l/a.service $e/multi-user.target.wants/a.service; unit $r/d.service");
	cr_assert(wanted("a.service"));
	cr_assert(wanted("b.service"));
	cr_assert(wanted("d.service"));
	cr_assert_null(unit_set_find(&manager.units, "c.service"));
	cr_assert_eq(manager_find(&manager, "c.service", &unit), 0);
	cr_assert_not(unit->run.wanted);
	cr_assert_eq(manager_find(&manager, "no.service", &unit), -ENOENT);
}

Test(load, boot_has_its_targets_without_a_file)
{
	boot(":");
	cr_assert(wanted("basic.target"));
	cr_assert(wanted("sysinit.target"));
	cr_assert(wanted("local-fs.target"));
	cr_assert_not(wanted("nss-lookup.target"));
	cr_assert_eq(manager_find(&manager, "nss-lookup.target", &unit), 0);
	cr_assert_eq(manager_find(&manager, "no-such.target", &unit), -ENOENT);
	cr_assert(unit_is_builtin("getty-pre.target") && unit_is_builtin("rpcbind.target"));
	cr_assert_not(unit_is_builtin("etty.target") || unit_is_builtin("gett.target") ||
		      unit_is_builtin(".target") || unit_is_builtin("getty.service"));
}

Test(load, target_comes_after_what_it_wants)
{
	struct unit *a;

	boot("mkdir $e/my.target.wants $e/multi-user.target.wants; echo '[Unit]' >$e/my.target; unit $l/a.service;"
	     "touch $e/my.target.wants/a.service $e/multi-user.target.wants/my.target");
	cr_assert(wanted("my.target"));
	cr_assert(wanted("a.service"));
	a = unit;
	a->run.state = STATE_STARTING;
	cr_assert_not(graph_may_start(&manager.units, unit_set_find(&manager.units, "my.target")));
}

Test(load, requires_folder_requires)
{
	boot("mkdir $e/a.service.requires; unit $r/a.service; unit $l/b.service; touch $e/a.service.requires/b.service");
	cr_assert(wanted("b.service"));
	unit = unit_set_find(&manager.units, "a.service");
	cr_assert_eq(unit->require_count, 1);
}

Test(load, alias_is_one_unit_with_two_names)
{
	boot("unit $l/a.service; ln -s /$l/a.service $e/dbus-x.service; unit $r/b.service Wants=dbus-x.service");
	cr_assert(wanted("a.service"));
	cr_assert_eq(unit_set_find(&manager.units, "dbus-x.service"), unit);
}

Test(load, alias_counts_in_the_order_though_nobody_asked_for_it)
{
	boot("unit $r/b.service After=syslog.service; mkdir $e/multi-user.target.wants; unit $l/a.service;"
	     "touch $e/multi-user.target.wants/a.service; ln -s /$l/a.service $e/syslog.service");
	cr_assert(wanted("b.service"));
	cr_assert_eq(unit->after_count, 2); /* sysinit.target too */
}

Test(load, two_units_of_one_alias_are_said)
{
	boot("printf '[Service]\nExecStart=/bin/true\n[Install]\nAlias=x.service\n' | tee $r/a.service >$r/b.service");
	cr_assert(logged("b.service: Alias=x.service is a.service already, which keeps it"));
	cr_assert_str_eq(unit_set_find(&manager.units, "x.service")->config.name, "a.service");
}

Test(load, masked_unit_is_not_wanted)
{
	boot("unit $l/a.service; ln -s /dev/null $e/a.service; unit $r/b.service Wants=a.service");
	cr_assert_not(wanted("a.service"));
	cr_assert(unit->masked);
	cr_assert(wanted("b.service"));
}

Test(load, drop_ins_change_files_and_builtin_targets)
{
	boot("unit $r/a.service; mkdir $e/a.service.d $e/multi-user.target.d; echo '[Unit]\nDescription=dropped in'"
	     ">$e/a.service.d/x.conf; unit $l/b.service; echo '[Unit]\nWants=b.service' >$e/multi-user.target.d/x.conf");
	cr_assert(wanted("a.service"));
	cr_assert_str_eq(unit->config.description, "dropped in");
	cr_assert(wanted("b.service"));
}

Test(load, template_alone_is_not_a_unit_and_its_instance_is)
{
	boot("unit $r/a@.service Description=%i; unit $r/b.service Wants=a@x.service");
	cr_assert_null(unit_set_find(&manager.units, "a@.service"));
	cr_assert(wanted("a@x.service"));
	cr_assert_str_eq(unit->config.description, "x");
	cr_assert_eq(manager_find(&manager, "a@.service", &unit), -EINVAL);
}

Test(load, kinds_that_are_not_run_are_named_once)
{
	boot("touch x; echo x >$l/a.timer; unit $r/b.service Wants=a.timer; unit $r/c.service Wants=a.timer");
	cr_assert(
		logged("a.timer: wanted by b.service, but units of this kind are not run: it has no effect"));
	cr_assert_not(logged("wanted by c.service"));
}

Test(load, systemds_own_are_left_to_rinit)
{
	boot("mkdir $l/sysinit.target.wants; unit $l/systemd-journald.service; unit $l/systemd-udevd.service;"
	     "touch $l/sysinit.target.wants/systemd-journald.service $l/sysinit.target.wants/systemd-udevd.service");
	cr_assert_not(wanted("systemd-journald.service"));
	cr_assert(wanted("systemd-udevd.service"));
	cr_assert_eq(manager_find(&manager, "systemd-journald.service", &unit), 0);
}

Test(load, reload_reads_changed_new_and_removed_files)
{
	boot("unit $r/a.service Description=old; unit $r/b.service; unit $r/c.service Description=old");
	wanted("c.service");
	unit->run.state = STATE_RUNNING;
	sh("unit $r/a.service Description=new; rm $r/b.service; unit $r/c.service Description=new; unit $r/d.service");
	manager_reload_files(&manager);
	cr_assert(wanted("a.service"));
	cr_assert_str_eq(unit->config.description, "new");
	wanted("b.service");
	cr_assert(unit->gone);
	wanted("c.service");
	cr_assert_str_eq(unit->config.description, "old");
	cr_assert(unit->stale);
	manager_refresh(unit);
	cr_assert_str_eq(unit->config.description, "new");
	cr_assert_not(wanted("d.service"));
	cr_assert_not_null(unit);
}

Test(load, reload_forgets_links_that_are_gone_and_keeps_rinits_own_needs)
{
	unit = manager_add_target(&manager, "local-fs.target", false);
	string_list_add(&unit->config.requires, "root.mount");
	boot("unit $l/a.service; mkdir $e/local-fs.target.wants; touch $e/local-fs.target.wants/a.service");
	unit = unit_set_find(&manager.units, "local-fs.target");
	cr_assert(string_list_has(&unit->config.wants, "a.service"));
	sh("rm -r $e/local-fs.target.wants");
	manager_reload_files(&manager);
	cr_assert_not(string_list_has(&unit->config.wants, "a.service"));
	cr_assert(string_list_has(&unit->config.requires, "root.mount"));
}

Test(load, reload_keeps_the_old_one_when_the_new_one_is_bad)
{
	boot("unit $r/a.service Description=old");
	sh("echo '[Unit]' >$r/a.service");
	manager_reload_files(&manager);
	wanted("a.service");
	cr_assert_str_eq(unit->config.description, "old");
	cr_assert(logged("a.service: no usable ExecStart="));
}

Test(load, thousand_units_with_random_dependencies_are_all_there_and_ordered)
{
	size_t services = 0, started = 0;
	bool progress = true;

	boot("i=0; s=1; while [ $i -lt 1000 ]; do s=$(( (s * 1103515245 + 12345) % 2147483648 ));"
	     "unit $r/u$i.service \"After=u$((s / 65536 % 1000)).service u$((s / 256 % 1000)).service\n"
	     "Wants=u$((s / 4096 % 1000)).service\"; i=$((i + 1)); done");
	for (size_t i = 0; i < manager.units.count; i++) {
		services += manager.units.items[i]->config.kind == UNIT_SERVICE;
		manager.units.items[i]->run.state = STATE_WAITING;
	}
	cr_assert_eq(services, 1000);
	while (progress) {
		progress = false;
		for (size_t i = 0; i < manager.units.count; i++) {
			unit = manager.units.items[i];
			if (unit->run.state != STATE_WAITING || !graph_may_start(&manager.units, unit))
				continue;
			unit->run.state = STATE_EXITED;
			started++;
			progress = true;
		}
	}
	cr_assert_eq(started, manager.units.count);
}
