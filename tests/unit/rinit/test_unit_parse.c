#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "rinit/unit.h"

static char warnings_seen[4096];

static void on_warning(void *context, const char *sentence)
{
	size_t used = strlen(warnings_seen);

	(void)context;
	snprintf(warnings_seen + used, sizeof(warnings_seen) - used, "%s\n", sentence);
}

static const struct unit_warnings warnings = {.warn = on_warning};
static struct unit_config config;
static struct error err;

static int parse(const char *text)
{
	unit_config_init(&config, "x.service");
	warnings_seen[0] = '\0';
	return unit_parse(&config, "/x.service", text, strlen(text), &warnings, &err);
}

Test(unit_parse, reads_every_key)
{
	cr_assert_eq(
		parse("[Unit]\nDescription=A thing\nDocumentation=man:x\nAfter=a.service b.service\nBefore=c.service\n"
		      "Requires=a.service\nWants=d.service\nConditionPathExists=!/no\nDefaultDependencies=no\n"
		      "[Service]\nType=notify\nNotifyAccess=all\nExecStart=-/bin/x 'a b' c\nRestart=on-failure\n"
		      "RestartSec=250ms\nTimeoutStartSec=0\nTimeoutStopSec=3\nEnvironment=A=1 \"B=2 3\"\n"
		      "StandardInput=tty\nStandardOutput=tty\nTTYPath=/dev/tty9\nWorkingDirectory=/tmp\n"
		      "RemainAfterExit=yes\nKillSignal=SIGINT\n[Install]\nWantedBy=multi-user.target\n"),
		0);
	cr_assert_str_eq(warnings_seen, "");
	cr_assert_str_eq(config.description, "A thing");
	cr_assert_eq(config.after.count, 4); /* and the mounts that WorkingDirectory= may be on */
	cr_assert_str_eq(config.after.items[1], "b.service");
	cr_assert_str_eq(config.before.items[0], "c.service");
	cr_assert_str_eq(config.requires.items[0], "a.service");
	cr_assert_str_eq(config.wants.items[0], "d.service");
	cr_assert_str_eq(config.conditions.items[0], "PathExists=!/no");
	cr_assert_not(config.default_dependencies);
	cr_assert_eq(config.service.type, TYPE_NOTIFY);
	cr_assert_eq(config.service.notify_access, NOTIFY_ALL);
	cr_assert_eq(config.service.commands[COMMAND_START].count, 1);
	cr_assert(config.service.commands[COMMAND_START].items[0].ignore_failure);
	cr_assert_str_eq(config.service.commands[COMMAND_START].items[0].program, "/bin/x");
	cr_assert_str_eq(config.service.commands[COMMAND_START].items[0].argv[1], "a b");
	cr_assert_str_eq(config.service.commands[COMMAND_START].items[0].argv[2], "c");
	cr_assert_null(config.service.commands[COMMAND_START].items[0].argv[3]);
	cr_assert_eq(config.service.restart, RESTART_ON_FAILURE);
	cr_assert_eq(config.service.restart_ms, 250);
	cr_assert_eq(config.service.start_timeout_ms, TIMESPAN_INFINITY);
	cr_assert_eq(config.service.stop_timeout_ms, 3000);
	cr_assert_str_eq(config.service.environment.items[1], "B=2 3");
	cr_assert_eq(config.service.input, STDIN_TTY);
	cr_assert_eq(config.service.output, STDOUT_TTY);
	cr_assert_str_eq(config.service.tty, "/dev/tty9");
	cr_assert_str_eq(config.service.directory, "/tmp");
	cr_assert(config.service.remain_after_exit);
	cr_assert_eq(config.service.kill_signal, SIGINT);
	cr_assert_str_eq(config.wanted_by.items[0], "multi-user.target");
	unit_config_clear(&config);
}

Test(unit_parse, unknown_key_is_warned_of_with_file_line_and_key)
{
	cr_assert_eq(parse("[Service]\nExecStart=/bin/x\nFrobnicate=yes\n"), 0);
	cr_assert_str_eq(warnings_seen,
			 "/x.service:3: Frobnicate= in [Service] is not known here and has no effect\n");
}

