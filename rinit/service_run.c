#include "rinit/service_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/log.h"
#include "rinit/notify.h"
#include "rinit/spawn.h"

#define RESTART_DELAY_MAX UINT64_C(30000) /* ms */
#define RESTART_LASTED_MS 10000 /* a service that ran so long has recovered: the delay is small again */
#define OUTPUT_LINE_MAX   LOG_LINE_MAX
#define OUTPUT_READ_MAX   4096 /* at one wake-up: a service that floods does not keep others waiting */
#define EXIT_NOT_RUN                                                                                         \
	(127 << 8) /* waitpid's status of a program that is not there, as a shell would say it               \
		    */

/* ---- output ---- */

/* A line may begin with "<N>", its syslog level (sd-daemon(3)); from 4, warning, on it counts as one. */
static void line_end(struct unit *unit)
{
	const char *line = unit->run.line;
	size_t length = unit->run.line_length;
	enum log_level level = LOG_OUTPUT;

	unit->run.line_length = 0;
	if (length >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {
		level = line[1] <= '4' ? LOG_WARNING : LOG_OUTPUT;
		line += 3;
		length -= 3;
	}
	if (length)
		log_write(level, unit->config.name, line, length);
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

/* The pipe's writing end, for the child; negative errno when there is none. */
static int output_open(struct unit *unit)
{
	int ends[2];

	output_close(unit); /* a child that the last process left behind may still hold the old one */
	if (!unit->run.line)
		unit->run.line = malloc(OUTPUT_LINE_MAX);
	if (!unit->run.line || pipe2(ends, O_CLOEXEC))
		return unit->run.line ? -errno : -ENOMEM;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	unit->run.output = (struct loop_source){.fd = ends[0], .ready = output_ready};
	loop_add(unit->manager->loop, &unit->run.output, EPOLLIN);
	return ends[1];
}

/* ---- processes ---- */

void unit_signal(const struct unit *unit, int number)
{
	/* The process leads a session; its group goes with it. */
	if (unit->run.pid > 0 && kill(-unit->run.pid, number))
		kill(unit->run.pid, number);
}

static void timer_expired(struct loop_timer *timer)
{
	struct unit *unit = CONTAINER_OF(timer, struct unit, run.timer);

	unit->run.again = false;
	unit_event(unit, EVENT_TIMEOUT);
	manager_drain(unit->manager);
}

static void unit_timer(struct unit *unit, uint64_t ms)
{
	unit->run.timer.expired = timer_expired;
	if (ms == TIMESPAN_INFINITY)
		loop_timer_clear(unit->manager->loop, &unit->run.timer);
	else
		loop_timer_set(unit->manager->loop, &unit->run.timer, ms);
}

/* Its own come first, since getenv takes the first of two. */
static int environment_make(const struct unit *unit, struct string_list *environment)
{
	const struct string_list *lists[] = {&unit->config.service.environment, &unit->manager->environment};
	int rc = 0;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
		for (size_t i = 0; i < lists[l]->count && !rc; i++)
			rc = string_list_add(environment, lists[l]->items[i]);
	if (!rc && unit->config.service.type == TYPE_NOTIFY)
		rc = string_list_add(environment, "NOTIFY_SOCKET=" NOTIFY_SOCKET_PATH);
	return rc;
}

static int unit_spawn(struct unit *unit)
{
	const struct service_config *config = &unit->config.service;
	const struct command *command = &config->commands[unit->run.command];
	const char *tty = config->tty ? config->tty : "/dev/console";
	struct string_list environment = {0};
	struct spawn spawn_it = {
		.program = command->program,
		.argv = command->argv,
		.tty = config->input == STDIN_TTY ? tty : NULL,
		.input = config->input == STDIN_INHERIT ? STDIN_FILENO : -1,
		.output = -1,
		.directory = config->directory,
	};
	AUTO_CLOSE int output = -1;
	int rc;

	if (config->output == STDOUT_LOG)
		output = output_open(unit);
	else if (config->output == STDOUT_NULL)
		output = open("/dev/null", O_WRONLY | O_CLOEXEC);
	else if (config->input == STDIN_NULL)
		output = open(tty, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	spawn_it.output = output;
	rc = environment_make(unit, &environment);
	spawn_it.environment = environment.items;
	if (!rc)
		rc = spawn(&spawn_it, &unit->run.pid);
	string_list_clear(&environment);
	return rc;
}

static void unit_process_ended(struct unit *unit, int status)
{
	unit->run.pid = 0;
	unit->run.exit_status = status;
	unit_event(unit, unit_exit_event(&unit->config, &unit->run, status));
}

static void action_spawn(struct unit *unit)
{
	const struct command *command = &unit->config.service.commands[unit->run.command];
	int rc;

	if (!unit->run.command)
		unit->run.started_ms = clock_ms();
	unit->run.status[0] = '\0';
	rc = unit_spawn(unit);
	if (rc) {
		log_warning("%s: cannot run %s: %s", unit->config.name, command->program, strerror(-rc));
		unit_process_ended(unit, EXIT_NOT_RUN);
	} else if (unit->config.service.type == TYPE_SIMPLE || unit->config.service.type == TYPE_EXEC) {
		unit_event(unit, EVENT_READY);
	} else {
		unit_timer(unit, unit->config.service.start_timeout_ms);
	}
}

static const char *title(const struct unit *unit)
{
	return unit->config.description ? unit->config.description : unit->config.name;
}

static void action_reached(struct unit *unit)
{
	uint64_t took = clock_ms() - unit->run.started_ms;

	loop_timer_clear(unit->manager->loop, &unit->run.timer);
	if (unit->config.kind == UNIT_SERVICE)
		log_info("started %s (%.2f s)", title(unit), seconds(took));
	unit_settled(unit);
}

static void action_ended(struct unit *unit)
{
	loop_timer_clear(unit->manager->loop, &unit->run.timer);
	if (unit->config.kind == UNIT_SERVICE && unit->run.started_ms)
		log_info("%s %s", unit->config.service.type == TYPE_ONESHOT ? "finished" : "stopped",
			 title(unit));
	unit->run.restarts = 0;
	unit_settled(unit);
}

static void exit_describe(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

static void action_failed(struct unit *unit)
{
	char why[64];

	loop_timer_clear(unit->manager->loop, &unit->run.timer);
	exit_describe(unit->run.exit_status, why, sizeof(why));
	if (unit->run.exit_status)
		log_warning("%s: failed: %s", unit->config.name, why);
	unit_settled(unit);
}

static void action_delay(struct unit *unit)
{
	bool lasted = clock_ms() - unit->run.started_ms >= RESTART_LASTED_MS;
	uint64_t delay = 0;

	if (!unit->run.again) {
		unit->run.restarts = lasted ? 0 : unit->run.restarts + 1;
		delay = unit_restart_delay(&unit->config, unit->run.restarts);
		log_info("%s ended; it starts again in %.1f s", title(unit), seconds(delay));
	}
	unit_timer(unit, delay);
	unit_settled(unit);
}

static void action_stop(struct unit *unit)
{
	unit_signal(unit, unit->config.service.kill_signal);
	unit_signal(unit, SIGCONT); /* a stopped process takes no signal */
	unit_timer(unit, unit->config.service.stop_timeout_ms);
}

static void action_give_up(struct unit *unit)
{
	log_warning("%s: not ready after %.1f s: stopping it", unit->config.name,
		    seconds(unit->config.service.start_timeout_ms));
	unit->run.gave_up = true;
	action_stop(unit);
}

static void action_kill(struct unit *unit)
{
	log_warning("%s: did not stop within %.1f s: killed", unit->config.name,
		    seconds(unit->config.service.stop_timeout_ms));
	unit_signal(unit, SIGKILL);
	loop_timer_clear(unit->manager->loop, &unit->run.timer);
}

static void action_queue(struct unit *unit)
{
	unit->run.command = 0;
	unit->run.gave_up = false;
	unit->run.exit_status = 0;
	unit_queue(unit);
}

static void action_next(struct unit *unit)
{
	unit->run.command++;
	action_spawn(unit);
}

void unit_event(struct unit *unit, enum service_event event)
{
	static void (*const actions[])(struct unit *) = {
		[ACTION_QUEUE] = action_queue, [ACTION_SPAWN] = action_spawn,
		[ACTION_NEXT] = action_next,   [ACTION_REACHED] = action_reached,
		[ACTION_ENDED] = action_ended, [ACTION_FAILED] = action_failed,
		[ACTION_STOP] = action_stop,   [ACTION_GIVE_UP] = action_give_up,
		[ACTION_KILL] = action_kill,   [ACTION_DELAY] = action_delay,
	};
	struct service_step step = service_step(unit->run.state, event);

	unit->run.state = step.next;
	if (step.action != ACTION_NONE)
		actions[step.action](unit);
}

/* ---- what processes say and how they end ---- */

static bool exit_is_clean(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0;
	/* systemd.service(5), SuccessExitStatus= */
	return WTERMSIG(status) == SIGHUP || WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM ||
	       WTERMSIG(status) == SIGPIPE;
}

enum service_event unit_exit_event(const struct unit_config *config, const struct unit_run *run, int status)
{
	bool oneshot = config->service.type == TYPE_ONESHOT;
	bool clean = exit_is_clean(status) || config->service.commands[run->command].ignore_failure;
	bool stopping = run->state == STATE_STOPPING || run->state == STATE_KILLING;

	if (run->again)
		return EVENT_AGAIN;
	if (stopping && !run->gave_up)
		return EVENT_DONE;
	if (run->gave_up || (config->service.type == TYPE_NOTIFY && run->state == STATE_STARTING))
		clean = false; /* it never said that it was ready */
	if (oneshot && clean && run->command + 1 < config->service.command_count)
		return EVENT_NEXT;
	if (config->service.restart == RESTART_ALWAYS
		    ? !oneshot || !clean
		    : config->service.restart == RESTART_ON_FAILURE && !clean)
		return EVENT_AGAIN;
	if (!clean)
		return EVENT_FAIL;
	return config->service.remain_after_exit ? EVENT_REMAIN : EVENT_DONE;
}

uint64_t unit_restart_delay(const struct unit_config *config, unsigned int restarts)
{
	uint64_t delay = config->service.restart_ms;

	while (restarts-- > 1 && delay < RESTART_DELAY_MAX)
		delay *= 2;
	return MAX(MIN(delay, RESTART_DELAY_MAX), config->service.restart_ms);
}

static struct unit *unit_by_pid(const struct manager *manager, pid_t pid)
{
	if (pid <= 0)
		return NULL;
	for (size_t i = 0; i < manager->units.count; i++)
		if (manager->units.items[i]->run.pid == pid)
			return manager->units.items[i];
	return NULL;
}

bool manager_child_ended(struct manager *manager, pid_t pid, int status)
{
	struct unit *unit = unit_by_pid(manager, pid);

	if (!unit)
		return false;
	for (int i = 0; i < 16 && unit->run.output.fd >= 0 && output_read(unit); i++)
		; /* its last words come before the news of its end */
	unit_process_ended(unit, status);
	manager_drain(manager);
	return true;
}

static pid_t parent_of(pid_t pid)
{
	char path[32], text[512];
	const char *after_name;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file_read(path, text, sizeof(text));
	after_name = strrchr(text, ')'); /* the name before it may hold anything */
	return after_name && sscanf(after_name, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* The unit that the process belongs to: its own, or with NotifyAccess=all that of an ancestor. */
static struct unit *unit_of_process(const struct manager *manager, pid_t pid)
{
	struct unit *unit = unit_by_pid(manager, pid);

	for (int depth = 0; !unit && pid > 1 && depth < 32; depth++) {
		pid = parent_of(pid);
		unit = pid > 1 ? unit_by_pid(manager, pid) : NULL;
		if (unit && unit->config.service.notify_access != NOTIFY_ALL)
			return NULL;
	}
	return unit;
}

void manager_notified(struct manager *manager, pid_t from, const char *text)
{
	struct unit *unit = unit_of_process(manager, from);

	if (!unit || unit->config.service.type != TYPE_NOTIFY)
		return;
	notify_value(text, "STATUS", unit->run.status, sizeof(unit->run.status));
	if (notify_has(text, "READY=1"))
		unit_event(unit, EVENT_READY);
	manager_drain(manager);
}
