/* Keys of systemd.service(5), systemd.exec(5), systemd.kill(5) and systemd.resource-control(5) that rinit
 * honours; rinit.unit(5) lists them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/bus_message.h"
#include "rinit/cgroup.h"
#include "rinit/command_line.h"
#include "rinit/unit_read.h"

#define CPU_QUOTA_PERIOD_US 100000 /* the kernel's default */

typedef int key_reader(struct unit_reader *reader, const struct unit_key *key, const char *value);

static struct service_config *config_of(const struct unit_reader *reader)
{
	return &reader->config->service;
}

/* ---- numbers ---- */

int parse_integer(const char *text, long min, long max, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return end == text || *end || errno || *value < min || *value > max ? -EINVAL : 0;
}

int parse_size(const char *text, size_t length, uint64_t *value)
{
	static const char suffixes[] = "KMGTPE";
	const char *suffix;
	char *end;

	if (length == 8 && !strncmp(text, "infinity", length)) {
		*value = RLIM_INFINITY;
		return 0;
	}
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	if (end == text + length)
		return 0;
	suffix = strchr(suffixes, *end);
	if (!suffix || end + 1 != text + length || *value >> (54 - 10 * (suffix - suffixes)))
		return -EINVAL;
	*value <<= 10 * (suffix - suffixes + 1);
	return 0;
}

static int read_span(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_timespan(value, unit_member(reader, key));
}

/* A timeout of 0 means none, as systemd.service(5) has it. */
static int read_timeout(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	uint64_t *ms = unit_member(reader, key);
	int rc = parse_timespan(value, ms);

	if (!rc && !*ms)
		*ms = TIMESPAN_INFINITY;
	if (!rc && key->at == offsetof(struct unit_config, service.start_timeout_ms))
		reader->start_timeout_set = true;
	return rc;
}

static int read_timeouts(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	int rc = read_timeout(reader, key, value);

	if (!rc)
		config_of(reader)->stop_timeout_ms = config_of(reader)->start_timeout_ms;
	return rc;
}

static int read_burst(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct service_config *config = config_of(reader);
	long number;

	(void)key;
	if (parse_integer(value, 0, INT32_MAX, &number))
		return -EINVAL;
	config->start_limit_burst = (unsigned int)number;
	if (!config->start_limit_ms)
		config->start_limit_ms = 10000; /* systemd's default, once somebody wants a limit */
	return 0;
}

static int read_range(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	static const struct {
		size_t at;
		short min, max;
	} ranges[] = {
		{offsetof(struct unit_config, service.nice), -20, 19},
		{offsetof(struct unit_config, service.oom_score_adjust), -1000, 1000},
		{offsetof(struct unit_config, service.priority), 1, 99},
		{offsetof(struct unit_config, service.io_priority), 0, 7},
	};
	size_t i = 0;
	long number;

	while (ranges[i].at != key->at)
		i++;
	if (parse_integer(value, ranges[i].min, ranges[i].max, &number))
		return -EINVAL;
	*(int *)unit_member(reader, key) = (int)number;
	return 0;
}

static int read_cpus(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	unsigned long mask[CPU_WORDS] = {0};
	const char *at = value;
	char word[COMMAND_WORD_MAX];
	int more;

	while ((more = word_split(&at, word, sizeof(word))) > 0)
		if (cpu_list_parse(word, mask))
			return -EINVAL;
	return more < 0 ? more : read_words(reader, key, value);
}

int read_mode(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	unsigned int *mode = unit_member(reader, key);
	char *end;
	unsigned long number = strtoul(value, &end, 8);

	if (*value < '0' || *value > '7' || *end || number > 07777)
		return -EINVAL;
	*mode = (unsigned int)number;
	return 0;
}

static int read_signal(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return parse_signal(value, unit_member(reader, key));
}

