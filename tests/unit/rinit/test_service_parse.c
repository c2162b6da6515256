#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "rinit/unit.h"

static char warnings_seen[8192];

static void on_warning(void *context, const char *sentence)
{
	size_t used = strlen(warnings_seen);

	(void)context;
	snprintf(warnings_seen + used, sizeof(warnings_seen) - used, "%s\n", sentence);
}

static struct unit_config unit;
static struct service_config *const config = &unit.service;
static struct error err;

/* The lines, behind [Service] and an ExecStart= of their own. */
static int parse(const char *lines)
{
	static const struct unit_warnings warnings = {.warn = on_warning};
	char text[4096];

	unit_config_init(&unit, "x.service");
	warnings_seen[0] = '\0';
	snprintf(text, sizeof(text), "[Service]\nExecStart=/bin/x\n%s", lines);
	return unit_parse(&unit, "/x.service", text, strlen(text), &warnings, &err);
}

static void parse_clean(const char *lines)
{
	cr_assert_eq(parse(lines), 0);
	cr_assert_str_eq(warnings_seen, "", "%s", warnings_seen);
}

/* Each of the lines must be warned of. */
static void assert_refused(const char *const *lines)
{
	for (; *lines; lines++) {
		cr_assert_eq(parse(*lines), 0);
		cr_assert_not_null(strstr(warnings_seen, "/x.service:3: "), "%s", *lines);
		cr_assert_not_null(strstr(warnings_seen, "is not valid and has no effect"), "%s", *lines);
	}
}

Test(service_parse, commands_of_every_kind)
{
	parse_clean("ExecCondition=/c\nExecStartPre=-/p\nExecStartPre=/q\nExecStartPost=/r\nExecReload=/s\n"
		    "ExecStop=/t\nExecStopPost=/u\nExecStopPost=\n");
	cr_assert_eq(config->commands[COMMAND_CONDITION].count, 1);
	cr_assert_eq(config->commands[COMMAND_PRE].count, 2);
	cr_assert(config->commands[COMMAND_PRE].items[0].ignore_failure);
	cr_assert_eq(config->commands[COMMAND_POST].count, 1);
	cr_assert_str_eq(config->commands[COMMAND_RELOAD].items[0].program, "/s");
	cr_assert_eq(config->commands[COMMAND_STOP].count, 1);
	cr_assert_eq(config->commands[COMMAND_STOP_POST].count, 0);
}

Test(service_parse, limits_have_soft_hard_sizes_and_infinity)
{
	parse_clean("LimitNOFILE=1024:524288\nLimitCORE=infinity\nLimitAS=2G\nLimitCPU=1min\nLimitNPROC=7\n");
	cr_assert_eq(config->limit_count, 5);
	cr_assert_eq(config->limits[0].resource, RLIMIT_NOFILE);
	cr_assert_eq(config->limits[0].limit.rlim_cur, 1024);
	cr_assert_eq(config->limits[0].limit.rlim_max, 524288);
	cr_assert_eq(config->limits[1].limit.rlim_cur, RLIM_INFINITY);
	cr_assert_eq(config->limits[2].limit.rlim_max, 2ULL << 30);
	cr_assert_eq(config->limits[3].limit.rlim_cur, 60);
	cr_assert_eq(config->limits[4].limit.rlim_max, 7);
	assert_refused((const char *[]){"LimitNOFILE=2:1\n", "LimitNOFILE=x\n", "LimitNOFILE=1:\n",
					"LimitAS=99999999E\n", "LimitAS=-1\n", "LimitAS=\n", NULL});
}

Test(service_parse, control_group_keys_become_files)
{
	parse_clean(
		"MemoryMax=1G\nMemoryHigh=infinity\nCPUQuota=150%\nCPUWeight=200\nTasksMax=10\nTasksMax=20\n"
		"Slice=my.slice\nDelegate=cpu memory\nMemoryAccounting=yes\n");
	cr_assert_eq(config->cgroup.count, 5);
	cr_assert_str_eq(config->cgroup.items[0], "memory.max=1073741824");
	cr_assert_str_eq(config->cgroup.items[1], "memory.high=max");
	cr_assert_str_eq(config->cgroup.items[2], "cpu.max=150000 100000");
	cr_assert_str_eq(config->cgroup.items[3], "cpu.weight=200");
	cr_assert_str_eq(config->cgroup.items[4], "pids.max=20");
	cr_assert(config->delegate);
	assert_refused((const char *[]){"MemoryMax=lots\n", "CPUQuota=20\n", "CPUWeight=0\n",
					"CPUWeight=20000\n", "TasksMax=120%\n", "Slice=a/b.slice\n",
					"Slice=x\n", NULL});
}

Test(service_parse, confinement_that_is_not_there_is_named_once)
{
	cr_assert_eq(
		parse("ProtectSystem=full\nPrivateDevices=yes\nProtectHome=no\nSystemCallFilter=\n"
		      "SystemCallFilter=@system-service\nSystemCallFilter=~@mount\nReadWriteDirectories=/x\n"),
		0);
	cr_assert_str_eq(
		warnings_seen,
		"/x.service: it runs without the confinement of ProtectSystem= (line 3), "
		"PrivateDevices= (line 4), SystemCallFilter= (line 7), ReadWriteDirectories= (line 9)\n");
}

