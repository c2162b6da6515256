#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/generate.h"

static char root[32];
static char seen[4096];
static char text[65536];

static void on_warning(const char *sentence)
{
	strcat(strcat(seen, sentence), "\n");
}

static void sh(const char *script)
{
	char command[8192];

	snprintf(command, sizeof(command), "cd %s && { %s\n}", root, script);
	cr_assert_eq(system(command), 0, "%s", script);
}

/* What the command prints, in root. */
static const char *output(const char *command)
{
	char all[4096];
	FILE *pipe;
	size_t length;

	snprintf(all, sizeof(all), "cd %s && %s", root, command);
	pipe = popen(all, "r");
	length = fread(text, 1, sizeof(text) - 1, pipe);
	text[length] = '\0';
	pclose(pipe);
	return text;
}

static bool there(const char *path)
{
	char command[512];

	snprintf(command, sizeof(command), "test -e run/systemd/%s && echo yes", path);
	return *output(command) == 'y';
}

static void set_up(void)
{
	strcpy(root, "/tmp/rinit-generate-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	sh("mkdir -p run etc/init.d etc/rc2.d etc/rc5.d etc/rcS.d lib/systemd/system");
}

static void clean_up(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(generate, .init = set_up, .fini = clean_up);

static void run(void)
{
	seen[0] = '\0';
	cr_assert_eq(generate(root, true, on_warning), 0);
}

static void fstab(const char *lines)
{
	char script[4096];

	snprintf(script, sizeof(script), "cat >etc/fstab <<'END'\n%s\nEND", lines);
	sh(script);
	run();
}

Test(generate, fstab_line_is_a_unit_file)
{
	fstab("UUID=1-2 /data/x ext4 ro,nofail 0 2");
	cr_assert_str_eq(seen, "");
	cr_assert_str_eq(
		output("cat run/systemd/generator/data-x.mount"),
		"[Unit]\nSourcePath=/etc/fstab\nDescription=/data/x from UUID=1-2\n\n[Mount]\nWhat=UUID=1-2\n"
		"Where=/data/x\nType=ext4\nOptions=ro,nofail,x-rinit.pass=2\n");
	cr_assert(there("generator/local-fs.target.wants/data-x.mount"));
	cr_assert_not(there("generator/local-fs.target.requires"));
}

Test(generate, fstab_lines_are_linked_where_they_belong)
{
	fstab("a /a tmpfs defaults 0 0\nb /b tmpfs noauto 0 0\nh:/c /c nfs defaults 0 0\n/dev/vdb none swap sw 0 0\n"
	      "e /e tmpfs x-systemd.wanted-by=x.target,x-systemd.required-by=y.service 0 0\n/dev/vdc none swap noauto");
	cr_assert_str_eq(seen, "");
	cr_assert(there("generator/local-fs.target.requires/a.mount"));
	cr_assert(there("generator/b.mount"));
	cr_assert_not(there("generator/local-fs.target.requires/b.mount"));
	cr_assert(there("generator/remote-fs.target.requires/c.mount"));
	cr_assert(there("generator/swap.target.wants/dev-vdb.swap"));
	cr_assert(there("generator/dev-vdc.swap"));
	cr_assert_not(there("generator/swap.target.wants/dev-vdc.swap"));
	cr_assert(there("generator/x.target.wants/e.mount"));
	cr_assert(there("generator/y.service.requires/e.mount"));
	cr_assert_not(there("generator/local-fs.target.requires/e.mount"));
}

Test(generate, fstab_options_become_keys)
{
	fstab("/dev/a / ext4 defaults 0 1\n"
	      "a /a tmpfs x-systemd.after=b.service,x-systemd.before=/c/d,x-systemd.requires=/dev/x,"
	      "x-systemd.requires-mounts-for=/e,x-systemd.wants-mounts-for=/f,x-rinit.no-wait,_netdev 0 2");
	cr_assert_str_eq(seen, "");
	output("cat run/systemd/generator/a.mount");
	cr_assert_not_null(strstr(text, "After=b.service\n"));
	cr_assert_not_null(strstr(text, "Before=c-d.mount\n"));
	cr_assert_not_null(strstr(text, "After=dev-x.device\nRequires=dev-x.device\n"));
	cr_assert_not_null(strstr(text, "RequiresMountsFor=\"/e\"\n"));
	cr_assert_not_null(strstr(text, "WantsMountsFor=\"/f\"\n"));
	cr_assert_not_null(strstr(text, "After=modules.target\n"));
	cr_assert_not_null(strstr(text, "After=-.mount\n")); /* fsck's first pass */
}

Test(generate, fstab_with_what_cannot_be_written_is_named)
{
	fstab("a /a\\012b tmpfs defaults 0 0\n\\040b /b tmpfs defaults 0 0\nc /c tmpfs x-systemd.after=a\\011b\n"
	      "50%\\040off /d\\134e tmpfs defaults 0 0\nd\\134 /f tmpfs defaults 0 0");
	cr_assert_str_eq(
		seen,
		"/etc/fstab:1: this line has control characters, or blanks or \\ at the end of a field, "
		"and has no effect\n"
		"/etc/fstab:2: this line has control characters, or blanks or \\ at the end of a field, "
		"and has no effect\n"
		"/etc/fstab:3: this line has control characters, or blanks or \\ at the end of a field, "
		"and has no effect\n"
		"/etc/fstab:5: this line has control characters, or blanks or \\ at the end of a field, "
		"and has no effect\n");
	cr_assert_not_null(
		strstr(output("cat run/systemd/generator/d*.mount"), "What=50%% off\nWhere=/d\\e\n"));
	cr_assert_not(there("generator/b.mount"));
}

Test(generate, fstab_automount_is_mounted_at_boot_and_holds_up_nobody)
{
	fstab("a /a tmpfs noauto,x-systemd.automount 0 0\nb /b tmpfs x-systemd.automount,x-systemd.idle-timeout=5 0 0");
	cr_assert_str_eq(
		seen, "/etc/fstab:1: option x-systemd.automount is not known here and has no effect: it is "
		      "mounted at boot\n"
		      "/etc/fstab:2: option x-systemd.automount is not known here and has no effect: it is "
		      "mounted at boot\n"
		      "/etc/fstab:2: option x-systemd.idle-timeout=5 is not known here and has no effect\n");
	cr_assert(there("generator/local-fs.target.wants/a.mount"));
	cr_assert_not_null(strstr(output("cat run/systemd/generator/a.mount"), "automount,nofail\n"));
	cr_assert(there("generator/local-fs.target.requires/b.mount"));
}

Test(generate, what_is_gone_from_fstab_is_gone)
{
	fstab("a /a tmpfs defaults 0 0");
	fstab("b /b tmpfs defaults 0 0");
	cr_assert_str_eq(output("cd run/systemd; find . -type f ! -name '*.lock' -o -type l | sort"),
			 "./generator/b.mount\n./generator/local-fs.target.requires/b.mount\n");
	sh("rm etc/fstab");
	run();
	cr_assert_str_eq(output("cd run/systemd; ls generator"), "");
}

static void script(const char *name, const char *header)
{
	char all[4096];

	snprintf(all, sizeof(all),
		 "cat >etc/init.d/%s <<'END'\n#!/bin/sh\n### BEGIN INIT INFO\n%s\n### END INIT INFO\nEND\n"
		 "chmod +x etc/init.d/%s",
		 name, header, name);
	sh(all);
}

Test(generate, init_script_is_a_service)
{
	script("a",
	       "# Provides: a b\n# Required-Start: $remote_fs $network $syslog c d.sh\n# X-Start-Before: e\n"
	       "# Short-Description: 100% good");
	sh("ln -s ../init.d/a etc/rc2.d/S01a; printf 'case $1 in\nreload)\nesac\n# pidfile: /run/a.pid\n' "
	   ">>etc/init.d/a");
	run();
	cr_assert_str_eq(seen, "");
	cr_assert_str_eq(output("cat run/systemd/generator.late/a.service"),
			 "[Unit]\nSourcePath=/etc/init.d/a\nDescription=LSB: 100%% good\n"
			 "After=remote-fs.target\nAfter=network-online.target\n"
			 "Wants=network-online.target\nAfter=c.service\nAfter=d.service\n"
			 "Before=e.service\n\n[Service]\nType=forking\nRestart=no\nTimeoutSec=5min\n"
			 "IgnoreSIGPIPE=no\nKillMode=process\nGuessMainPID=no\nRemainAfterExit=no\n"
			 "SuccessExitStatus=5 6\nPIDFile=/run/a.pid\nExecStart=/etc/init.d/a start\n"
			 "ExecStop=/etc/init.d/a stop\nExecReload=/etc/init.d/a reload\n");
	cr_assert(there("generator.late/multi-user.target.wants/a.service"));
	cr_assert_not(there("generator.late/graphical.target.wants/a.service"));
	cr_assert_str_eq(output("readlink run/systemd/generator.late/b.service"), "a.service\n");
}

Test(generate, init_script_that_is_not_linked_is_there_and_not_wanted)
{
	script("a.sh", "# Provides: a");
	run();
	cr_assert_str_eq(output("cd run/systemd/generator.late; find . -mindepth 1"), "./a.service\n");
}

Test(generate, init_script_makes_room_for_units)
{
	for (char name[2] = "a"; *name <= 'd'; ++*name)
		script(name, "# Provides: x");
	script("d", "# Provides: other");
	script("f", "# Provides: f");
	sh("for s in a b c d f; do ln -s ../init.d/$s etc/rc2.d/S01$s; done; touch lib/systemd/system/a.service;"
	   "mkdir -p etc/systemd/system; ln -s /dev/null etc/systemd/system/b.service; ln -s a.service "
	   "lib/systemd/system/c.service; ln -s a.service lib/systemd/system/other.service");
	run();
	run(); /* what it has made itself is not in its way */
	cr_assert_str_eq(seen, "");
	cr_assert_str_eq(output("cd run/systemd/generator.late; find . -name '*.service' | sort"),
			 "./f.service\n./multi-user.target.wants/f.service\n");
}

Test(generate, early_init_scripts_are_left_alone)
{
	script("hwclock.sh", "# Default-Start: S");
	script("bootlogs", "# Default-Start: 2");
	script("special", "# Default-Start: S");
	script("unlinked", "# Default-Start: S");
	sh("for s in hwclock.sh special; do ln -s ../init.d/$s etc/rcS.d/S01$s; done; touch etc/init.d/README; "
	   "ln -s ../init.d/bootlogs etc/rc2.d/S01bootlogs");
	run();
	cr_assert_str_eq(
		seen,
		"/etc/init.d/special: belongs to the early boot (Default-Start: S), which rinit does by "
		"itself: it is not run\n");
	cr_assert_str_eq(output("ls run/systemd/generator.late"), "");
}

Test(generate, init_script_that_is_last_comes_after_all)
{
	script("a", "# Required-Start: $all");
	script("b", "# Provides: b");
	script("c", "# Provides: c");
	sh("for s in a b; do ln -s ../init.d/$s etc/rc5.d/S01$s; done");
	run();
	output("cat run/systemd/generator.late/a.service");
	cr_assert_not_null(strstr(text, "After=b.service\n"));
	cr_assert_null(strstr(text, "c.service"));
	cr_assert(there("generator.late/graphical.target.wants/a.service"));
}

Test(generate, what_is_odd_about_init_scripts_is_named)
{
	script("a", "# Required-Start: $moon b\n# Provide: a");
	script("b", "nonsense");
	sh("printf '#!/bin/sh\n' >etc/init.d/'bad name'; chmod +x etc/init.d/*; mkdir etc/init.d/folder;"
	   "cp etc/init.d/a etc/init.d/c.dpkg-old");
	run();
	cr_assert_str_eq(seen,
			 "/etc/init.d/a:4: this line has no keyword of an LSB header\n"
			 "/etc/init.d/b:3: this line is no comment, and the LSB header is not at its end\n"
			 "/etc/init.d/a: $moon is not known here and has no effect\n");
	cr_assert_str_eq(output("ls run/systemd/generator.late"), "a.service\nb.service\n");
}

Test(generate, no_folder_to_write_to_is_an_error)
{
	sh("rm -r run; touch run");
	seen[0] = '\0';
	cr_assert_neq(generate(root, true, on_warning), 0);
	cr_assert_not_null(strstr(seen, "cannot make the folder"));
}

Test(generate, kernel_command_line_adds_to_fstab)
{
	sh("mkdir -p proc; printf 'quiet systemd.mount-extra=data:/srv/data:virtiofs:ro root=/dev/vda "
	   "systemd.mount-extra=tmpfs:/a:tmpfs \"systemd.mount-extra=x:/b\"\\n' >proc/cmdline");
	fstab("b /b tmpfs defaults 0 0");
	cr_assert_str_eq(seen, "kernel parameter systemd.mount-extra: it is about what has a line already and has no "
			       "effect\n");
	cr_assert_str_eq(output("cat run/systemd/generator/srv-data.mount"),
			 "[Unit]\nSourcePath=/proc/cmdline\nDescription=/srv/data from data\n\n[Mount]\nWhat=data\n"
			 "Where=/srv/data\nType=virtiofs\nOptions=ro\n");
	cr_assert(there("generator/local-fs.target.requires/srv-data.mount"));
	cr_assert(there("generator/a.mount"));
	sh("rm etc/fstab");
	run();
	cr_assert_str_eq(seen, "");
	cr_assert_not_null(strstr(output("cat run/systemd/generator/b.mount"), "What=x\nWhere=/b\nType=auto\n"));
}

Test(generate, kernel_parameters_that_name_no_mount_are_told)
{
	sh("mkdir -p proc; echo systemd.mount-extra=data systemd.mount-extra=:/a systemd.mount-extra=x:../b:tmpfs "
	   "systemd.mount-extra= >proc/cmdline");
	fstab("");
	cr_assert_str_eq(
		seen,
		"kernel parameter systemd.mount-extra: it has no absolute path, free of .., as its mount point and has "
		"no effect\n"
		"kernel parameter systemd.mount-extra: it names nothing to mount and has no effect\n"
		"kernel parameter systemd.mount-extra: it has no absolute path, free of .., as its mount point and has "
		"no effect\n"
		"kernel parameter systemd.mount-extra: it names nothing to mount and has no effect\n");
	cr_assert_eq(*output("ls run/systemd/generator"), '\0');
}
