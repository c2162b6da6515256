/* One process of a service: its environment and words, its output and folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/cgroup.h"
#include "rinit/command_line.h"
#include "rinit/file.h"
#include "rinit/log.h"
#include "rinit/mounts_hang.h"
#include "rinit/notify.h"
#include "rinit/service_run.h"
#include "rinit/socket.h"
#include "rinit/spawn.h"

#define OUTPUT_LINE_MAX      LOG_LINE_MAX
#define OUTPUT_READ_MAX      4096 /* at one wake-up: a service that floods does not keep others waiting */
#define ENVIRONMENT_FILE_MAX (256 * 1024)
#define DIRECTORY_DEPTH_MAX  32

/* ---- output ---- */

/* With the name of SyslogIdentifier= in front, which tells programs of one unit apart. */
static void line_write(const struct unit *unit, uint8_t severity, const char *line, size_t length)
{
	const char *identifier = unit->config.service.identifier;
	enum log_level level = severity <= PRIORITY_WARNING ? LOG_WARNING : LOG_OUTPUT;
	uint8_t priority = PRIORITY_DAEMON | severity;
	char text[OUTPUT_LINE_MAX + 1];

	if (identifier) {
		snprintf(text, sizeof(text), "%s: %.*s", identifier, (int)length, line);
		log_write_priority(level, priority, false, unit->config.name, text, strlen(text));
	} else {
		log_write_priority(level, priority, false, unit->config.name, line, length);
	}
}

/* A line may begin with "<N>", its syslog level (sd-daemon(3)); from 4, warning, on it counts as one. */
static void line_end(struct unit *unit)
{
	const char *line = unit->run.line;
	size_t length = unit->run.line_length;
	uint8_t severity = PRIORITY_INFO;

	unit->run.line_length = 0;
	if (length >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {
		severity = (uint8_t)(line[1] - '0');
		line += 3;
		length -= 3;
	}
	if (length)
		line_write(unit, severity, line, length);
}

static void output_split(struct unit *unit, const char *text, size_t length)
{
	struct unit_run *run = &unit->run;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n' || run->line_length == OUTPUT_LINE_MAX)
			line_end(unit);
		if (text[i] != '\n' && text[i] != '\r')
			run->line[run->line_length++] = text[i];
	}
}

static void output_close(struct unit *unit)
{
	if (unit->run.output.fd < 0)
		return;
	line_end(unit);
	loop_remove(unit->manager->loop, &unit->run.output);
	close(unit->run.output.fd);
	unit->run.output.fd = -1;
	if (unit->run.connection)
		socket_instance_settled(unit);
}

/* Returns false when there is no more for now. */
static bool output_read(struct unit *unit)
{
	char text[OUTPUT_READ_MAX];
	ssize_t length = read(unit->run.output.fd, text, sizeof(text));

	if (length > 0)
		output_split(unit, text, (size_t)length);
	else if (!length || errno != EAGAIN)
		output_close(unit);
	return length == sizeof(text);
}

static void output_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	output_read(CONTAINER_OF(source, struct unit, run.output));
}

/* The writing end, for a child; negative errno when there is none. Who still holds an older one keeps it. */
static int output_open(struct unit *unit)
{
	char path[32];
	int ends[2];

	if (unit->run.output.fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", unit->run.output.fd);
		return open(path, O_WRONLY | O_CLOEXEC);
	}
	if (!unit->run.line)
		unit->run.line = malloc(OUTPUT_LINE_MAX);
	if (!unit->run.line || pipe2(ends, O_CLOEXEC))
		return unit->run.line ? -errno : -ENOMEM;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	unit->run.output = (struct loop_source){.fd = ends[0], .ready = output_ready};
	loop_add(unit->manager->loop, &unit->run.output, EPOLLIN);
	return ends[1];
}

void service_output_drain(struct unit *unit)
{
	for (int i = 0; i < 16 && unit->run.output.fd >= 0 && output_read(unit); i++)
		;
}

/* ---- until the program runs ---- */

#define CHILD_FAILED '!' /* before the line that says why it never will; the others are warnings */