Test(service_parse, signals_statuses_and_modes)
{
	parse_clean("KillMode=mixed\nKillSignal=SIGQUIT\nRestartKillSignal=SIGUSR2\nFinalKillSignal=SIGABRT\n"
		    "SendSIGKILL=no\nSendSIGHUP=yes\nSuccessExitStatus=143 SIGKILL\nUMask=0077\n"
		    "RuntimeDirectory=a a/b\nRuntimeDirectoryMode=2750\nRuntimeDirectoryPreserve=restart\n"
		    "Nice=-5\nOOMScoreAdjust=-999\n");
	cr_assert_eq(config->kill_mode, KILL_MIXED);
	cr_assert_eq(config->kill_signal, SIGQUIT);
	cr_assert_eq(config->final_kill_signal, SIGABRT);
	cr_assert_not(config->send_sigkill);
	cr_assert_eq(config->success_status.count, 2);
	cr_assert_eq(config->umask, 0077);
	cr_assert_eq(config->directories[DIRECTORY_RUNTIME].count, 2);
	cr_assert_eq(config->directory_modes[DIRECTORY_RUNTIME], 02750);
	cr_assert_eq(config->preserve, PRESERVE_RESTART);
	cr_assert_eq(config->nice, -5);
	cr_assert_eq(config->oom_score_adjust, -999);
	assert_refused((const char *[]){
		"KillMode=all\n", "SuccessExitStatus=256\n", "SuccessExitStatus=WHAT\n", "UMask=8\n",
		"RuntimeDirectory=/run/x\n", "StateDirectory=../x\n", "Nice=20\n", "OOMScoreAdjust=2000\n",
		"StartLimitAction=reboot\n", "PIDFile=../x\n", "Delegate=some\n", "EnvironmentFile=x\n",
		"StandardInput=fd:x\n", "StandardOutput=file:x\n", NULL});
}

Test(service_parse, output_may_go_to_files)
{
	parse_clean("StandardInput=file:/in\nStandardOutput=append:/out\nStandardError=inherit\n");
	cr_assert_eq(config->input, STDIN_FILE);
	cr_assert_str_eq(config->input_path, "/in");
	cr_assert_eq(config->output, STDOUT_APPEND);
	cr_assert_str_eq(config->output_path, "/out");
	cr_assert_eq(config->error, STDOUT_SAME);
	parse_clean("StandardInput=socket\n"); /* as inetd's programs know it */
	cr_assert_eq(config->input, STDIN_SOCKET);
	cr_assert_eq(config->output, STDOUT_SOCKET);
	cr_assert_eq(config->error, STDOUT_SAME);
	parse_clean("StandardInput=socket\nStandardOutput=journal\nStandardError=socket\n");
	cr_assert_eq(config->output, STDOUT_LOG);
	cr_assert_eq(config->error, STDOUT_SOCKET);
	parse_clean("StandardInput=tty\n");
	cr_assert_eq(config->output, STDOUT_TTY);
	parse_clean("StandardInput=null\nStandardOutput=inherit\n");
	cr_assert_eq(config->output, STDOUT_LOG);
	parse_clean("StandardInput=tty\nStandardOutput=inherit\nStandardError=truncate:/e\n");
	cr_assert_eq(config->output, STDOUT_TTY);
	cr_assert_eq(config->error, STDOUT_TRUNCATE);
}

Test(service_parse, scheduling_is_the_kernels_numbers)
{
	unsigned long mask[CPU_WORDS] = {0};

	parse_clean(
		"CPUSchedulingPolicy=idle\nCPUSchedulingPriority=99\nCPUSchedulingResetOnFork=yes\n"
		"IOSchedulingClass=best-effort\nIOSchedulingPriority=7\nCPUAffinity=0-3 8,9\nCPUAffinity=64\n");
	cr_assert_eq(config->policy, 5);
	cr_assert_eq(config->priority, 99);
	cr_assert(config->reset_on_fork);
	cr_assert_eq(config->io_class, 2);
	cr_assert_eq(config->io_priority, 7);
	for (size_t i = 0; i < config->cpus.count; i++)
		cr_assert_eq(cpu_list_parse(config->cpus.items[i], mask), 0);
	cr_assert_eq(mask[0], 0x30f);
	cr_assert_eq(mask[1], 1);
	parse_clean("CPUAffinity=1\nCPUAffinity=\n");
	cr_assert_eq(config->cpus.count, 0);
	cr_assert_eq(config->policy, UNSET);
	assert_refused((const char *[]){"CPUSchedulingPolicy=deadline\n", "CPUSchedulingPriority=0\n",
					"CPUSchedulingPriority=100\n", "IOSchedulingClass=4\n",
					"IOSchedulingPriority=8\n", "CPUAffinity=numa\n", "CPUAffinity=3-1\n",
					"CPUAffinity=1024\n", "CPUAffinity=0-\n", "CPUAffinity=-1\n",
					"CPUAffinity=1;2\n", NULL});
}

