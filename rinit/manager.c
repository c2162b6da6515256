#include "rinit/manager.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/log.h"
#include "rinit/notify.h"
#include "rinit/spawn.h"
#include "rinit/unit_graph.h"

#define UNIT_FILE_MAX     (256 * 1024)
#define RESTART_DELAY_MAX UINT64_C(30000) /* ms */
#define RESTART_LASTED_MS 10000 /* a service that ran so long has recovered: the delay is small again */
#define OUTPUT_LINE_MAX   LOG_LINE_MAX
#define OUTPUT_READ_MAX   4096 /* at one wake-up: a service that floods does not keep others waiting */
#define EXIT_NOT_RUN                                                                                         \
	(127 << 8) /* waitpid's status of a program that is not there, as a shell would say it               \
		    */

void manager_init(struct manager *manager, struct loop *loop)
{
	*manager = (struct manager){.loop = loop};
}

/* ---- events and actions ---- */

static void unit_event(struct unit *unit, enum service_event event);

static void unit_queue(struct unit *unit)
{
	struct manager *manager = unit->manager;

	if (unit->run.queued)
		return;
	unit->run.queued = true;
	manager->queue[manager->queue_count++] = unit;
}

static void units_queue(const struct manager *manager, const uint32_t *indices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		unit_queue(manager->units.items[indices[i]]);
}

/* Those that come after it may start now, those that it comes after may stop. */
static void unit_settled(struct unit *unit)
{
	struct manager *manager = unit->manager;

	unit->run.settled_ms = clock_ms();
	units_queue(manager, unit->before, unit->before_count);
	units_queue(manager, unit->after, unit->after_count);
	if (manager->settled)
		manager->settled(manager, unit);
}

static bool conditions_hold(const struct unit_config *config)
{
	for (size_t i = 0; i < config->conditions.count; i++) {
		const char *path = config->conditions.items[i];
		bool negated = *path == '!';

		if ((access(path + negated, F_OK) == 0) == negated)
			return false;
	}
	return true;
}

static void unit_try_start(struct unit *unit)
{
	const struct unit_set *set = &unit->manager->units;
	const struct unit *failed;

	if (!graph_may_start(set, unit) || unit->run.held)
		return;
	failed = graph_failed_requirement(set, unit);
	if (failed) {
		log_warning("%s: not started: %s, which it requires, is %s", unit->config.name,
			    failed->config.name, service_state_name(failed->run.state));
		unit_event(unit, EVENT_FAIL);
	} else if (unit->config.kind == UNIT_TARGET) {
		unit_event(unit, EVENT_READY);
	} else if (!conditions_hold(&unit->config)) {
		unit->run.skipped = true;
		unit_event(unit, EVENT_SKIP);
	} else {
		unit->run.skipped = false;
		unit_event(unit, EVENT_GO);
	}
}

static void unit_try_stop(struct unit *unit)
{
	enum service_state before = unit->run.state;

	if (!graph_may_stop(&unit->manager->units, unit))
		return;
	unit->run.stopping = false;
	unit_event(unit, EVENT_STOP);
	units_queue(unit->manager, unit->after, unit->after_count);
	if (unit->run.state == before &&
	    unit->manager->settled) /* it was down already: somebody may wait to hear it */
		unit->manager->settled(unit->manager, unit);
}

/* Every public function ends here: events queue units, units make events. */
static void manager_drain(struct manager *manager)
{
	if (manager->draining)
		return;
	manager->draining = true;
	while (manager->queue_count) {
		struct unit *unit = manager->queue[--manager->queue_count];

		unit->run.queued = false;
		if (unit->run.stopping)
			unit_try_stop(unit);
		else if (unit->run.state == STATE_WAITING)
			unit_try_start(unit);
	}
	manager->draining = false;
}

/* ---- output ---- */

