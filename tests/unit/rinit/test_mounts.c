#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/mounts.h"

static struct unit_config config;
static struct error err;
static char seen[4096];

static void on_warning(void *context, const char *sentence)
{
	(void)context;
	strcat(strcat(seen, sentence), "\n");
}

static int parse(const char *name, const char *text)
{
	const struct unit_warnings warnings = {.warn = on_warning};

	seen[0] = '\0';
	unit_config_clear(&config);
	unit_config_init(&config, name);
	return unit_parse(&config, "/f", text, strlen(text), &warnings, &err);
}

/* The words of the n-th command of that kind, by blanks. */
static const char *command(enum command_kind kind)
{
	static char text[2048];
	const struct command_list *list = &config.service.commands[kind];

	text[0] = '\0';
	cr_assert_eq(list->count, 1);
	cr_assert(list->items[0].verbatim);
	for (char **word = list->items[0].argv; *word; word++)
		sprintf(text + strlen(text), "%s%s", *text ? " " : "", **word ? *word : "''");
	return text;
}

static const char *words(const struct string_list *list)
{
	static char text[1024];

	text[0] = '\0';
	for (size_t i = 0; i < list->count; i++)
		sprintf(text + strlen(text), "%s%s", i ? " " : "", list->items[i]);
	return text;
}

Test(mounts, helper_gets_what_the_file_says)
{
	cr_assert_eq(parse("a-b.mount",
			   "[Mount]\nWhat=/dev/vda1\nWhere=/a/b\nType=ext4\nOptions=ro,$x,noatime\n"
			   "TimeoutSec=5s\nDirectoryMode=0700\nSloppyOptions=yes\nLazyUnmount=yes\n"
			   "ForceUnmount=no\nReadWriteOnly=yes\n"),
		     0);
	cr_assert_str_eq(seen, "");
	cr_assert_str_eq(
		command(COMMAND_START),
		"rinit-mount mount /dev/vda1 /a/b ext4 ro,$x,noatime /f TimeoutSec=5s "
		"DirectoryMode=0700 SloppyOptions=yes LazyUnmount=yes ForceUnmount=no ReadWriteOnly=yes");
	cr_assert_str_eq(
		command(COMMAND_STOP),
		"rinit-mount umount /dev/vda1 /a/b ext4 ro,$x,noatime /f TimeoutSec=5s "
		"DirectoryMode=0700 SloppyOptions=yes LazyUnmount=yes ForceUnmount=no ReadWriteOnly=yes");
	cr_assert_eq(config.kind, UNIT_MOUNT);
	cr_assert_eq(config.service.type, TYPE_ONESHOT);
	cr_assert(config.service.remain_after_exit);
}

Test(mounts, type_and_options_have_defaults)
{
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=x\nWhere=/a\n"), 0);
	cr_assert_str_eq(command(COMMAND_START), "rinit-mount mount x /a auto '' /f");
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=x\nWhere=/a\nType=\nOptions=\n"), 0);
	cr_assert_str_eq(command(COMMAND_START), "rinit-mount mount x /a auto '' /f");
}

Test(mounts, name_has_to_be_the_paths)
{
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=x\nWhere=/b-c\n"), -EINVAL);
	cr_assert_str_eq(err.text, "/f: Where=/b-c wants a unit that is called b\\x2dc.mount");
	cr_assert_eq(parse("b\\x2dc.mount", "[Mount]\nWhat=x\nWhere=/b-c/\n"), 0);
	cr_assert_eq(parse("-.mount", "[Mount]\nWhat=x\nWhere=/\n"), 0);
	cr_assert_eq(parse("dev-vdb.swap", "[Swap]\nWhat=/dev/vda\n"), -EINVAL);
	cr_assert_str_eq(err.text, "/f: What=/dev/vda wants a unit that is called dev-vda.swap");
}

Test(mounts, what_is_missing_is_named)
{
	cr_assert_eq(parse("a.mount", "[Mount]\nWhere=/a\n"), -EINVAL);
	cr_assert_str_eq(err.text, "/f: no What=: nothing to mount");
	cr_assert_eq(parse("a.mount", ""), -EINVAL);
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=\nWhere=/a\n"), -EINVAL);
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=x\n"), -EINVAL);
	cr_assert_str_eq(err.text, "/f: Where= has to be an absolute path, free of ..");
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=x\nWhere=a\n"), -EINVAL);
	cr_assert_eq(parse("a-..-b.mount", "[Mount]\nWhat=x\nWhere=/a/../b\n"), -EINVAL);
	cr_assert_eq(parse("x.swap", "[Swap]\nWhat=UUID=x\n"), -EINVAL);
}

Test(mounts, bad_values_and_other_sections_keys_are_named)
{
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=x\nWhere=/a\nTimeoutSec=soon\nDirectoryMode=rwx\n"
				      "DirectoryMode=99\nLazyUnmount=perhaps\nPriority=5\nDirectoryMode=\n"
				      "[Service]\nExecStart=/bin/true\n[Swap]\nWhat=y\n[Mount]\nUser=a\n"),
		     0);
	cr_assert_str_eq(seen, "/f:4: TimeoutSec=soon is not valid and has no effect\n"
			       "/f:5: DirectoryMode=rwx is not valid and has no effect\n"
			       "/f:6: DirectoryMode=99 is not valid and has no effect\n"
			       "/f:7: LazyUnmount=perhaps is not valid and has no effect\n"
			       "/f:8: Priority= in [Mount] is not known here and has no effect\n"
			       "/f:9: DirectoryMode= is not valid and has no effect\n"
			       "/f:11: ExecStart= in [Service] is not known here and has no effect\n"
			       "/f:13: What= in [Swap] is not known here and has no effect\n"
			       "/f:15: User= in [Mount] is not known here and has no effect\n");
	cr_assert_str_eq(command(COMMAND_START), "rinit-mount mount x /a auto '' /f");
}