Test(unit_parse, key_in_the_wrong_section_is_unknown)
{
	cr_assert_eq(parse("[Unit]\nExecStart=/bin/y\n[Service]\nExecStart=/bin/x\n"), 0);
	cr_assert_str_eq(warnings_seen,
			 "/x.service:2: ExecStart= in [Unit] is not known here and has no effect\n");
	cr_assert_str_eq(config.service.commands[COMMAND_START].items[0].program, "/bin/x");
}

Test(unit_parse, extensions_of_others_are_left_alone)
{
	cr_assert_eq(parse("[X-Mine]\na=b\n[Service]\nX-Key=1\nExecStart=/bin/x\n"), 0);
	cr_assert_str_eq(warnings_seen, "");
}

Test(unit_parse, bad_values_are_warned_of_and_keep_the_default)
{
	cr_assert_eq(
		parse("[Service]\nExecStart=/bin/x\nType=magic\nRestart=perhaps\nRestartSec=-1\nKillSignal=SIGX\n"
		      "RemainAfterExit=2\nTTYPath=tty1\nStandardOutput=file:x\nEnvironment='A=1\n"),
		0);
	cr_assert_eq(config.service.type, TYPE_SIMPLE);
	cr_assert_eq(config.service.restart, RESTART_NO);
	cr_assert_eq(config.service.restart_ms, 100);
	cr_assert_eq(config.service.kill_signal, SIGTERM);
	cr_assert_null(config.service.tty);
	cr_assert_eq(config.service.output, STDOUT_LOG);
	for (int line = 3; line <= 10; line++) {
		char where[32];

		snprintf(where, sizeof(where), "/x.service:%d: ", line);
		cr_assert_not_null(strstr(warnings_seen, where), "%s", where);
	}
}

Test(unit_parse, nothing_to_run_is_an_error)
{
	cr_assert_lt(parse("[Unit]\nDescription=x\n"), 0);
	cr_assert_str_eq(err.text, "/x.service: no usable ExecStart= in [Service]: nothing to run");
	cr_assert_lt(parse(""), 0);
	cr_assert_lt(parse("[Service]\nExecStart=\"/bin/x\n"), 0);
	cr_assert_lt(parse("[Service]\nExecStart=-\n"), 0);
	cr_assert_eq(parse("[Service]\nType=oneshot\nExecStop=/bin/x\n"), 0);
}

Test(unit_parse, only_oneshots_have_several_commands)
{
	cr_assert_lt(parse("[Service]\nExecStart=/bin/x\nExecStart=/bin/y\n"), 0);
	cr_assert_str_eq(err.text, "/x.service: more than one ExecStart= needs Type=oneshot");
	cr_assert_eq(parse("[Service]\nType=oneshot\nExecStart=/bin/x\nExecStart=/bin/y\n"), 0);
	cr_assert_eq(config.service.commands[COMMAND_START].count, 2);
}

Test(unit_parse, empty_assignment_forgets_what_was_before)
{
	cr_assert_eq(
		parse("[Unit]\nAfter=a.target b.target\nAfter=\nAfter=c.target\n[Service]\nExecStart=/bin/x\nExecStart=\nExecStart=/bin/y\n"),
		0);
	cr_assert_eq(config.after.count, 1);
	cr_assert_str_eq(config.after.items[0], "c.target");
	cr_assert_eq(config.service.commands[COMMAND_START].count, 1);
	cr_assert_str_eq(config.service.commands[COMMAND_START].items[0].program, "/bin/y");
}

Test(unit_parse, oneshot_may_take_for_ever_to_start_unless_it_says_otherwise)
{
	cr_assert_eq(parse("[Service]\nType=oneshot\nExecStart=/bin/x\n"), 0);
	cr_assert_eq(config.service.start_timeout_ms, TIMESPAN_INFINITY);
	cr_assert_eq(parse("[Service]\nType=oneshot\nTimeoutStartSec=5\nExecStart=/bin/x\n"), 0);
	cr_assert_eq(config.service.start_timeout_ms, 5000);
}

