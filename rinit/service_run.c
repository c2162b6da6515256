#include "rinit/service_run.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/bus.h"
#include "rinit/cgroup.h"
#include "rinit/fd_store.h"
#include "rinit/file.h"
#include "rinit/log.h"

#define RESTART_LASTED_MS 10000 /* a service that ran so long has recovered: the delay is small again */
#define PID_FILE_POLL_MS  20
#define GONE_POLL_MS      100
#define ORPHAN_SLACK_MS   100 /* a process' start time is in coarser steps than ours */
/* No status of waitpid's, but as a shell would say that a program is not there. */
#define EXIT_NOT_RUN (1 << 16 | 127 << 8)

static struct service_config *config_of(struct unit *unit)
{
	return &unit->config.service;
}

static const struct command_list *list_of(const struct unit *unit)
{
	return &unit->config.service.commands[unit->run.list];
}

/* The first reason stays: what comes after it comes of it. */
static void result_set(struct unit *unit, enum service_result result)
{
	if (unit->run.result == RESULT_SUCCESS)
		unit->run.result = result;
}

/* ---- processes ---- */

/* The processes that rinit started, not those that these started. */
static void own_signal(const struct unit *unit, int number)
{
	if (unit->run.pid > 1)
		kill(unit->run.pid, number);
	if (unit->run.control > 1)
		kill(unit->run.control, number);
}

/* Every process there is, but the main one when it is to be spared. */
static void everyone_signal(struct unit *unit, int number, bool spare_main)
{
	struct unit_run *run = &unit->run;

	if (run->setup.fd >= 0)
		own_signal(unit, number); /* it may not have its group yet */
	if (run->has_cgroup) {
		cgroup_signal(unit->config.name, config_of(unit), number, spare_main ? run->pid : 0);
		return;
	}
	if (run->group > 1 && !spare_main)
		kill(-run->group, number);
	if (run->control > 1)
		kill(-run->control, number);
}

static void unit_signal(struct unit *unit, int number)
{
	enum kill_mode mode = config_of(unit)->kill_mode;

	if (mode == KILL_NONE)
		return;
	if (mode == KILL_CONTROL_GROUP || (mode == KILL_MIXED && number == SIGKILL))
		everyone_signal(unit, number, false);
	else
		own_signal(unit, number);
}

static bool group_is_empty(const struct unit *unit)
{
	const struct unit_run *run = &unit->run;

	if (run->has_cgroup)
		return cgroup_is_empty(unit->config.name, &unit->config.service);
	return run->group <= 1 || (kill(-run->group, 0) && errno == ESRCH);
}

void service_kill(struct unit *unit)
{
	everyone_signal(unit, SIGKILL, false);
	own_signal(unit, SIGKILL);
}

bool service_signal(struct unit *unit, char who, int number)
{
	pid_t pid = who == 'c' ? unit->run.control : unit->run.pid;

	if (who != 'a')
		return pid > 1 && !kill(pid, number);
	everyone_signal(unit, number, false);
	if (!unit->run.has_cgroup)
		own_signal(unit, number); /* whoever has a group of its own */
	return service_has_process(unit->run.state);
}

/* A command that is in the way of what comes next. */
static void control_kill(struct unit *unit)
{
	if (!unit->run.control)
		return;
	kill(-unit->run.control, SIGKILL);
	kill(unit->run.control, SIGKILL); /* it may not have its group yet */
	unit->run.control = 0;
}

void service_main_is(struct unit *unit, pid_t pid)
{
	pid_t group = getpgid(pid);

	unit->run.pid = pid;
	unit->run.group = group > 1 ? group : 0;
}

/* ---- timers ---- */