/* Puts a line into the pipe that process_start reads. */
static void say(int report, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(int report, const char *format, ...)
{
	char text[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	length = MIN(length, (int)sizeof(text) - 2);
	text[length++] = '\n';
	if (write(report, text, (size_t)length) < 0)
		return; /* it is full, or nobody is left to be told */
}

/* ---- environment ---- */

static int environment_setf(struct string_list *environment, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int environment_setf(struct string_list *environment, const char *format, ...)
{
	char text[PATH_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return environment_set(environment, text);
}

static int environment_add(struct string_list *environment, const struct string_list *more)
{
	int rc = 0;

	for (size_t i = 0; i < more->count && !rc; i++)
		rc = strchr(more->items[i], '=') ? environment_set(environment, more->items[i]) : 0;
	return rc;
}

static int environment_file(const char *path, struct string_list *environment, int report)
{
	bool optional = *path == '-';
	AUTO_FREE char *text = NULL;
	size_t length;
	int rc = file_load(path + optional, ENVIRONMENT_FILE_MAX, &text, &length);

	if (rc && optional)
		return 0;
	if (rc) {
		say(report, "!EnvironmentFile=%s: %s", path, strerror(-rc));
		return rc;
	}
	rc = environment_parse(environment, text, length);
	if (rc > 0)
		say(report, "%s: %d lines are no NAME=VALUE", path + optional, rc);
	return MIN(rc, 0);
}

/* RUNTIME_DIRECTORY and its like: every folder, by a colon from the next. */
static int environment_directories(const struct service_config *config, struct string_list *environment)
{
	static const char *const names[] = {"RUNTIME", "STATE", "CACHE", "LOGS", "CONFIGURATION"};
	int rc = 0;

	for (int kind = 0; kind < DIRECTORY_KINDS && !rc; kind++) {
		const struct string_list *folders = &config->directories[kind];
		char text[PATH_MAX];
		size_t used = (size_t)snprintf(text, sizeof(text), "%s_DIRECTORY", names[kind]);

		for (size_t i = 0; i < folders->count && used < sizeof(text); i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%c%s/%s", i ? ':' : '=',
						 directory_base((enum directory_kind)kind),
						 folders->items[i]);
		rc = folders->count ? environment_set(environment, text) : 0;
	}
	return rc;
}

/* For ExecStop= and ExecStopPost=: how it ended. */
static int environment_result(const struct unit_run *run, struct string_list *environment)
{
	bool killed = WIFSIGNALED(run->exit_status);
	int rc = environment_setf(environment, "SERVICE_RESULT=%s", service_result_name(run->result));

	if (rc || run->pid)
		return rc;
	rc = environment_set(environment, killed ? "EXIT_CODE=killed" : "EXIT_CODE=exited");
	return rc ? rc
		  : environment_setf(environment, "EXIT_STATUS=%d",
				     killed ? WTERMSIG(run->exit_status) : WEXITSTATUS(run->exit_status));
}

/* systemd.exec(5), "Environment Variables in Spawned Processes": what comes later wins. */
static int environment_make(const struct unit *unit, struct string_list *environment, int report)
{
	const struct service_config *config = &unit->config.service;
	const struct unit_run *run = &unit->run;
	int rc = environment_add(environment, &unit->manager->environment);

	for (size_t i = 0; !rc && i < config->pass_environment.count; i++) {
		const char *value = getenv(config->pass_environment.items[i]);

		if (value)
			rc = environment_setf(environment, "%s=%s", config->pass_environment.items[i], value);
	}
	if (!rc)
		rc = environment_directories(config, environment);
	if (!rc && config->notify_access != NOTIFY_NONE)
		rc = environment_set(environment, "NOTIFY_SOCKET=" NOTIFY_SOCKET_PATH);
	if (!rc && run->connection && run->connection->port) {
		rc = environment_setf(environment, "REMOTE_ADDR=%s", run->connection->address);
		if (!rc)
			rc = environment_setf(environment, "REMOTE_PORT=%u", run->connection->port);
	}
	if (!rc && config->watchdog_ms)
		rc = environment_setf(environment, "WATCHDOG_USEC=%llu",
				      (unsigned long long)config->watchdog_ms * 1000);
	if (!rc && run->pid)
		rc = environment_setf(environment, "MAINPID=%d", run->pid);
	if (!rc && run->list >= COMMAND_STOP)
		rc = environment_result(run, environment);
	if (!rc)
		rc = environment_add(environment, &config->environment);
	for (size_t i = 0; !rc && i < config->environment_files.count; i++)
		rc = environment_file(config->environment_files.items[i], environment, report);
	for (size_t i = 0; !rc && i < config->unset_environment.count; i++)
		environment_unset(environment, config->unset_environment.items[i]);
	return rc;
}

/* ---- the process ---- */

static bool wants_socket(const struct service_config *config)
{
	return config->input == STDIN_SOCKET || config->output == STDOUT_SOCKET ||
	       config->error == STDOUT_SOCKET;
}

/* What a program is run with. */
struct launch {
	struct spawn spawn;
	struct string_list environment, argv;
	struct socket_list sockets;
	char cgroup[PATH_MAX];
};

/* The sockets: as descriptors from 3 on, or the only one as input and output. */
static int launch_sockets(const struct unit *unit, struct launch *launch, int report)
{
	const struct service_config *config = &unit->config.service;
	bool main = unit->run.list == COMMAND_START;
	struct socket_list *list = &launch->sockets;
	int rc = 0;

	if (main || wants_socket(config))
		rc = socket_descriptors(unit, list);
	if (!rc && wants_socket(config)) {
		if (main && list->sockets != 1) {
			say(report, "!StandardInput=socket: it has %zu sockets, not one", list->sockets);
			return -EINVAL;
		}
		launch->spawn.socket = list->sockets == 1 ? *list->fds : -1;
	} else if (!rc && list->count) {
		launch->spawn.listen = list->fds;
		launch->spawn.listen_count = list->count;
		launch->spawn.socket_count = list->sockets;
		rc = environment_setf(&launch->environment, "LISTEN_FDNAMES=%s", list->names);
	}
	return rc;
}

static int launch_prepare(const struct unit *unit, const struct command *command, struct launch *launch,
			  int report)
{
	int rc = environment_make(unit, &launch->environment, report);

	if (!rc)
		rc = launch_sockets(unit, launch, report);
	if (!rc)
		rc = command_expand(command, &launch->environment, &launch->argv);
	cgroup_path(unit->config.name, &unit->config.service, "cgroup.procs", launch->cgroup,
		    sizeof(launch->cgroup));
	launch->spawn.cgroup = unit->run.has_cgroup ? launch->cgroup : NULL;
	launch->spawn.argv = launch->argv.items;
	launch->spawn.environment = launch->environment.items;
	return rc;
}

static void launch_clear(struct launch *launch)
{
	string_list_clear(&launch->environment);
	string_list_clear(&launch->argv);
	free(launch->sockets.fds);
	free(launch->sockets.names);
}

/* Who waits in it can be told to end. */
static int launch_prepare_aside(const struct unit *unit, const struct command *command, struct launch *launch,
				int report)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return launch_prepare(unit, command, launch, report);
}

/* In the child. */
static void launch_exec(struct spawn *spawn_it, int rc, int report)
{
	/* Out of the way of those that become 3, 4 ... */
	int moved = fcntl(report, F_DUPFD_CLOEXEC, STDERR_FILENO + 1 + (int)spawn_it->listen_count);

	rc = rc ? rc : spawn_exec(spawn_it);
	say(moved < 0 ? report : moved, "!cannot run %s: %s%s%s", spawn_it->program,
	    spawn_it->failed ? spawn_it->failed : "", spawn_it->failed ? ": " : "", strerror(-rc));
	_exit(127);
}

static void setup_ready(struct loop_source *source, uint32_t events)
{
	struct unit *unit = CONTAINER_OF(source, struct unit, run.setup);

	(void)events;
	service_setup_drain(unit);
	manager_drain(unit->manager);
}

void service_setup_close(struct unit *unit)
{
	if (unit->run.setup.fd < 0)
		return;
	loop_remove(unit->manager->loop, &unit->run.setup);
	close(unit->run.setup.fd);
	unit->run.setup.fd = -1;
}

void service_setup_drain(struct unit *unit)
{
	char text[1024], *rest = text, *line;
	ssize_t length = -1;

	if (unit->run.setup.fd < 0)
		return;
	length = read(unit->run.setup.fd, text, sizeof(text) - 1);
	if (length < 0 && errno == EAGAIN)
		return;
	text[MAX(length, 0)] = '\0';
	while ((line = strsep(&rest, "\n")) && *line) {
		bool fails = *line == CHILD_FAILED;

		if (!fails || !unit->run.not_run) /* the first cause is the one */
			log_warning("%s: %s", unit->config.name, line + fails);
		unit->run.not_run |= fails;
	}
	if (length > 0) {
		service_setup_drain(unit);
		return;
	}
	service_setup_close(unit);
	service_executed(unit);
}

/* May what the child has to open for it wait: for another machine, for a FIFO's other side, for a carrier? */
static bool child_may_wait(const struct service_config *config)
{
	return mounts_may_hang() || config->input == STDIN_FILE || config->output >= STDOUT_FILE ||
	       config->error >= STDOUT_FILE ||
	       (config->tty && (config->output == STDOUT_TTY || config->error == STDOUT_TTY));
}

/*
 * What may never answer must not be waited for: there the child is a copy of ours
 * that prepares itself while we go on; elsewhere it shares our memory until its program runs (vfork), for a
 * tenth of the cost.
 */
static int process_start(struct unit *unit, const struct command *command, pid_t *pid)
{
	const struct service_config *config = &unit->config.service;
	bool logs = config->output == STDOUT_LOG || config->error == STDOUT_LOG;
	bool aside = child_may_wait(config);
	AUTO_CLOSE int log = logs ? output_open(unit) : -1;
	struct launch launch = {.spawn = {.program = command->program,
					  .config = config,
					  .log = log,
					  .socket = -1,
					  .privileged = command->privileged}};
	int report[2], rc = 0;

	if (logs && log < 0)
		return log;
	if (pipe2(report, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (!aside)
		rc = launch_prepare(unit, command, &launch, report[1]);
	*pid = aside ? _Fork() : vfork();
	if (!*pid)
		launch_exec(&launch.spawn,
			    aside ? launch_prepare_aside(unit, command, &launch, report[1]) : rc, report[1]);
	rc = *pid < 0 ? -errno : 0;
	close(report[1]);
	launch_clear(&launch);
	service_setup_close(unit);
	unit->run.setup = (struct loop_source){.fd = report[0], .ready = setup_ready};
	unit->run.setup_pid = *pid;
	unit->run.not_run = false;
	return rc;
}

void service_setup_watch(struct unit *unit)
{
	service_setup_drain(unit);
	if (unit->run.setup.fd >= 0)
		loop_add(unit->manager->loop, &unit->run.setup, EPOLLIN);
}

int service_spawn(struct unit *unit, const struct command *command, pid_t *pid)
{
	int rc = process_start(unit, command, pid);

	if (rc) {
		*pid = 0;
		service_setup_close(unit);
		log_warning("%s: cannot run %s: %s", unit->config.name, command->program, strerror(-rc));
	}
	return rc;
}

/* ---- folders ---- */

/* What is below, too; never through a symbolic link, since the service may have put one there. */
static void tree_remove(int parent, const char *name, int depth)
{
	int fd = depth < DIRECTORY_DEPTH_MAX
			 ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			 : -1;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(fd, entry->d_name, 0) && (errno == EISDIR || errno == EPERM))
			tree_remove(fd, entry->d_name, depth + 1);
	if (folder)
		closedir(folder);
	unlinkat(parent, name, AT_REMOVEDIR);
}

void service_directories_remove(const struct unit *unit)
{
	const struct string_list *folders = &unit->config.service.directories[DIRECTORY_RUNTIME];
	AUTO_CLOSE int base = -1;

	if (folders->count)
		base = open(directory_base(DIRECTORY_RUNTIME), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; base >= 0 && i < folders->count; i++)
		tree_remove(base, folders->items[i], 0);
}