Test(unit_parse, specifiers_are_expanded_and_stay_one_word)
{
	unit_config_init(&config, "a@b\\x20c.service");
	warnings_seen[0] = '\0';
	const char *text =
		"[Unit]\nDescription=%p of %I\nAfter=x@%i.service\n[Service]\nExecStart=/bin/x %I %%d\n";

	cr_assert_eq(unit_parse(&config, "/f", text, strlen(text), &warnings, &err), 0);
	cr_assert_str_eq(warnings_seen, "");
	cr_assert_str_eq(config.description, "a of b c");
	cr_assert_str_eq(config.after.items[0], "x@b\\x20c.service");
	cr_assert_str_eq(config.service.commands[COMMAND_START].items[0].argv[1], "b c");
	cr_assert_str_eq(config.service.commands[COMMAND_START].items[0].argv[2], "%d");
}

Test(unit_parse, unknown_specifier_is_warned_of_with_its_line)
{
	cr_assert_eq(parse("[Unit]\nDescription=%Q\n[Service]\nExecStart=/bin/x\n"), 0);
	cr_assert_str_eq(
		warnings_seen,
		"/x.service:2: Description=: the specifier %Q is not known here and is left as it is\n");
	cr_assert_str_eq(config.description, "%Q");
}

Test(unit_parse, line_without_which_it_is_another_service_refuses_the_unit)
{
	static const char *const lines[] = {
		"ExecStartPre=bin/x", "ExecStop=/bin/x 'a", "ExecStart=/bin/x %Q",
		"User=a:b",           "Group=a/b",          "SupplementaryGroups=a b:c",
		"WorkingDirectory=a", "RootDirectory=a",    "ExecStartPost=+!/bin/x",
		"ExecReload=@/bin/x"};
	char text[128], sentence[160];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), "[Service]\nExecStart=/bin/x\n%s\n", lines[i]);
		cr_assert_eq(parse(text), -EINVAL, "%s", lines[i]);
		snprintf(sentence, sizeof(sentence), "/x.service:3: %s ", lines[i]);
		cr_assert_eq(strncmp(err.text, sentence, strlen(sentence)), 0, "%s", err.text);
		cr_assert_str_eq(warnings_seen, "", "%s", warnings_seen);
		unit_config_clear(&config);
	}
	cr_assert_eq(parse("[Service]\nExecStart=/bin/x\nExecStartPre=-bin/x\n"), 0);
	cr_assert_not_null(strstr(warnings_seen, "is not valid and has no effect"));
}

Test(unit_parse, name_that_is_no_units_is_left_out)
{
	cr_assert_eq(
		parse("[Unit]\nAfter=a a/b.service c.service d.nothing .service\n[Service]\nExecStart=/x\n"),
		0);
	cr_assert_eq(config.after.count, 1);
	cr_assert_str_eq(config.after.items[0], "c.service");
	cr_assert_not_null(strstr(warnings_seen, "/x.service:2: After=: a/b.service is not a unit's name"));
}

Test(unit_parse, section_of_another_kind_is_unknown)
{
	const char *text = "[Service]\nType=simple\n[Socket]\nSocketMode=0600\n";

	unit_config_init(&config, "x.target");
	warnings_seen[0] = '\0';
	cr_assert_eq(unit_parse(&config, "/f", text, strlen(text), &warnings, &err), 0);
	cr_assert_str_eq(warnings_seen,
			 "/f:2: Type= in [Service] is not known here and has no effect\n"
			 "/f:4: SocketMode= in [Socket] is not known here and has no effect\n");
}

Test(unit_parse, conditions_and_asserts_are_kept_with_their_kind)
{
	cr_assert_eq(parse("[Unit]\nConditionPathExists=/a\nConditionUser=root\nAssertPathIsDirectory=|!/b\n"
			   "[Service]\nExecStart=/bin/x\n"),
		     0);
	cr_assert_str_eq(warnings_seen, "");
	cr_assert_eq(config.conditions.count, 2);
	cr_assert_str_eq(config.conditions.items[1], "User=root");
	cr_assert_eq(config.asserts.count, 1);
	cr_assert_str_eq(config.asserts.items[0], "PathIsDirectory=|!/b");
}