/* A line may begin with "<N>", its syslog level (sd-daemon(3)); from 4, warning, on it counts as one. */
static void line_end(struct unit *unit)
{
	const char *line = unit->run.line;
	size_t length = unit->run.line_length;
	enum log_level level = LOG_OUTPUT;
	uint8_t severity = PRIORITY_INFO;

	unit->run.line_length = 0;
	if (length >= 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {
		level = line[1] <= '4' ? LOG_WARNING : LOG_OUTPUT;
		severity = (uint8_t)(line[1] - '0');
		line += 3;
		length -= 3;
	}
	if (length)
		log_write_priority(level, PRIORITY_DAEMON | severity, false, unit->config.name, line, length);
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

static void unit_signal(const struct unit *unit, int number)
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
	const struct string_list *lists[] = {&unit->config.environment, &unit->manager->environment};
	int rc = 0;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
		for (size_t i = 0; i < lists[l]->count && !rc; i++)
			rc = string_list_add(environment, lists[l]->items[i]);
	if (!rc && unit->config.type == TYPE_NOTIFY)
		rc = string_list_add(environment, "NOTIFY_SOCKET=" NOTIFY_SOCKET_PATH);
	return rc;
}

static int unit_spawn(struct unit *unit)
{
	const struct unit_config *config = &unit->config;
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
	const struct command *command = &unit->config.commands[unit->run.command];
	int rc;

	if (!unit->run.command)
		unit->run.started_ms = clock_ms();
	unit->run.status[0] = '\0';
	rc = unit_spawn(unit);
	if (rc) {
		log_warning("%s: cannot run %s: %s", unit->config.name, command->program, strerror(-rc));
		unit_process_ended(unit, EXIT_NOT_RUN);
	} else if (unit->config.type == TYPE_SIMPLE || unit->config.type == TYPE_EXEC) {
		unit_event(unit, EVENT_READY);
	} else {
		unit_timer(unit, unit->config.start_timeout_ms);
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
		log_info("%s %s", unit->config.type == TYPE_ONESHOT ? "finished" : "stopped", title(unit));
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
	unit_signal(unit, unit->config.kill_signal);
	unit_signal(unit, SIGCONT); /* a stopped process takes no signal */
	unit_timer(unit, unit->config.stop_timeout_ms);
}

static void action_give_up(struct unit *unit)
{
	log_warning("%s: not ready after %.1f s: stopping it", unit->config.name,
		    seconds(unit->config.start_timeout_ms));
	unit->run.gave_up = true;
	action_stop(unit);
}

static void action_kill(struct unit *unit)
{
	log_warning("%s: did not stop within %.1f s: killed", unit->config.name,
		    seconds(unit->config.stop_timeout_ms));
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

static void unit_event(struct unit *unit, enum service_event event)
{
	static void (*const actions[])(struct unit *) = {
		[ACTION_QUEUE] = action_queue, [ACTION_SPAWN] = action_spawn,
		[ACTION_NEXT] = action_next,   [ACTION_REACHED] = action_reached,
		[ACTION_ENDED] = action_ended, [ACTION_FAILED] = action_failed,
		[ACTION_STOP] = action_stop,   [ACTION_GIVE_UP] = action_give_up,
		[ACTION_KILL] = action_kill,   [ACTION_DELAY] = action_delay,
	};
	struct service_step step = service_step(unit->run.state, event);
	enum service_state from = unit->run.state;

	unit->run.state = step.next;
	unit_times_moved(&unit->run.times, from, step.next, clock_ms());
	if (from != step.next && unit->manager->moved)
		unit->manager->moved(unit->manager, unit, from);
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
	bool oneshot = config->type == TYPE_ONESHOT;
	bool clean = exit_is_clean(status) || config->commands[run->command].ignore_failure;
	bool stopping = run->state == STATE_STOPPING || run->state == STATE_KILLING;

	if (run->again)
		return EVENT_AGAIN;
	if (stopping && !run->gave_up)
		return EVENT_DONE;
	if (run->gave_up || (config->type == TYPE_NOTIFY && run->state == STATE_STARTING))
		clean = false; /* it never said that it was ready */
	if (oneshot && clean && run->command + 1 < config->command_count)
		return EVENT_NEXT;
	if (config->restart == RESTART_ALWAYS ? !oneshot || !clean
					      : config->restart == RESTART_ON_FAILURE && !clean)
		return EVENT_AGAIN;
	if (!clean)
		return EVENT_FAIL;
	return config->remain_after_exit ? EVENT_REMAIN : EVENT_DONE;
}

uint64_t unit_restart_delay(const struct unit_config *config, unsigned int restarts)
{
	uint64_t delay = config->restart_ms;

	while (restarts-- > 1 && delay < RESTART_DELAY_MAX)
		delay *= 2;
	return MAX(MIN(delay, RESTART_DELAY_MAX), config->restart_ms);
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
		if (unit && unit->config.notify_access != NOTIFY_ALL)
			return NULL;
	}
	return unit;
}

void manager_notified(struct manager *manager, pid_t from, const char *text)
{
	struct unit *unit = unit_of_process(manager, from);

	if (!unit || unit->config.type != TYPE_NOTIFY)
		return;
	notify_value(text, "STATUS", unit->run.status, sizeof(unit->run.status));
	if (notify_has(text, "READY=1"))
		unit_event(unit, EVENT_READY);
	manager_drain(manager);
}

/* ---- requests ---- */

static struct unit *unit_add(struct manager *manager, const char *name)
{
	struct unit **queue = realloc(manager->queue, (manager->units.count + 1) * sizeof(*queue));
	struct unit *unit = queue ? unit_set_add(&manager->units, name) : NULL;

	if (queue)
		manager->queue = queue; /* room for every unit: putting one in can't fail */
	if (!unit)
		log_warning("%s: out of memory", name);
	else
		unit->manager = manager;
	return unit;
}

struct unit *manager_add_target(struct manager *manager, const char *name, bool held)
{
	struct unit *unit = unit_add(manager, name);

	if (unit) {
		unit->config.kind = UNIT_TARGET;
		unit->run.held = held;
	}
	return unit;
}

struct unit *manager_add_service(struct manager *manager, const char *name, const char *description)
{
	struct unit *unit = unit_add(manager, name);

	if (unit)
		string_set(&unit->config.description, description);
	return unit;
}

static void unit_warning(void *context, const char *sentence)
{
	(void)context;
	log_warning("%s", sentence);
}

static const struct unit_warnings to_log = {.warn = unit_warning};

static void load_one(void *context, const char *path)
{
	struct manager *manager = context;
	struct error err;
	AUTO_FREE char *text = NULL;
	size_t length;
	int rc = file_load(path, UNIT_FILE_MAX, &text, &length);
	struct unit_config config;
	struct unit *unit;

	if (rc) {
		log_warning("%s: cannot read: %s", path, strerror(-rc));
		return;
	}
	unit_config_init(&config, strrchr(path, '/') + 1);
	if (unit_parse(&config, path, text, length, &to_log, &err)) {
		log_warning("%s", err.text);
		unit_config_clear(&config);
		return;
	}
	unit = unit_add(manager, config.name);
	if (unit)
		unit->config = config;
}

void manager_load(struct manager *manager, const char *directory)
{
	file_each(directory, ".service", load_one, manager);
}

/* A file in /etc/rinit is enabled by being there; WantedBy= only says for which of the modes. */
static bool boot_wants(const struct unit_config *config, const char *default_target)
{
	const struct string_list *by = &config->wanted_by;
	bool desktop = !strcmp(default_target, "graphical.target");

	if (!strcmp(config->name, "network-online.target"))
		return false; /* unless somebody wants it */
	return !by->count || !string_list_has(by, "graphical.target") || by->count > 1 || desktop;
}

/* What it requires and wants, the boot wants too. */
static void needs_want(struct manager *manager, const struct unit *unit)
{
	const struct string_list *needs[] = {&unit->config.requires, &unit->config.wants};

	for (size_t l = 0; l < ARRAY_SIZE(needs); l++)
		for (size_t i = 0; i < needs[l]->count; i++) {
			struct unit *need = unit_set_find(&manager->units, needs[l]->items[i]);

			if (!need || need->run.wanted)
				continue;
			need->run.wanted = true;
			needs_want(manager, need);
		}
}

void manager_resolve(struct manager *manager, const char *default_target)
{
	struct unit_set *set = &manager->units;

	manager->default_target = unit_set_find(set, default_target);
	for (size_t i = 0; i < set->count; i++)
		set->items[i]->run.wanted = boot_wants(&set->items[i]->config, default_target);
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i]->run.wanted)
			needs_want(manager, set->items[i]);
	if (graph_resolve(set, manager->default_target, &to_log))
		log_warning("out of memory while ordering the units");
}