static void timer_expired(struct loop_timer *timer)
{
	struct unit *unit = CONTAINER_OF(timer, struct unit, run.timer);

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

void service_timer_extend(struct unit *unit, uint64_t ms)
{
	if (unit->run.timer.armed && unit->run.timer.deadline_ms < clock_ms() + ms)
		unit_timer(unit, ms);
}

static void watchdog_expired(struct loop_timer *timer)
{
	struct unit *unit = CONTAINER_OF(timer, struct unit, run.watchdog);

	unit_event(unit, EVENT_WATCHDOG);
	manager_drain(unit->manager);
}

void service_watchdog_start(struct unit *unit)
{
	uint64_t ms = config_of(unit)->watchdog_ms;

	if (!ms || !service_is_active(unit->run.state))
		return;
	unit->run.watchdog.expired = watchdog_expired;
	loop_timer_set(unit->manager->loop, &unit->run.watchdog, ms);
}

/* RuntimeMaxSec=, for what is left of it. */
static void runtime_timer(struct unit *unit)
{
	uint64_t max = config_of(unit)->runtime_max_ms, ran = clock_ms() - unit->run.settled_ms;

	unit_timer(unit, max == TIMESPAN_INFINITY || unit->run.state != STATE_RUNNING ? TIMESPAN_INFINITY
			 : max > ran                                                  ? max - ran
										      : 0);
}

static void timers_clear(struct unit *unit)
{
	loop_timer_clear(unit->manager->loop, &unit->run.timer);
	loop_timer_clear(unit->manager->loop, &unit->run.watchdog);
}

/* ---- the state's commands ---- */

static enum command_kind first_list(enum service_state state)
{
	switch (state) {
	case STATE_START_PRE:
		return COMMAND_CONDITION;
	case STATE_STARTING:
		return COMMAND_START;
	case STATE_START_POST:
		return COMMAND_POST;
	case STATE_RELOADING:
		return COMMAND_RELOAD;
	case STATE_STOP:
		return COMMAND_STOP;
	default:
		return COMMAND_STOP_POST;
	}
}

/* Does it run, now that its commands have? */
static enum service_event up_event(const struct unit *unit)
{
	const struct service_config *config = &unit->config.service;

	if ((unit->run.pid || (config->type == TYPE_FORKING && !group_is_empty(unit))) &&
	    (config->type != TYPE_DBUS || unit->run.bus_owned))
		return EVENT_DONE;
	return config->remain_after_exit ? EVENT_REMAIN : EVENT_END;
}

/* Everything is over: nothing is left behind but what KillMode= leaves. */
static enum service_event finish(struct unit *unit)
{
	struct unit_run *run = &unit->run;
	enum kill_mode mode = config_of(unit)->kill_mode;
	enum service_event verdict = service_verdict(config_of(unit), run);
	enum directory_preserve preserve = config_of(unit)->preserve;

	timers_clear(unit);
	service_setup_close(unit);
	if ((mode == KILL_CONTROL_GROUP || mode == KILL_MIXED) && !group_is_empty(unit))
		everyone_signal(unit, SIGKILL, false);
	if (run->has_cgroup)
		cgroup_remove(unit->config.name, config_of(unit));
	run->pid = 0;
	run->group = 0;
	if (preserve == PRESERVE_NO || (preserve == PRESERVE_RESTART && verdict != EVENT_AGAIN))
		service_directories_remove(unit);
	return verdict;
}

static enum service_event list_done_event(struct unit *unit)
{
	enum service_state state = unit->run.state;

	if (state == STATE_START_POST || state == STATE_RELOADING)
		return up_event(unit);
	return state == STATE_STOP_POST ? finish(unit) : EVENT_DONE;
}

static void control_ended(struct unit *unit, int status);

static void command_run(struct unit *unit)
{
	struct unit_run *run = &unit->run;
	bool stopping = run->state == STATE_STOP || run->state == STATE_STOP_POST;

	if (run->list == COMMAND_CONDITION && run->command == list_of(unit)->count) {
		run->list = COMMAND_PRE;
		run->command = 0;
	}
	if (run->command >= list_of(unit)->count) {
		unit_event(unit, list_done_event(unit));
		return;
	}
	unit_timer(unit, stopping ? config_of(unit)->stop_timeout_ms : config_of(unit)->start_timeout_ms);
	if (service_spawn(unit, &list_of(unit)->items[run->command], &run->control))
		control_ended(unit, EXIT_NOT_RUN);
	else
		service_setup_watch(unit);
}

static void action_commands(struct unit *unit)
{
	control_kill(unit);
	unit->run.list = first_list(unit->run.state);
	unit->run.command = 0;
	command_run(unit);
}

/* A command of START_PRE, START_POST, RELOADING, STOP or STOP_POST. */
static void control_ended(struct unit *unit, int status)
{
	static const char *const keys[] = {"ExecCondition", "ExecStartPre", "ExecStart",   "ExecStartPost",
					   "ExecReload",    "ExecStop",     "ExecStopPost"};
	struct unit_run *run = &unit->run;
	const struct command *command = &list_of(unit)->items[run->command];
	enum service_result result = service_result(config_of(unit), run->list, status);
	char why[64];

	if (run->control && run->list <= COMMAND_PRE && !run->has_cgroup)
		kill(-run->control, SIGKILL); /* systemd.service(5), ExecStartPre=: nothing stays */
	run->control = 0;
	if (run->state == STATE_STOPPING || run->state == STATE_KILLING)
		return; /* it was told to */
	if (result == RESULT_SUCCESS || command->ignore_failure) {
		unit_event(unit, EVENT_NEXT);
		return;
	}
	if (run->list == COMMAND_CONDITION && result == RESULT_EXIT && WEXITSTATUS(status) < 255) {
		run->skipped = true;
		unit_event(unit, EVENT_SKIP);
		return;
	}
	if (run->list == COMMAND_STOP && unit->config.kind == UNIT_MOUNT) {
		unit_event(unit, EVENT_SKIP); /* it said why, and is mounted as before */
		return;
	}
	exit_describe(status, why, sizeof(why));
	if (status != EXIT_NOT_RUN)
		log_warning("%s: %s=%s: %s", unit->config.name, keys[run->list], command->program, why);
	if (run->list == COMMAND_RELOAD)
		run->reload_failed = true;
	else
		result_set(unit, status == EXIT_NOT_RUN ? RESULT_RESOURCES : result);
	unit_event(unit, run->state == STATE_STOP_POST ? finish(unit) : EVENT_FAIL);
}

/* ---- the main process ---- */

static void main_run(struct unit *unit)
{
	const struct service_config *config = config_of(unit);
	struct unit_run *run = &unit->run;

	if (!list_of(unit)->count) { /* a oneshot that only has ExecStop= */
		unit_event(unit, EVENT_READY);
		return;
	}
	unit_timer(unit, config->start_timeout_ms);
	if (service_spawn(unit, &list_of(unit)->items[run->command], &run->pid)) {
		run->exit_status = EXIT_NOT_RUN;
		result_set(unit, RESULT_RESOURCES);
		unit_event(unit, EVENT_BROKE);
		return;
	}
	run->group = run->pid; /* it leads a session */
	run->bus_owned = false;
	service_setup_watch(unit);
	if (config->type == TYPE_DBUS)
		bus_watch(unit->manager);
}

static bool failure_is_ignored(const struct unit *unit)
{
	const struct command_list *list = &unit->config.service.commands[COMMAND_START];
	size_t command = unit->run.state == STATE_STARTING ? unit->run.command : 0;

	return command < list->count && list->items[command].ignore_failure;
}

void service_executed(struct unit *unit)
{
	enum service_type type = config_of(unit)->type;

	if (unit->run.state == STATE_STARTING && unit->run.setup_pid == unit->run.pid &&
	    (!unit->run.not_run || failure_is_ignored(unit)) && type != TYPE_ONESHOT && type != TYPE_NOTIFY &&
	    type != TYPE_FORKING && type != TYPE_DBUS)
		unit_event(unit, EVENT_READY);
}

static void action_spawn(struct unit *unit)
{
	unit->run.list = COMMAND_START;
	unit->run.command = 0;
	unit->run.status[0] = '\0';
	main_run(unit);
}

static void action_next(struct unit *unit)
{
	unit->run.command++;
	if (unit->run.state == STATE_STARTING)
		main_run(unit);
	else
		command_run(unit);
}

/* ---- forking: whose end is the service's? ---- */

/* One that came to us, since its parent has ended, after the service was started; or 0. */
static pid_t orphan_find(struct unit *unit)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	uint64_t tick_ms = 1000 / getauxval(AT_CLKTCK);
	pid_t found = 0;
	int count = 0;

	while (folder && (entry = readdir(folder))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 1 || unit_by_pid(unit->manager, pid) || process_parent(pid) != 1 ||
		    process_stat(pid, PROCESS_START_TIME) * tick_ms + ORPHAN_SLACK_MS < unit->run.started_ms)
			continue;
		found = pid;
		count++;
	}
	if (folder)
		closedir(folder);
	return count == 1 ? found : 0;
}