int read_count(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	long number;

	if (parse_integer(value, 0, UINT16_MAX, &number))
		return -EINVAL;
	*(int *)unit_member(reader, key) = (int)number;
	return 0;
}

/* ---- words ---- */

/* The choices are words behind each other, each ended by a zero, in the order of the enum. */
static int read_choice(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	unsigned int *choice = unit_member(reader, key); /* an enum of ours */
	const char *word = key->choices[0];

	for (unsigned int i = 0; *word; i++, word += strlen(word) + 1) {
		if (!strcmp(word, value)) {
			*choice = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_type(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	reader->type_set = true;
	return read_choice(reader, key, value);
}

static int read_bus_name(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	return bus_name_is_valid(value) ? read_string(reader, key, value) : -EINVAL;
}

/* What there is no other way to do: the key has no effect, and nothing is lost, when this is its value. */
static int read_only_none(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	(void)reader;
	(void)key;
	return !strcmp(value, "none") ? 0 : -EINVAL;
}

static int read_statuses(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	const char *at = value;
	char word[32];
	long code;
	int more, number;

	while ((more = word_split(&at, word, sizeof(word))) > 0)
		if (parse_integer(word, 0, 255, &code) && parse_signal(word, &number))
			return -EINVAL;
	return more < 0 ? more : read_words(reader, key, value);
}

/*
 * NAME=VALUE of Environment=, NAME of PassEnvironment=, either of UnsetEnvironment=; what is none is left out
 * of the list.
 */
static int read_environment(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct string_list *list = unit_member(reader, key);
	char word[COMMAND_WORD_MAX];
	int more;

	if (!*value)
		string_list_clear(list);
	while ((more = word_split(&value, word, sizeof(word))) > 0) {
		size_t length = environment_name_length(word);

		if (!length || (word[length] && word[length] != '=') ||
		    (word[length] ? list == &config_of(reader)->pass_environment
				  : list == &config_of(reader)->environment))
			unit_warn(reader, reader->line, "%s=: %s is not valid and is left out", key->key,
				  word);
		else if (string_list_add(list, word))
			return -ENOMEM;
	}
	return more;
}

static int read_environment_file(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	const char *path = value + (*value == '-');

	return *value && *path != '/' ? -EINVAL : read_one(reader, key, value);
}

/* Or of groups. */
static int read_user(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	if (strpbrk(value, ":/"))
		return -EINVAL;
	return key->at == offsetof(struct unit_config, service.groups) ? read_words(reader, key, value)
								       : read_string(reader, key, value);
}

/* Relative to the folder it is for; nothing that leads out of it. */
static int read_directories(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	const char *at = value;
	char word[COMMAND_WORD_MAX];
	int more;

	while ((more = word_split(&at, word, sizeof(word))) > 0)
		if (*word == '/' || strstr(word, "..") || strchr(word, ':'))
			return -EINVAL;
	return more < 0 ? more : read_words(reader, key, value);
}

static int read_pid_file(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	char path[COMMAND_WORD_MAX];

	snprintf(path, sizeof(path), "%s%s", *value == '/' || !*value ? "" : "/run/", value);
	return strstr(path, "/../") ? -EINVAL : read_string(reader, key, path);
}

static int read_directory(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	const char *path = value + (*value == '-');

	return !*value || *path == '/' || !strcmp(path, "~") ? read_string(reader, key, value) : -EINVAL;
}

static int read_input(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct service_config *config = config_of(reader);

	(void)key;
	if (!strcmp(value, "null"))
		config->input = STDIN_NULL;
	else if (!strcmp(value, "socket"))
		config->input = STDIN_SOCKET;
	else if (!strncmp(value, "tty", 3) && (!value[3] || !strcmp(value + 3, "-force")))
		config->input = STDIN_TTY;
	else if (!strncmp(value, "file:/", 6)) {
		config->input = STDIN_FILE;
		return string_set(&config->input_path, value + 5);
	} else
		return -EINVAL; /* fd would need names of descriptors, data a key more */
	return 0;
}

/* journal, syslog, kmsg and the log: wherever systemd would put it, here it is the log. */
static int read_output(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	static const char *const prefixes[] = {"file:", "append:", "truncate:"};
	static const char *const others[] = {"null", "tty", "inherit", "socket"};
	static const char logs[] =
		"log\0journal\0journal+console\0syslog\0syslog+console\0kmsg\0kmsg+console\0";
	struct service_config *config = config_of(reader);
	bool error = key->at == offsetof(struct unit_config, service.error);
	enum stdout_kind *output = error ? &config->error : &config->output;
	const char *word;

	reader->output_set |= !error;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t length = strlen(prefixes[i]);

		if (strncmp(value, prefixes[i], length) != 0 || value[length] != '/')
			continue;
		*output = STDOUT_FILE + (unsigned int)i;
		return string_set(error ? &config->error_path : &config->output_path, value + length);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(others[i], value)) {
			*output = STDOUT_NULL + (unsigned int)i;
			return 0;
		}
	for (word = logs; *word; word += strlen(word) + 1)
		if (!strcmp(word, value)) {
			*output = STDOUT_LOG;
			return 0;
		}
	return -EINVAL;
}

/* systemd.service(5), Sockets=: it comes after them, and they are started with it. */
static int read_sockets(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	const struct unit_key wants = {.at = offsetof(struct unit_config, wants)};
	const struct unit_key after = {.at = offsetof(struct unit_config, after)};
	int rc = read_words(reader, key, value);

	if (!*value || rc)
		return rc;
	rc = read_words(reader, &wants, value);
	return rc ? rc : read_words(reader, &after, value);
}

/* ---- commands, limits, control groups ---- */

/* systemd.service(5), "Command lines" */
static int read_command(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct command_list *list = unit_member(reader, key);

	if (*value)
		return command_parse(list, value);
	command_list_clear(list);
	return 0;
}

/* RLIMIT_... of LimitNAME= */
static int limit_resource(const char *name)
{
	static const struct {
		char name[12];
		int resource;
	} limits[] = {
		{"CPU", RLIMIT_CPU},           {"FSIZE", RLIMIT_FSIZE}, {"DATA", RLIMIT_DATA},
		{"STACK", RLIMIT_STACK},       {"CORE", RLIMIT_CORE},   {"RSS", RLIMIT_RSS},
		{"NOFILE", RLIMIT_NOFILE},     {"AS", RLIMIT_AS},       {"NPROC", RLIMIT_NPROC},
		{"MEMLOCK", RLIMIT_MEMLOCK},   {"LOCKS", RLIMIT_LOCKS}, {"SIGPENDING", RLIMIT_SIGPENDING},
		{"MSGQUEUE", RLIMIT_MSGQUEUE}, {"NICE", RLIMIT_NICE},   {"RTPRIO", RLIMIT_RTPRIO},
		{"RTTIME", RLIMIT_RTTIME},
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (!strcmp(limits[i].name, name))
			return limits[i].resource;
	return -1;
}

/* A number, a size, or for the times a span: seconds of CPU, microseconds of real time. */
static int parse_limit(int resource, const char *text, size_t length, rlim_t *value)
{
	uint64_t number, ms;
	char span[32];
	int rc = parse_size(text, length, &number);

	if (resource == RLIMIT_NICE && (*text == '+' || *text == '-') &&
	    !parse_size(text + 1, length - 1, &number) && number <= 20) {
		*value = *text == '+' ? 20 - number : 20 + number; /* a nice level: setrlimit(2) */
		return 0;
	}
	if (rc && (resource == RLIMIT_CPU || resource == RLIMIT_RTTIME) && length < sizeof(span)) {
		snprintf(span, sizeof(span), "%.*s", (int)length, text);
		rc = parse_timespan(span, &ms);
		number = resource == RLIMIT_CPU ? (ms + 999) / 1000 : ms * 1000;
	}
	*value = number;
	return rc;
}

static int read_limit(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	struct service_config *config = config_of(reader);
	struct service_limit limit = {.resource = limit_resource(key->key + strlen("Limit"))};
	struct service_limit *limits;
	const char *colon = strchr(value, ':');
	size_t soft = colon ? (size_t)(colon - value) : strlen(value);
	const char *hard = colon ? colon + 1 : value;

	if (parse_limit(limit.resource, value, soft, &limit.limit.rlim_cur) ||
	    parse_limit(limit.resource, hard, strlen(hard), &limit.limit.rlim_max) ||
	    limit.limit.rlim_cur > limit.limit.rlim_max)
		return -EINVAL;
	limits = realloc(config->limits, (config->limit_count + 1) * sizeof(*limits));
	if (!limits)
		return -ENOMEM;
	config->limits = limits;
	limits[config->limit_count++] = limit; /* of two for one resource the later one wins */
	return 0;
}

/* The key's choice is the file in the control group. */
static int read_cgroup(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	const char *file = key->choices[0];
	bool weight = strstr(file, ".weight"), quota = !strcmp(file, "cpu.max");
	size_t length = strlen(value);
	char text[64];
	uint64_t number;
	int rc;

	if (!length) {
		environment_unset(&config_of(reader)->cgroup, file);
		return 0;
	}
	if (quota && (value[--length] != '%'))
		return -EINVAL;
	if (!weight && !quota && length && value[length - 1] == '%')
		rc = cgroup_share(file, value, &number);
	else
		rc = parse_size(value, length, &number);
	if (rc || (weight && (!number || number > 10000)) || (quota && (!number || number > 1000000)))
		return -EINVAL;
	if (number == RLIM_INFINITY)
		snprintf(text, sizeof(text), "%s=max", file);
	else if (quota)
		snprintf(text, sizeof(text), "%s=%llu %d", file,
			 (unsigned long long)number * (CPU_QUOTA_PERIOD_US / 100), CPU_QUOTA_PERIOD_US);
	else
		snprintf(text, sizeof(text), "%s=%llu", file, (unsigned long long)number);
	return environment_set(&config_of(reader)->cgroup, text);
}

/* yes, no, or the controllers: a group that is handed over has all that there are. */
static int read_delegate(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	bool *delegate = unit_member(reader, key);
	char word[16];
	int more;

	if (!parse_bool(value, delegate))
		return 0;
	while ((more = word_split(&value, word, sizeof(word))) > 0)
		if (!words_have(" cpu cpuacct cpuset io blkio memory devices pids ", word))
			return -EINVAL;
	*delegate = !more;
	return more;
}

static int read_slice(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	size_t length = strlen(value);

	if (length < 7 || strcmp(value + length - 6, ".slice") != 0 || strchr(value, '/'))
		return -EINVAL;
	return string_set(unit_member(reader, key), value);
}

/* The kernel counts whenever a controller is on, and it always is. */
static int read_accounting(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	bool on;

	(void)reader;
	(void)key;
	return parse_bool(value, &on);
}

/* ---- what is not done: named once for each file ---- */

static const char sandbox_keys[] =
	"ProtectSystem\0ProtectHome\0ProtectKernelTunables\0ProtectKernelModules\0ProtectKernelLogs\0"
	"ProtectControlGroups\0ProtectClock\0ProtectHostname\0ProtectProc\0ProcSubset\0PrivateDevices\0"
	"PrivateNetwork\0PrivateUsers\0PrivateMounts\0PrivateIPC\0CapabilityBoundingSet\0AmbientCapabilities\0"
	"SystemCallFilter\0SystemCallArchitectures\0SystemCallErrorNumber\0RestrictAddressFamilies\0"
	"RestrictNamespaces\0RestrictRealtime\0RestrictSUIDSGID\0RestrictFileSystems\0MemoryDenyWriteExecute\0"
	"LockPersonality\0KeyringMode\0RemoveIPC\0DynamicUser\0ReadWritePaths\0ReadOnlyPaths\0"
	"InaccessiblePaths\0ExecPaths\0NoExecPaths\0DevicePolicy\0DeviceAllow\0SecureBits\0"
	"ReadWriteDirectories\0ReadOnlyDirectories\0InaccessibleDirectories\0" /* old spellings */
	"AppArmorProfile\0IPAddressAllow\0IPAddressDeny\0";

static void sandbox_warn(struct unit_reader *reader)
{
	if (*reader->sandbox)
		unit_warn(reader, 0, "it runs without the confinement of %s", reader->sandbox);
	*reader->sandbox = '\0';
}

static int read_sandbox(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	size_t used = strlen(reader->sandbox);
	bool off;

	if (!*value || (!parse_bool(value, &off) && !off) || strstr(reader->sandbox, key->key))
		return 0;
	if (used > sizeof(reader->sandbox) - 48) { /* as much as one sentence has room for */
		sandbox_warn(reader);
		used = 0;
	}
	snprintf(reader->sandbox + used, sizeof(reader->sandbox) - used, "%s%s= (line %u)", used ? ", " : "",
		 key->key, reader->line);
	return 0;
}

/* ---- the table ---- */

enum {
	WORDS,
	STRING,
	PATH,
	FLAG,
	SPAN,
	TIMEOUT,
	TIMEOUTS,
	BURST,
	RANGE,
	MODE,
	SIGNAL,
	CHOICE,
	NONE,
	STATUSES,
	FOLDERS,
	PID_FILE,
	FOLDER,
	INPUT,
	OUTPUT,
	COMMAND,
	CGROUP,
	DELEGATE,
	SLICE,
	COUNT,
	LIMIT,
	SANDBOX,
	ONE,
	SOCKETS,
	NUMBER,
	TYPE,
	BUS_NAME,
	CPUS,
	ENVIRONMENT,
	ENVIRONMENT_FILE,
	USER,
};

static key_reader *const readers[] = {
	[WORDS] = read_words,
	[STRING] = read_string,
	[PATH] = read_path,
	[FLAG] = read_flag,
	[SPAN] = read_span,
	[TIMEOUT] = read_timeout,
	[TIMEOUTS] = read_timeouts,
	[BURST] = read_burst,
	[RANGE] = read_range,
	[MODE] = read_mode,
	[SIGNAL] = read_signal,
	[CHOICE] = read_choice,
	[NONE] = read_only_none,
	[STATUSES] = read_statuses,
	[FOLDERS] = read_directories,
	[PID_FILE] = read_pid_file,
	[FOLDER] = read_directory,
	[INPUT] = read_input,
	[OUTPUT] = read_output,
	[COMMAND] = read_command,
	[CGROUP] = read_cgroup,
	[DELEGATE] = read_delegate,
	[SLICE] = read_slice,
	[COUNT] = read_accounting,
	[LIMIT] = read_limit,
	[SANDBOX] = read_sandbox,
	[ENVIRONMENT] = read_environment,
	[USER] = read_user,
	[ONE] = read_one,
	[SOCKETS] = read_sockets,
	[NUMBER] = read_count,
	[TYPE] = read_type,
	[BUS_NAME] = read_bus_name,
	[CPUS] = read_cpus,
	[ENVIRONMENT_FILE] = read_environment_file,
};

static const char *const choices[] = {
	"simple\0exec\0oneshot\0notify\0forking\0dbus\0idle\0",
	"no\0on-failure\0always\0on-success\0on-abnormal\0on-abort\0on-watchdog\0",
	"control-group\0mixed\0process\0none\0",
	"none\0main\0exec\0all\0",
	"no\0yes\0restart\0",
	"memory.max",
	"memory.high",
	"memory.low",
	"memory.min",
	"memory.swap.max",
	"cpu.weight",
	"cpu.max",
	"pids.max",
	"io.weight",
	"other\0fifo\0rr\0batch\0 \0idle\0", /* the numbers of sched(7); one is not used */
	"none\0realtime\0best-effort\0idle\0000\0001\0002\0003\0", /* ioprio_set(2); the class by its number
								      is 4 more */
};

#define AT(name) offsetof(struct unit_config, service.name)

static const struct {
	const char *key;
	uint8_t reader, choices;
	uint16_t at;
} keys[] = {
	{"Type", TYPE, 0, AT(type)},
	{"ExecCondition", COMMAND, 0, AT(commands[COMMAND_CONDITION])},
	{"ExecStartPre", COMMAND, 0, AT(commands[COMMAND_PRE])},
	{"ExecStart", COMMAND, 0, AT(commands[COMMAND_START])},
	{"ExecStartPost", COMMAND, 0, AT(commands[COMMAND_POST])},
	{"ExecReload", COMMAND, 0, AT(commands[COMMAND_RELOAD])},
	{"ExecStop", COMMAND, 0, AT(commands[COMMAND_STOP])},
	{"ExecStopPost", COMMAND, 0, AT(commands[COMMAND_STOP_POST])},
	{"PIDFile", PID_FILE, 0, AT(pid_file)},
	{"BusName", BUS_NAME, 0, AT(bus_name)},
	{"RemainAfterExit", FLAG, 0, AT(remain_after_exit)},
	{"GuessMainPID", FLAG, 0, AT(guess_main_pid)},
	{"NotifyAccess", CHOICE, 3, AT(notify_access)},
	{"TimeoutStartSec", TIMEOUT, 0, AT(start_timeout_ms)},
	{"TimeoutStopSec", TIMEOUT, 0, AT(stop_timeout_ms)},
	{"TimeoutAbortSec", TIMEOUT, 0, AT(abort_timeout_ms)},
	{"TimeoutSec", TIMEOUTS, 0, AT(start_timeout_ms)},
	{"RuntimeMaxSec", TIMEOUT, 0, AT(runtime_max_ms)},
	{"WatchdogSec", SPAN, 0, AT(watchdog_ms)},
	{"Restart", CHOICE, 1, AT(restart)},
	{"RestartSec", SPAN, 0, AT(restart_ms)},
	{"SuccessExitStatus", STATUSES, 0, AT(success_status)},
	{"RestartPreventExitStatus", STATUSES, 0, AT(restart_prevent)},
	{"RestartForceExitStatus", STATUSES, 0, AT(restart_force)},
	{"StartLimitIntervalSec", SPAN, 0, AT(start_limit_ms)},
	{"StartLimitInterval", SPAN, 0, AT(start_limit_ms)},
	{"StartLimitBurst", BURST, 0, 0},
	{"StartLimitAction", NONE, 0, 0},
	{"KillMode", CHOICE, 2, AT(kill_mode)},
	{"KillSignal", SIGNAL, 0, AT(kill_signal)},
	{"RestartKillSignal", SIGNAL, 0, AT(restart_kill_signal)},
	{"FinalKillSignal", SIGNAL, 0, AT(final_kill_signal)},
	{"WatchdogSignal", SIGNAL, 0, AT(watchdog_signal)},
	{"SendSIGKILL", FLAG, 0, AT(send_sigkill)},
	{"SendSIGHUP", FLAG, 0, AT(send_sighup)},
	{"User", USER, 0, AT(user)},
	{"Group", USER, 0, AT(group)},
	{"SupplementaryGroups", USER, 0, AT(groups)},
	{"Nice", RANGE, 0, AT(nice)},
	{"OOMScoreAdjust", RANGE, 0, AT(oom_score_adjust)},
	{"CPUSchedulingPolicy", CHOICE, 14, AT(policy)},
	{"CPUSchedulingPriority", RANGE, 0, AT(priority)},
	{"CPUSchedulingResetOnFork", FLAG, 0, AT(reset_on_fork)},
	{"CPUAffinity", CPUS, 0, AT(cpus)},
	{"IOSchedulingClass", CHOICE, 15, AT(io_class)},
	{"IOSchedulingPriority", RANGE, 0, AT(io_priority)},
	{"UMask", MODE, 0, AT(umask)},
	{"WorkingDirectory", FOLDER, 0, AT(directory)},
	{"RootDirectory", PATH, 0, AT(root)},
	{"IgnoreSIGPIPE", FLAG, 0, AT(ignore_sigpipe)},
	{"NoNewPrivileges", FLAG, 0, AT(no_new_privileges)},
	{"PrivateTmp", FLAG, 0, AT(private_tmp)},
	{"Environment", ENVIRONMENT, 0, AT(environment)},
	{"EnvironmentFile", ENVIRONMENT_FILE, 0, AT(environment_files)},
	{"PassEnvironment", ENVIRONMENT, 0, AT(pass_environment)},
	{"UnsetEnvironment", ENVIRONMENT, 0, AT(unset_environment)},
	{"StandardInput", INPUT, 0, 0},
	{"StandardOutput", OUTPUT, 0, AT(output)},
	{"StandardError", OUTPUT, 0, AT(error)},
	{"TTYPath", PATH, 0, AT(tty)},
	{"SyslogIdentifier", STRING, 0, AT(identifier)},
	{"RuntimeDirectory", FOLDERS, 0, AT(directories[DIRECTORY_RUNTIME])},
	{"StateDirectory", FOLDERS, 0, AT(directories[DIRECTORY_STATE])},
	{"CacheDirectory", FOLDERS, 0, AT(directories[DIRECTORY_CACHE])},
	{"LogsDirectory", FOLDERS, 0, AT(directories[DIRECTORY_LOGS])},
	{"ConfigurationDirectory", FOLDERS, 0, AT(directories[DIRECTORY_CONFIGURATION])},
	{"RuntimeDirectoryMode", MODE, 0, AT(directory_modes[DIRECTORY_RUNTIME])},
	{"StateDirectoryMode", MODE, 0, AT(directory_modes[DIRECTORY_STATE])},
	{"CacheDirectoryMode", MODE, 0, AT(directory_modes[DIRECTORY_CACHE])},
	{"LogsDirectoryMode", MODE, 0, AT(directory_modes[DIRECTORY_LOGS])},
	{"ConfigurationDirectoryMode", MODE, 0, AT(directory_modes[DIRECTORY_CONFIGURATION])},
	{"RuntimeDirectoryPreserve", CHOICE, 4, AT(preserve)},
	{"Sockets", SOCKETS, 0, AT(sockets)},
	{"FileDescriptorStoreMax", NUMBER, 0, AT(fd_store_max)},
	{"NonBlocking", FLAG, 0, AT(non_blocking)},
	{"Slice", SLICE, 0, AT(slice)},
	{"Delegate", DELEGATE, 0, AT(delegate)},
	{"MemoryMax", CGROUP, 5, 0},
	{"MemoryLimit", CGROUP, 5, 0}, /* its old spelling */
	{"MemoryHigh", CGROUP, 6, 0},
	{"MemoryLow", CGROUP, 7, 0},
	{"MemoryMin", CGROUP, 8, 0},
	{"MemorySwapMax", CGROUP, 9, 0},
	{"CPUWeight", CGROUP, 10, 0},
	{"CPUQuota", CGROUP, 11, 0},
	{"TasksMax", CGROUP, 12, 0},
	{"IOWeight", CGROUP, 13, 0},
	{"CPUAccounting", COUNT, 0, 0},
	{"MemoryAccounting", COUNT, 0, 0},
	{"TasksAccounting", COUNT, 0, 0},
	{"IOAccounting", COUNT, 0, 0},
};

static const struct unit_key *key_found(struct unit_reader *reader, const char *key, key_reader *read,
					size_t at, const char *const *words)
{
	reader->found = (struct unit_key){"Service", key, read, at, words};
	return &reader->found;
}

const struct unit_key *service_key_find(struct unit_reader *reader, const struct ini_entry *entry)
{
	const char *key = entry->key;

	if (strcmp(entry->section, "Service") != 0 &&
	    (strcmp(entry->section, "Unit") != 0 || strncmp(key, "StartLimit", 10) != 0))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].key, key))
			return key_found(reader, key, readers[keys[i].reader], keys[i].at,
					 &choices[keys[i].choices]);
	if (!strncmp(key, "Limit", 5) && limit_resource(key + 5) >= 0)
		return key_found(reader, key, read_limit, 0, NULL);
	for (const char *word = sandbox_keys; *word; word += strlen(word) + 1)
		if (!strcmp(word, key))
			return key_found(reader, word, read_sandbox, 0, NULL);
	return NULL;
}