void manager_boot(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++)
		if (manager->units.items[i]->run.wanted)
			unit_event(manager->units.items[i], EVENT_START);
	manager_drain(manager);
}

void manager_reached(struct manager *manager, const char *target)
{
	struct unit *unit = unit_set_find(&manager->units, target);

	if (!unit || !unit->run.held)
		return;
	unit->run.held = false;
	unit_queue(unit);
	manager_drain(manager);
}

static void start_with_needs(struct manager *manager, struct unit *unit)
{
	const struct string_list *needs[] = {&unit->config.requires, &unit->config.wants};

	if (service_is_active(unit->run.state) || unit->run.state == STATE_WAITING)
		return;
	unit->run.wanted = true;
	unit_event(unit, EVENT_START);
	for (size_t l = 0; l < ARRAY_SIZE(needs); l++)
		for (size_t i = 0; i < needs[l]->count; i++) {
			struct unit *need = unit_set_find(&manager->units, needs[l]->items[i]);

			if (need)
				start_with_needs(manager, need);
		}
}

void manager_start(struct manager *manager, struct unit *unit)
{
	unit->run.restarts = 0;
	start_with_needs(manager, unit);
	manager_drain(manager);
}

void manager_start_now(struct manager *manager, struct unit *unit)
{
	if (unit->run.state == STATE_WAITING)
		unit_event(unit, EVENT_GO);
	manager_drain(manager);
}