Test(service_parse, bus_name_makes_the_type)
{
	parse_clean("BusName=org.example.A\n");
	cr_assert_eq(config->type, TYPE_DBUS);
	cr_assert(string_list_has(&unit.requires, "dbus.socket"));
	cr_assert(string_list_has(&unit.after, "dbus.socket"));
	parse_clean("BusName=org.example.A\nType=simple\n");
	cr_assert_eq(config->type, TYPE_SIMPLE);
	cr_assert_not(string_list_has(&unit.requires, "dbus.socket"));
	cr_assert_neq(parse("Type=dbus\n"), 0);
	cr_assert_str_eq(err.text, "/x.service: Type=dbus needs a BusName=");
	assert_refused((const char *[]){"BusName=x\n", "BusName=:1.7\n", "BusName=org.example.'\n", NULL});
}

Test(service_parse, descriptors_that_are_kept_need_notifications)
{
	parse_clean("FileDescriptorStoreMax=7\n");
	cr_assert_eq(config->fd_store_max, 7);
	cr_assert_eq(config->notify_access, NOTIFY_MAIN);
	assert_refused(
		(const char *[]){"FileDescriptorStoreMax=-1\n", "FileDescriptorStoreMax=99999\n", NULL});
}

Test(service_parse, sockets_are_wanted_and_come_first)
{
	parse_clean("Sockets=a.socket b.socket\nNonBlocking=yes\n");
	cr_assert_eq(config->sockets.count, 2);
	cr_assert(config->non_blocking);
	cr_assert_eq(unit.wants.count, 2);
	cr_assert_str_eq(unit.after.items[1], "b.socket");
}

Test(service_parse, start_limits_stand_in_either_section)
{
	parse_clean("StartLimitInterval=5\nStartLimitBurst=2\nStartLimitAction=none\n[Unit]\n"
		    "StartLimitIntervalSec=7\n");
	cr_assert_eq(config->start_limit_ms, 7000);
	cr_assert_eq(config->start_limit_burst, 2);
	parse_clean("StartLimitBurst=2\n");
	cr_assert_eq(config->start_limit_ms, 10000);
	parse_clean("StartLimitIntervalSec=0\n");
	cr_assert_eq(config->start_limit_ms, 0);
}

Test(service_parse, watchdog_and_notify_let_the_main_process_speak)
{
	parse_clean("Type=notify\n");
	cr_assert_eq(config->notify_access, NOTIFY_MAIN);
	parse_clean("WatchdogSec=3\n");
	cr_assert_eq(config->notify_access, NOTIFY_MAIN);
	parse_clean("Type=notify\nNotifyAccess=exec\n");
	cr_assert_eq(config->notify_access, NOTIFY_EXEC);
	parse_clean("Type=forking\nPIDFile=x.pid\n");
	cr_assert_str_eq(config->pid_file, "/run/x.pid");
}

Test(service_parse, variables_that_are_none_are_left_out)
{
	cr_assert_eq(parse("Environment=A=1 BAD-NAME=2 \"B=2 3\" 1C=3 NOVALUE\nPassEnvironment=A=1 B\n"
			   "UnsetEnvironment=A C=1\n"),
		     0);
	cr_assert_eq(config->environment.count, 2);
	cr_assert_str_eq(config->environment.items[1], "B=2 3");
	cr_assert_eq(config->pass_environment.count, 1);
	cr_assert_str_eq(config->pass_environment.items[0], "B");
	cr_assert_eq(config->unset_environment.count, 2);
	cr_assert_not_null(
		strstr(warnings_seen, "/x.service:3: Environment=: BAD-NAME=2 is not valid and is left out"));
	cr_assert_not_null(strstr(warnings_seen, "/x.service:4: PassEnvironment=: A=1 is not valid"));
}

Test(service_parse, empty_values_are_the_defaults)
{
	parse_clean("User=x\nUser=\nWorkingDirectory=/x\nWorkingDirectory=\nMemoryMax=1G\nMemoryMax=\n"
		    "PIDFile=/x\nPIDFile=\nEnvironmentFile=/x\nEnvironmentFile=\n");
	cr_assert_null(config->user);
	cr_assert_null(config->directory);
	cr_assert_null(config->pid_file);
	cr_assert_eq(config->cgroup.count, 0);
	cr_assert_eq(config->environment_files.count, 0);
}

Test(service_parse, nice_limit_may_be_a_nice_level)
{
	parse_clean("LimitNICE=-5\n");
	cr_assert_eq(config->limits[0].limit.rlim_cur, 25);
	parse_clean("LimitNICE=+5\n");
	cr_assert_eq(config->limits[0].limit.rlim_cur, 15);
	assert_refused((const char *[]){"LimitNICE=-21\n", "LimitNICE=+\n", NULL});
}

Test(service_parse, oneshot_is_not_restarted_after_success)
{
	cr_assert_lt(parse("Type=oneshot\nRestart=always\n"), 0);
	cr_assert_str_eq(err.text, "/x.service: a oneshot that is restarted after success never ends");
	parse_clean("Type=oneshot\nRestart=on-failure\n");
}