Test(mounts, order_is_as_systemd_mount_5_has_it)
{
	cr_assert_eq(parse("a-b.mount", "[Mount]\nWhat=/dev/x\nWhere=/a/b\n"), 0);
	cr_assert_str_eq(words(&config.before), "local-fs.target");
	cr_assert_str_eq(words(&config.after), "-.mount a.mount local-fs-pre.target");
	cr_assert_str_eq(words(&config.mounts_for), "-.mount a.mount");
	cr_assert_str_eq(words(&config.wants), "");
	cr_assert_eq(config.boot, BOOT_NORMAL);

	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=h:/x\nWhere=/a\nType=nfs4\n"), 0);
	cr_assert_str_eq(words(&config.before), "remote-fs.target");
	cr_assert_str_eq(words(&config.after), "-.mount network-online.target remote-fs-pre.target");
	cr_assert_str_eq(words(&config.wants), "network-online.target");
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=x\nWhere=/a\nType=tmpfs\nOptions=ro,_netdev\n"), 0);
	cr_assert_str_eq(words(&config.before), "remote-fs.target");

	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=x\nWhere=/a\nOptions=nofail\n"), 0);
	cr_assert_str_eq(words(&config.before), "");
	cr_assert_eq(config.boot, BOOT_BACKGROUND);

	cr_assert_eq(parse("a.mount", "[Unit]\nDefaultDependencies=no\n[Mount]\nWhat=x\nWhere=/a\n"), 0);
	cr_assert_str_eq(words(&config.before), "");
	cr_assert_str_eq(words(&config.after), "-.mount");
}

Test(mounts, bind_comes_after_what_it_is_of)
{
	cr_assert_eq(parse("a.mount", "[Mount]\nWhat=/b/c\nWhere=/a\nOptions=bind\n"), 0);
	cr_assert_str_eq(words(&config.mounts_for), "-.mount b.mount b-c.mount");
}

Test(mounts, swap_falls_out)
{
	cr_assert_eq(
		parse("var-swap.swap", "[Swap]\nWhat=/var/swap\nPriority=7\nOptions=discard\nTimeoutSec=5\n"),
		0);
	cr_assert_str_eq(seen, "");
	cr_assert_str_eq(command(COMMAND_START),
			 "rinit-mount mount /var/swap none swap discard /f Priority=7 TimeoutSec=5");
	cr_assert_str_eq(words(&config.before), "swap.target");
	cr_assert_str_eq(words(&config.mounts_for), "-.mount var.mount var-swap.mount");
}

Test(mounts, paths_of_requires_and_wants_are_taken_apart)
{
	cr_assert_eq(parse("a.service",
			   "[Unit]\nRequiresMountsFor=/srv/x /a-b\nWantsMountsFor=/home\n[Service]\n"
			   "ExecStart=/bin/true\n"),
		     0);
	cr_assert_str_eq(seen, "");
	cr_assert_str_eq(words(&config.mounts_for), "-.mount srv.mount srv-x.mount a\\x2db.mount");
	cr_assert_str_eq(words(&config.wants), "-.mount home.mount");
	cr_assert(string_list_has(&config.after, "srv-x.mount"));
	cr_assert(string_list_has(&config.after, "home.mount"));
	parse("a.service", "[Unit]\nRequiresMountsFor=srv\n[Service]\nExecStart=/bin/true\n");
	cr_assert_str_eq(seen, "/f:2: RequiresMountsFor=srv is not valid and has no effect\n");
}

Test(mounts, folders_of_a_service_are_implied)
{
	cr_assert_eq(parse("a.service",
			   "[Service]\nExecStart=/bin/true\nWorkingDirectory=/srv\nStateDirectory=a\n"
			   "LogsDirectory=l\nRuntimeDirectory=r\n"),
		     0);
	cr_assert_str_eq(
		words(&config.mounts_for),
		"-.mount srv.mount var.mount var-lib.mount var-lib-a.mount var-log.mount var-log-l.mount");
	cr_assert_eq(parse("a.service", "[Service]\nExecStart=/bin/true\nWorkingDirectory=-/srv\n"), 0);
	cr_assert_str_eq(words(&config.mounts_for), "");
}

Test(mounts, path_that_is_too_long_for_a_name_has_what_leads_to_it)
{
	char path[4096] = "/a/";

	memset(path + 3, 'x', 3000);
	unit_config_clear(&config);
	unit_config_init(&config, "s.service");
	cr_assert_eq(mounts_for(&config, &config.mounts_for, path), 0);
	cr_assert_str_eq(words(&config.mounts_for), "-.mount a.mount");
}

Test(mounts, device_is_waited_for_under_its_path)
{
	unit_config_clear(&config);
	unit_config_init(&config, "dev-disk-by\\x2duuid-a.device");
	cr_assert_eq(device_fill(&config), 0);
	cr_assert_str_eq(command(COMMAND_START), "rinit-mount wait /dev/disk/by-uuid/a");
	cr_assert_eq(config.boot, BOOT_BACKGROUND);
}