/* Its own: in its group, or where there are none, a child of ours that no other unit has. */
static bool process_is_of(struct unit *unit, pid_t pid)
{
	if (unit_by_pid(unit->manager, pid) || pid <= 1)
		return false;
	return unit->run.has_cgroup ? cgroup_has(unit->config.name, config_of(unit), pid)
				    : process_parent(pid) == 1;
}

static void main_poll(struct loop_timer *timer);

static void main_find(struct unit *unit)
{
	const struct service_config *config = config_of(unit);
	char text[32];
	pid_t pid = 0;

	if (config->pid_file) {
		if (file_read_line(config->pid_file, text, sizeof(text)) > 0)
			pid = (pid_t)strtol(text, NULL, 10);
		if (!process_is_of(unit,
				   pid)) { /* it may be written a moment later; start_timeout_ms ends this */
			unit->run.watchdog.expired = main_poll;
			loop_timer_set(unit->manager->loop, &unit->run.watchdog, PID_FILE_POLL_MS);
			return;
		}
	} else if (config->guess_main_pid) {
		pid = unit->run.has_cgroup ? cgroup_only_process(unit->config.name, config)
					   : orphan_find(unit);
	}
	if (pid)
		service_main_is(unit, pid);
	else if (config->guess_main_pid)
		log_warning("%s: its main process was not found: it wants a PIDFile=", unit->config.name);
	unit_event(unit, EVENT_READY);
}

