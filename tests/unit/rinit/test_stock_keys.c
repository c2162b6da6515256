/* Every key that Debian's stock units use is honoured, or named with its file, its line and what is lost. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rinit/unit.h"

static char said[4096];

static void on_warning(void *context, const char *sentence)
{
	size_t used = strlen(said);

	(void)context;
	snprintf(said + used, sizeof(said) - used, "%s\n", sentence);
}

static const struct unit_warnings warnings = {.warn = on_warning};

/*
 * Does the line, in its section, change what the unit is? The file's beginning is read before it into the
 * same config, so that nothing else differs.
 */
static bool line_changes_the_unit(const char *name, const char *section, const char *line)
{
	static struct unit_config config, before;
	static const char beginning[] = "[Service]\nExecStart=/bin/x\n[Socket]\nListenStream=/run/x\n";
	char text[512];
	struct error err;
	bool changes;

	unit_config_init(&config, name);
	unit_parse(&config, "/x", beginning, strlen(beginning), &warnings, &err);
	said[0] = '\0';
	unit_parse(&config, "/x", "[Install]\n", strlen("[Install]\n"), &warnings, &err);
	memcpy(&before, &config, sizeof(config));
	snprintf(text, sizeof(text), "[%s]\n%s\n", section, line);
	unit_parse(&config, "/x", text, strlen(text), &warnings, &err);
	changes = memcmp(&before, &config, sizeof(config)) != 0;
	unit_config_clear(&config);
	return changes;
}

/* Is the key named, and its line? */
static bool warning_names(const char *line)
{
	char key[64], with_line[96];

	snprintf(key, sizeof(key), "%.*s", (int)strcspn(line, "="), line);
	snprintf(with_line, sizeof(with_line), "%s= (line 2)",
		 key); /* one warning may be about several keys */
	return (!strncmp(said, "/x:2: ", 6) && strstr(said, key)) || strstr(said, with_line);
}

static const char *const honoured[][2] = {
	{"Unit", "Description=x"},
	{"Unit", "After=a.service"},
	{"Unit", "Before=a.service"},
	{"Unit", "Wants=a.service"},
	{"Unit", "Requires=a.service"},
	{"Unit", "DefaultDependencies=no"},
	{"Unit", "Conflicts=a.service"},
	{"Unit", "BindsTo=a.service"},
	{"Unit", "ConditionPathExists=/x"},
	{"Unit", "ConditionPathIsReadWrite=/x"},
	{"Unit", "ConditionCapability=CAP_SYS_ADMIN"},
	{"Unit", "ConditionVirtualization=!container"},
	{"Unit", "ConditionKernelCommandLine=x"},
	{"Unit", "ConditionDirectoryNotEmpty=/x"},
	{"Unit", "ConditionFileIsExecutable=/x"},
	{"Unit", "ConditionPathExistsGlob=/x*"},
	{"Unit", "AssertPathExists=/x"},
	{"Unit", "AssertFileIsExecutable=/x"},
	{"Unit", "RequiresMountsFor=/x"},
	{"Unit", "StartLimitIntervalSec=77"},
	{"Unit", "StartLimitBurst=77"},
	{"Unit", "OnFailure=a.service"},
	{"Unit", "IgnoreOnIsolate=yes"},
	{"Service", "ExecStart=/bin/y"},
	{"Service", "ExecStart=-/bin/y"},
	{"Service", "ExecStart=!/bin/y"},
	{"Service", "ExecStart=!!/bin/y"},
	{"Service", "ExecStart=@/bin/y z"},
	{"Service", "Type=oneshot"},
	{"Service", "Type=notify"},
	{"Service", "Type=dbus"},
	{"Service", "Type=forking"},
	{"Service", "Type=exec"},
	{"Service", "ExecReload=/bin/y"},
	{"Service", "EnvironmentFile=-/etc/default/x"},
	{"Service", "Restart=always"},
	{"Service", "Restart=on-failure"},
	{"Service", "Restart=on-abnormal"},
	{"Service", "RemainAfterExit=yes"},
	{"Service", "KillMode=process"},
	{"Service", "KillMode=mixed"},
	{"Service", "BusName=org.example.X"},
	{"Service", "ExecStop=/bin/y"},
	{"Service", "Environment=A=b"},
	{"Service", "LimitNOFILE=77"},
	{"Service", "LimitNOFILE=infinity"},
	{"Service", "RestartSec=77"},
	{"Service", "TasksMax=77"},
	{"Service", "TasksMax=infinity"},
	{"Service", "NotifyAccess=all"},
	{"Service", "StandardOutput=null"},
	{"Service", "TimeoutSec=77"},
	{"Service", "TimeoutStopSec=77"},
	{"Service", "TimeoutStartSec=0"},
	{"Service", "Delegate=yes"},
	{"Service", "ExecStartPre=-/sbin/modprobe overlay"},
	{"Service", "OOMScoreAdjust=-77"},
	{"Service", "PIDFile=/run/x.pid"},
	{"Service", "RuntimeDirectory=x"},
	{"Service", "User=x"},
	{"Service", "ExecStartPost=/bin/y"},
	{"Service", "StateDirectory=x"},
	{"Service", "WatchdogSec=77"},
	{"Service", "IgnoreSIGPIPE=no"},
	{"Service", "StartLimitInterval=77"},
	{"Service", "StartLimitBurst=77"},
	{"Service", "LimitNPROC=77"},
	{"Service", "LimitCORE=infinity"},
	{"Service", "SuccessExitStatus=77"},
	{"Service", "PrivateTmp=yes"},
	{"Service", "NoNewPrivileges=yes"},
	{"Socket", "ListenStream=/run/y"},
	{"Socket", "SocketMode=0600"},
	{"Socket", "Service=y.service"},
	{"Socket", "RemoveOnStop=yes"},
	{"Socket", "PassCredentials=yes"},
	{"Socket", "SocketUser=x"},
	{"Socket", "SocketGroup=x"},
	{"Socket", "ListenFIFO=/run/y"},
	{"Socket", "ListenSequentialPacket=/run/y"},
	{"Socket", "ListenNetlink=audit 1"},
	{"Socket", "Accept=yes"},
	{"Install", "WantedBy=x.target"},
	{"Install", "Alias=y.service"},
	{"Install", "Also=y.service"},
};