/* What one key says about another one's default. */
static void defaults_settle(struct unit_reader *reader)
{
	struct service_config *config = config_of(reader);

	if (config->type == TYPE_ONESHOT && !reader->start_timeout_set)
		config->start_timeout_ms = TIMESPAN_INFINITY; /* systemd.service(5), TimeoutStartSec= */
	if (config->notify_access == NOTIFY_NONE &&
	    (config->type == TYPE_NOTIFY || config->watchdog_ms || config->fd_store_max))
		config->notify_access = NOTIFY_MAIN;
	/* What is read from can be written to, too: then inherit, which is the default, means that. */
	if (!reader->output_set || config->output == STDOUT_SAME)
		config->output = config->input == STDIN_TTY      ? STDOUT_TTY
				 : config->input == STDIN_SOCKET ? STDOUT_SOCKET
								 : STDOUT_LOG;
	if (config->watchdog_ms == TIMESPAN_INFINITY)
		config->watchdog_ms = 0;
	if (config->start_limit_ms == TIMESPAN_INFINITY || !config->start_limit_burst)
		config->start_limit_ms = 0;
}

bool service_key_is_split(const struct unit_key *key)
{
	return key->read == read_command || key->read == read_words || key->read == read_statuses ||
	       key->read == read_directories || key->read == read_sockets || key->read == read_environment ||
	       key->read == read_cpus || key->at == offsetof(struct unit_config, service.groups);
}