static void main_poll(struct loop_timer *timer)
{
	struct unit *unit = CONTAINER_OF(timer, struct unit, run.watchdog);

	if (unit->run.state == STATE_STARTING)
		main_find(unit);
	manager_drain(unit->manager);
}

/* ---- how it ends ---- */

static bool is_gone(struct unit *unit)
{
	enum kill_mode mode = config_of(unit)->kill_mode;

	if (mode == KILL_NONE)
		return true;
	if (unit->run.pid || unit->run.control)
		return false;
	if (mode == KILL_PROCESS || group_is_empty(unit))
		return true;
	if (mode == KILL_MIXED)
		everyone_signal(unit, config_of(unit)->final_kill_signal, false);
	return false;
}

static void gone_poll(struct loop_timer *timer);

static void gone_check(struct unit *unit)
{
	enum service_state state = unit->run.state;
	bool stopping = state == STATE_STOPPING || state == STATE_ABORTING || state == STATE_KILLING;

	if (!unit->run.pid && !unit->run.has_cgroup && group_is_empty(unit))
		unit->run.group = 0; /* the number may soon be somebody else's */
	if (stopping && is_gone(unit)) {
		unit_event(unit, EVENT_GONE);
	} else if (stopping && !unit->run.pid && !unit->run.control) {
		/* What was forked while the others were told has not heard it: once more, as systemd does. */
		if (state == STATE_STOPPING && !unit->run.told_again) {
			unit->run.told_again = true;
			unit_signal(unit, config_of(unit)->kill_signal);
		}
		/* We hear of the others' ends only when they are our children by then. */
		unit->run.watchdog.expired = gone_poll;
		loop_timer_set(unit->manager->loop, &unit->run.watchdog, GONE_POLL_MS);
	} else if (state == STATE_RUNNING && !unit->run.pid && unit->config.kind == UNIT_SERVICE &&
		   group_is_empty(unit)) {
		unit_event(unit, up_event(unit));
	}
}