/* These do nothing here that they would elsewhere, or not yet; the warning says so. */
static const char *const others[][2] = {
	{"Service", "ProtectSystem=full"},
	{"Service", "ProtectHome=yes"},
	{"Service", "CapabilityBoundingSet=CAP_CHOWN"},
	{"Service", "ProtectKernelTunables=yes"},
	{"Service", "ProtectKernelModules=yes"},
	{"Service", "ProtectControlGroups=yes"},
	{"Service", "SystemCallFilter=@system-service"},
	{"Service", "RestrictAddressFamilies=AF_UNIX"},
	{"Service", "RestrictNamespaces=yes"},
	{"Service", "PrivateDevices=yes"},
	{"Service", "MemoryDenyWriteExecute=yes"},
	{"Service", "LockPersonality=yes"},
	{"Service", "DynamicUser=yes"},
	{"Service", "KeyringMode=shared"},
	{"Timer", "OnCalendar=daily"},
	{"Timer", "Persistent=yes"},
	{"Timer", "RandomizedDelaySec=1h"},
	{"Timer", "OnActiveSec=1h"},
	{"Timer", "OnUnitInactiveSec=1h"},
};

static const char *unit_of(const char *section)
{
	return !strcmp(section, "Socket") ? "x.socket" : "x.service";
}

Test(stock_keys, are_honoured_without_a_word)
{
	for (size_t i = 0; i < sizeof(honoured) / sizeof(honoured[0]); i++) {
		const char *section = honoured[i][0], *line = honoured[i][1];

		cr_expect(line_changes_the_unit(unit_of(section), section, line), "%s changes nothing", line);
		cr_expect(!strstr(said, "no effect"), "%s: %s", line, said);
	}
}

Test(stock_keys, or_are_named_with_file_and_line)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *section = others[i][0], *line = others[i][1];
		bool changes = line_changes_the_unit(unit_of(section), section, line);

		cr_expect(changes || warning_names(line), "%s is dropped without a word: %s", line, said);
	}
}

Test(stock_keys, line_that_is_none_changes_nothing)
{
	cr_assert_not(line_changes_the_unit("x.service", "Service", "# a comment"));
	cr_assert_str_eq(said, "");
	cr_assert_not(line_changes_the_unit("x.socket", "Socket", ""));
	cr_assert_str_eq(said, "");
}

Test(stock_keys, confinement_of_many_kinds_is_named_whole)
{
	static const char text[] =
		"[Service]\nExecStart=/bin/x\nProtectSystem=full\nProtectHome=yes\nProtectKernelTunables=yes\n"
		"ProtectKernelModules=yes\nProtectKernelLogs=yes\nProtectControlGroups=yes\nProtectClock=yes\n"
		"ProtectHostname=yes\nProtectProc=invisible\nProcSubset=pid\nPrivateDevices=yes\nPrivateUsers=yes\n"
		"SystemCallFilter=@x\nSystemCallArchitectures=native\nRestrictAddressFamilies=AF_UNIX\n"
		"RestrictNamespaces=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\nMemoryDenyWriteExecute=yes\n"
		"LockPersonality=yes\nKeyringMode=shared\nRemoveIPC=yes\nDynamicUser=yes\nDevicePolicy=closed\n";
	struct unit_config config;
	struct error err;
	char key[64];

	unit_config_init(&config, "x.service");
	said[0] = '\0';
	cr_assert_eq(unit_parse(&config, "/x", text, strlen(text), &warnings, &err), 0);
	for (const char *line = strstr(text, "ProtectSystem"); *line; line += strcspn(line, "\n") + 1) {
		snprintf(key, sizeof(key), "%.*s= (line ", (int)strcspn(line, "="), line);
		cr_expect(strstr(said, key), "%s is not in: %s", key, said);
	}
	unit_config_clear(&config);
}