int service_check(struct unit_reader *reader, struct error *err)
{
	struct service_config *config = config_of(reader);
	size_t count = config->commands[COMMAND_START].count;

	defaults_settle(reader);
	sandbox_warn(reader);
	if (config->bus_name && !reader->type_set)
		config->type = TYPE_DBUS; /* systemd.service(5), Type= */
	if (config->type == TYPE_DBUS && !config->bus_name)
		return error_set(err, -EINVAL, "%s: Type=dbus needs a BusName=", reader->path);
	if (config->type == TYPE_DBUS && (string_list_add(&reader->config->requires, "dbus.socket") ||
					  string_list_add(&reader->config->after, "dbus.socket")))
		return -ENOMEM;
	if (!count && (config->type != TYPE_ONESHOT || !config->commands[COMMAND_STOP].count))
		return error_set(err, -EINVAL, "%s: no usable ExecStart= in [Service]: nothing to run",
				 reader->path);
	if (config->type == TYPE_ONESHOT &&
	    (config->restart == RESTART_ALWAYS || config->restart == RESTART_ON_SUCCESS))
		return error_set(err, -EINVAL, "%s: a oneshot that is restarted after success never ends",
				 reader->path);
	if (count > 1 && config->type != TYPE_ONESHOT)
		return error_set(err, -EINVAL, "%s: more than one ExecStart= needs Type=oneshot",
				 reader->path);
	return 0;
}