static void gone_poll(struct loop_timer *timer)
{
	struct unit *unit = CONTAINER_OF(timer, struct unit, run.watchdog);

	gone_check(unit);
	manager_drain(unit->manager);
}

static enum service_event starting_ended_event(const struct unit *unit, enum service_result *result)
{
	const struct service_config *config = &unit->config.service;

	if (*result == RESULT_SUCCESS && config->type == TYPE_ONESHOT)
		return unit->run.command + 1 < list_of(unit)->count ? EVENT_NEXT : EVENT_READY;
	if (*result == RESULT_SUCCESS)
		*result = RESULT_PROTOCOL;
	return EVENT_BROKE;
}

static void main_ended(struct unit *unit, int status)
{
	struct unit_run *run = &unit->run;
	enum service_result result = failure_is_ignored(unit) ? RESULT_SUCCESS
				     : status == EXIT_NOT_RUN
					     ? RESULT_RESOURCES
					     : service_result(config_of(unit), COMMAND_START, status);
	enum service_event event;

	run->pid = 0;
	run->exit_status = status;
	if (run->state == STATE_STARTING && config_of(unit)->type == TYPE_FORKING &&
	    result == RESULT_SUCCESS) {
		main_find(unit);
		return;
	}
	if (result != RESULT_SUCCESS && run->has_cgroup &&
	    cgroup_out_of_memory(unit->config.name, config_of(unit))) {
		log_warning("%s: out of memory: the kernel has killed it", unit->config.name);
		result = RESULT_OOM;
	}
	if (run->state == STATE_STARTING)
		event = starting_ended_event(unit, &result);
	else if (result != RESULT_SUCCESS)
		event = EVENT_BROKE;
	else if (run->state == STATE_START_POST)
		return; /* looked at when its commands have ended */
	else
		event = config_of(unit)->remain_after_exit ? EVENT_REMAIN : EVENT_END;
	if (!run->stop_asked)
		result_set(unit, result);
	unit_event(unit, event);
	gone_check(unit);
}

struct unit *unit_by_pid(const struct manager *manager, pid_t pid)
{
	if (pid <= 0)
		return NULL;
	for (size_t i = 0; i < manager->units.count; i++)
		if (manager->units.items[i]->run.pid == pid || manager->units.items[i]->run.control == pid)
			return manager->units.items[i];
	return NULL;
}

bool manager_child_ended(struct manager *manager, pid_t pid, int status)
{
	struct unit *unit = unit_by_pid(manager, pid);

	if (unit) {
		service_output_drain(unit); /* its last words come before the news of its end */
		service_setup_drain(unit);
		if (unit->run.not_run && unit->run.setup_pid == pid)
			status = EXIT_NOT_RUN;
		if (unit->run.pid == pid)
			main_ended(unit, status);
		else
			control_ended(unit, status);
	}
	/* The last of somebody's group, perhaps. */
	for (size_t i = 0; i < manager->units.count; i++)
		gone_check(manager->units.items[i]);
	manager_drain(manager);
	return unit != NULL;
}

void manager_reload(struct manager *manager, struct unit *unit)
{
	unit->run.reload_failed = false;
	if (config_of(unit)->commands[COMMAND_RELOAD].count)
		unit_event(unit, EVENT_RELOAD);
	manager_drain(manager);
}

/* ---- actions ---- */

bool service_may_start(struct unit *unit)
{
	const struct service_config *config = config_of(unit);
	struct unit_run *run = &unit->run;
	uint64_t now = clock_ms();

	if (!config->start_limit_ms)
		return true;
	if (!run->limit_count || now - run->limit_begin_ms >= config->start_limit_ms) {
		run->limit_begin_ms = now;
		run->limit_count = 0;
	}
	if (run->limit_count++ < config->start_limit_burst)
		return true;
	log_warning("%s: started %u times within %.1f s: not again until somebody asks", unit->config.name,
		    config->start_limit_burst, seconds(config->start_limit_ms));
	run->limit_count = 0;
	run->exit_status = 0;
	run->result = RESULT_START_LIMIT;
	return false;
}