static void mark_stopping(struct manager *manager, struct unit *unit)
{
	if (unit->run.stopping)
		return;
	unit->run.wanted = false;
	unit->run.stopping = true;
	unit_queue(unit);
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *other = manager->units.items[i];

		if (string_list_has(&other->config.requires, unit->config.name) &&
		    other->run.state != STATE_INACTIVE && other->run.state != STATE_FAILED)
			mark_stopping(manager, other);
	}
}

void manager_stop(struct manager *manager, struct unit *unit)
{
	unit->run.again = false;
	mark_stopping(manager, unit);
	manager_drain(manager);
}

void manager_restart(struct manager *manager, struct unit *unit)
{
	unit->run.restarts = 0;
	if (service_has_process(unit->run.state)) {
		unit->run.again = true;
		unit_event(unit, EVENT_STOP);
	} else {
		unit_event(unit, EVENT_STOP);
		start_with_needs(manager, unit);
	}
	manager_drain(manager);
}

void manager_stop_all(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *unit = manager->units.items[i];

		unit->run.wanted = false;
		unit->run.again = false;
		unit->run.stopping = true;
		unit_queue(unit);
	}
	manager_drain(manager);
}

void manager_kill_all(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		unit_signal(manager->units.items[i], SIGKILL);
		manager->units.items[i]->run.stopping = false;
	}
}

bool manager_is_idle(const struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		const struct unit_run *run = &manager->units.items[i]->run;

		if (run->stopping || run->pid || run->state == STATE_WAITING || run->state == STATE_DELAY)
			return false;
	}
	return true;
}