Test(unit_parse, empty_condition_forgets_all_of_them)
{
	cr_assert_eq(parse("[Unit]\nConditionPathExists=/a\nConditionUser=root\nConditionHost=\n"
			   "[Service]\nExecStart=/bin/x\n"),
		     0);
	cr_assert_eq(config.conditions.count, 0);
}

Test(unit_parse, unusable_conditions_are_warned_of)
{
	cr_assert_eq(
		parse("[Unit]\nConditionMoonIsFull=yes\nConditionPathExists=relative\nAssertCapability=CAP_X\n"
		      "[Service]\nExecStart=/bin/x\n"),
		0);
	cr_assert_eq(config.conditions.count + config.asserts.count, 0);
	cr_assert_not_null(strstr(warnings_seen, "/x.service:2: ConditionMoonIsFull= is not known here"));
	cr_assert_not_null(strstr(warnings_seen, "/x.service:3: ConditionPathExists=relative is not valid"));
	cr_assert_not_null(strstr(warnings_seen, "/x.service:4: AssertCapability=CAP_X is not valid"));
}

Test(unit_parse, relations_and_install_are_read)
{
	cr_assert_eq(
		parse("[Unit]\nRequisite=a.target\nBindsTo=b.target\nPartOf=c.target\nConflicts=d.target\n"
		      "OnFailure=e.target\nIgnoreOnIsolate=yes\n"
		      "RefuseManualStart=yes\nRefuseManualStop=yes\nSourcePath=/etc/x\n"
		      "[Service]\nExecStart=/bin/x\n[Install]\nRequiredBy=f.target\nAlias=g.service\nAlso=h.socket\n"
		      "DefaultInstance=i\n"),
		0);
	cr_assert_str_eq(warnings_seen, "");
	cr_assert_str_eq(config.requisite.items[0], "a.target");
	cr_assert_str_eq(config.binds_to.items[0], "b.target");
	cr_assert_str_eq(config.part_of.items[0], "c.target");
	cr_assert_str_eq(config.conflicts.items[0], "d.target");
	cr_assert_str_eq(config.on_failure.items[0], "e.target");
	cr_assert(config.ignore_on_isolate && config.refuse_manual_start && config.refuse_manual_stop);
	cr_assert_str_eq(config.required_by.items[0], "f.target");
	cr_assert_str_eq(config.alias.items[0], "g.service");
	cr_assert_str_eq(config.also.items[0], "h.socket");
	cr_assert_str_eq(config.default_instance, "i");
}

Test(unit_parse, target_needs_no_service_section)
{
	const char *text = "[Unit]\nDescription=x\n";

	unit_config_init(&config, "x.target");
	cr_assert_eq(unit_parse(&config, "/f", text, strlen(text), &warnings, &err), 0);
	cr_assert_eq(config.kind, UNIT_TARGET);
}

Test(unit_parse, drop_in_goes_on_where_the_file_ended)
{
	char main_text[] = "[Unit]\nAfter=a.target\n[Service]\nExecStart=/bin/x\n";
	char drop_in[] = "[Unit]\nAfter=b.target\n[Service]\nExecStart=\nExecStart=/bin/y\nBad=1\n";
	struct unit_text texts[] = {{"/x", main_text, strlen(main_text)}, {"/d", drop_in, strlen(drop_in)}};

	unit_config_init(&config, "x.service");
	warnings_seen[0] = '\0';
	cr_assert_eq(unit_parse_texts(&config, texts, 2, &warnings, &err), 0);
	cr_assert_eq(config.after.count, 2);
	cr_assert_eq(config.service.commands[COMMAND_START].count, 1);
	cr_assert_str_eq(config.service.commands[COMMAND_START].items[0].program, "/bin/y");
	cr_assert_str_eq(warnings_seen, "/d:6: Bad= in [Service] is not known here and has no effect\n");
}