static void action_queue(struct unit *unit)
{
	unit->run.again = false;
	unit->run.stop_asked = false;
	unit->run.exit_status = 0;
	unit->run.result = RESULT_SUCCESS;
	unit_queue(unit);
}

static void action_begin(struct unit *unit)
{
	unit->run.started_ms = clock_ms();
	unit->run.has_cgroup = cgroup_create(unit->config.name, config_of(unit));
	action_commands(unit);
}

static const char *title(const struct unit *unit)
{
	return unit->config.description ? unit->config.description : unit->config.name;
}

static void action_reached(struct unit *unit)
{
	uint64_t took = clock_ms() - unit->run.started_ms;

	loop_timer_clear(unit->manager->loop, &unit->run.timer);
	if (unit->config.kind != UNIT_TARGET)
		log_info("started %s (%.2f s)", title(unit), seconds(took));
	unit_settled(unit);
	runtime_timer(unit);
	service_watchdog_start(unit);
}

static void action_reloaded(struct unit *unit)
{
	if (unit->run.left == STATE_RELOADING && unit->run.control)
		log_warning("%s: ExecReload= took more than %.1f s: killed", unit->config.name,
			    seconds(config_of(unit)->start_timeout_ms));
	unit->run.reload_failed |= unit->run.control != 0;
	control_kill(unit);
	if (unit->run.left == STATE_RELOADING && !unit->run.reload_failed)
		log_info("reloaded %s", title(unit));
	runtime_timer(unit);
	if (unit->manager->settled)
		unit->manager->settled(unit->manager, unit);
	unit->run.reload_failed = false;
	gone_check(unit);
}

static void action_stayed(struct unit *unit)
{
	unit->run.wanted = true;
	unit->run.again = unit->run.stop_asked = false;
	unit->run.reload_failed = true; /* whoever asked for a restart hears of it */
	unit_settled(unit);
	unit->run.reload_failed = false;
}

static void action_ended(struct unit *unit)
{
	loop_timer_clear(unit->manager->loop, &unit->run.timer);
	if (unit->config.kind == UNIT_SERVICE && unit->run.started_ms && !unit->run.skipped)
		log_info("%s %s", config_of(unit)->type == TYPE_ONESHOT ? "finished" : "stopped",
			 title(unit));
	unit->run.restarts = 0;
	fd_store_drop(unit, NULL);
	unit_settled(unit);
}

static void action_failed(struct unit *unit)
{
	const struct unit_run *run = &unit->run;
	char why[64];

	loop_timer_clear(unit->manager->loop, &unit->run.timer);
	exit_describe(run->exit_status, why, sizeof(why));
	if (run->result == RESULT_PROTOCOL)
		log_warning("%s: failed: it ended before it was ready", unit->config.name);
	else if ((run->result == RESULT_EXIT || run->result == RESULT_SIGNAL) && run->exit_status)
		log_warning("%s: failed: %s", unit->config.name, why);
	fd_store_drop(unit, NULL);
	unit_settled(unit);
}

static void action_delay(struct unit *unit)
{
	bool lasted = clock_ms() - unit->run.started_ms >= RESTART_LASTED_MS;
	uint64_t delay = 0;

	if (!unit->run.again) {
		unit->run.restarts = lasted ? 0 : unit->run.restarts + 1;
		delay = service_restart_delay(config_of(unit), unit->run.restarts);
		log_info("%s ended; it starts again in %.1f s", title(unit), seconds(delay));
	}
	unit_timer(unit, delay);
	unit_settled(unit);
}

static void action_term(struct unit *unit)
{
	const struct service_config *config = config_of(unit);
	int number = unit->run.again && config->restart_kill_signal ? config->restart_kill_signal
								    : config->kill_signal;

	loop_timer_clear(unit->manager->loop, &unit->run.watchdog);
	unit_timer(unit, config->stop_timeout_ms);
	unit->run.told_again = false;
	unit_signal(unit, number);
	unit_signal(unit, SIGCONT); /* a stopped process takes no signal */
	if (config->send_sighup)
		unit_signal(unit, SIGHUP);
	gone_check(unit);
}

static void action_give_up(struct unit *unit)
{
	const struct service_config *config = config_of(unit);

	if (unit->run.left == STATE_RUNNING)
		log_warning("%s: ran for %.1f s, its RuntimeMaxSec=: stopping it", unit->config.name,
			    seconds(config->runtime_max_ms));
	else if (unit->run.left == STATE_STOP)
		log_warning("%s: ExecStop= took more than %.1f s: stopping it", unit->config.name,
			    seconds(config->stop_timeout_ms));
	else if (unit->run.left == STATE_STARTING && config->type == TYPE_DBUS)
		log_warning("%s: nobody owns %s on the bus after %.1f s: stopping it", unit->config.name,
			    config->bus_name, seconds(config->start_timeout_ms));
	else
		log_warning("%s: not ready after %.1f s: stopping it", unit->config.name,
			    seconds(config->start_timeout_ms));
	if (!unit->run.stop_asked)
		result_set(unit, RESULT_TIMEOUT);
	action_term(unit);
}

static void action_abort(struct unit *unit)
{
	log_warning("%s: missed its watchdog of %.1f s: killed", unit->config.name,
		    seconds(config_of(unit)->watchdog_ms));
	result_set(unit, RESULT_WATCHDOG);
	loop_timer_clear(unit->manager->loop, &unit->run.watchdog);
	unit_timer(unit, config_of(unit)->abort_timeout_ms);
	own_signal(unit, config_of(unit)->watchdog_signal);
	gone_check(unit);
}

static void action_kill(struct unit *unit)
{
	const struct service_config *config = config_of(unit);

	if (!config->send_sigkill) {
		log_warning("%s: did not stop within %.1f s, and has SendSIGKILL=no: left alone",
			    unit->config.name, seconds(config->stop_timeout_ms));
		unit_timer(unit, 0);
		return;
	}
	log_warning("%s: did not stop within %.1f s: killed", unit->config.name,
		    seconds(config->stop_timeout_ms));
	unit_timer(unit, config->stop_timeout_ms);
	if (config->final_kill_signal == SIGKILL)
		unit_signal(unit, SIGKILL);
	else
		everyone_signal(unit, config->final_kill_signal, false);
	own_signal(unit, config->final_kill_signal);
	gone_check(unit);
}

/* What can't be killed waits for a disk or a network that does not answer. */
static void action_leave(struct unit *unit)
{
	unit->run.control = 0;
	action_commands(unit);
}

void unit_event(struct unit *unit, enum service_event event)
{
	static void (*const actions[])(struct unit *) = {
		[ACTION_QUEUE] = action_queue,       [ACTION_BEGIN] = action_begin,
		[ACTION_COMMANDS] = action_commands, [ACTION_NEXT] = action_next,
		[ACTION_SPAWN] = action_spawn,       [ACTION_REACHED] = action_reached,
		[ACTION_RELOADED] = action_reloaded, [ACTION_ENDED] = action_ended,
		[ACTION_FAILED] = action_failed,     [ACTION_TERM] = action_term,
		[ACTION_GIVE_UP] = action_give_up,   [ACTION_ABORT] = action_abort,
		[ACTION_KILL] = action_kill,         [ACTION_LEAVE] = action_leave,
		[ACTION_DELAY] = action_delay,       [ACTION_STAYED] = action_stayed,
	};
	struct service_step step = service_step(unit->run.state, event);

	if (step.action == ACTION_NONE && step.next == unit->run.state)
		return;
	unit->run.left = unit->run.state;
	unit->run.state = step.next;
	unit_times_moved(&unit->run.times, unit->run.left, step.next, clock_ms());
	if (unit->run.left != step.next && unit->manager->moved)
		unit->manager->moved(unit->manager, unit, unit->run.left);
	if (event == EVENT_STOP)
		unit->run.stop_asked = true;
	if (step.action != ACTION_NONE)
		actions[step.action](unit);
}
