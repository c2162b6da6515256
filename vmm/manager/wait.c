#include "vmm/manager/wait.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/config/json_memory.h"
#include "vmm/guest/process.h"
#include "vmm/manager/exec_operation.h"
#include "vmm/manager/metrics.h"
#include "vmm/manager/request.h"
#include "vmm/manager/stats.h"
#include "vmm/plan/plan.h"

#define NS_PER_SECOND 1000000000ULL
#define SAY_NS        (NS_PER_SECOND / 20)

/* --- The list of those that wait --- */

static void list_add(struct call *call)
{
	call->next = call->operations->waiting;
	call->operations->waiting = call;
}

static void list_remove(struct call *call)
{
	struct call **place = &call->operations->waiting;

	while (*place && *place != call)
		place = &(*place)->next;
	if (*place)
		*place = call->next;
}

void call_waited(struct call *call)
{
	if (call->wait == CALL_ANSWERED)
		return;
	call->wait = CALL_ANSWERED;
	loop_timer_clear(&call->deadline);
	list_remove(call);
	exec_call_close(call);
}

/* --- What they wait for --- */

static void answer_not_ready(struct call *call, enum exit_code code, const char *what)
{
	const struct managed_guest *guest = call->guest;
	cJSON *details = cJSON_CreateObject();
	char text[640];

	snprintf(text, sizeof(text), "guest %s: %s%s%s", guest->definition->name, what,
		 guest->why[0] ? ": " : "", guest->why);
	cJSON_AddItemToObject(details, "result", boot_report_to_json(&guest->report));
	if (guest->console_tail)
		cJSON_AddStringToObject(details, "console", guest->console_tail);
	call->peer->failed(call, code, guest->why[0] && code != EXIT_TIMED_OUT ? guest->why : text, details);
}

/* Says what it waits for when that is new. A guest that talks without end (STATUS=) does not make us do so.
 */
static void say(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct call *call, const char *format, ...)
{
	uint64_t now = monotonic_ns();
	char text[sizeof(call->said)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (strcmp(text, call->said) == 0 || now - call->said_ns < SAY_NS)
		return;
	memcpy(call->said, text, sizeof(text));
	call->said_ns = now;
	call->peer->progress(call, text);
}

static void say_state(struct call *call)
{
	const struct managed_guest *guest = call->guest;
	const char *more = guest->state == LIFE_WAITING || guest->start ? guest->why : guest->status;

	say(call, "guest %s: %s%s%s", guest->definition->name, life_state_name(guest->state),
	    *more ? ": " : "", more);
}

/* Without a process it was not to be: for the same reason as when nothing had to be waited for. */
static bool look_not_started(struct call *call)
{
	const struct managed_guest *guest = call->guest;
	struct error err;

	if (guest->start_code == 0 || guest_active(guest))
		return false;
	call_waited(call);
	error_set(&err, guest->start_code, "%s", guest->why);
	answer(call, guest->start_code, &err);
	return true;
}

static bool look_ready(struct call *call)
{
	const struct managed_guest *guest = call->guest;
	bool off = guest->state == LIFE_OFF || guest->state == LIFE_FAILED;
	bool crashed = guest->state == LIFE_WAITING && !guest->holds && machine_end_is_fault(guest->end);

	if (look_not_started(call))
		return true;
	if (!off && !crashed && !guest_ready(guest)) {
		say_state(call);
		return false;
	}
	call_waited(call);
	if (guest_ready(guest))
		call->peer->done(call, boot_report_to_json(&guest->report));
	else
		answer_not_ready(call, guest->end == MACHINE_REFUSED ? EXIT_REFUSED : EXIT_FAILED,
				 "ended before it was ready");
	return true;
}

/* What its start waits for has its own limits. */
static bool look_started(struct call *call)
{
	if (look_not_started(call))
		return true;
	if (call->guest->start) {
		say_state(call);
		return false;
	}
	call_waited(call);
	call->peer->done(call, NULL);
	return true;
}

static bool look_rebooted(struct call *call)
{
	if (!guest_alive(call->guest) || call->guest->record.started_ns != call->change)
		return look_ready(call);
	say_state(call);
	return false;
}

static bool look_off(struct call *call)
{
	if (guest_active(call->guest) || call->guest->leaving) {
		say_state(call);
		return false;
	}
	call_waited(call);
	call->peer->done(call, NULL);
	return true;
}

static bool look_down(struct call *call)
{
	char names[sizeof(call->said) - 16];

	if (manager_all_off(call->operations->manager)) {
		call_waited(call);
		call->peer->done(call, NULL);
		return true;
	}
	manager_down_waits(call->operations->manager, names, sizeof(names));
	say(call, "waiting for %s", names);
	return false;
}

static bool says(const struct call *call, const struct managed_guest *guest)
{
	return guest_alive(guest) && (!call->guest || call->guest == guest);
}

static void answer_stats(struct call *call)
{
	const struct manager *manager = call->operations->manager;
	cJSON *result = cJSON_CreateArray();

	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (says(call, manager->guests[i]))
			cJSON_AddItemToArray(result, stats_of(manager->guests[i]));
	}
	call->peer->done(call, result);
}

static void answer_metrics(struct call *call)
{
	AUTO_FREE char *text = metrics_text(call->operations);

	if (text)
		call->peer->done(call, cJSON_CreateString(text));
	else
		call->peer->failed(call, EXIT_FAILED, "metrics: out of memory", NULL);
}

/* With what the guests' processes have told. */
static void answer_counted(struct call *call)
{
	enum call_wait wait = call->wait;

	call_waited(call);
	if (wait == CALL_METRICS)
		answer_metrics(call);
	else if (wait == CALL_DEVICES)
		device_call_counted(call);
	else
		answer_stats(call);
}

static bool look_stats(struct call *call)
{
	const struct manager *manager = call->operations->manager;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (says(call, manager->guests[i]) && manager->guests[i]->counters_asked)
			return false;
	}
	answer_counted(call);
	return true;
}

static bool look_events(struct call *call)
{
	const struct events *events = call->operations->manager->events;
	const struct event *event;

	if (call->last_event >= events->last)
		return false;
	event = events_get(events, call->last_event + 1);
	if (!event) { /* it is kept no longer: on with the oldest that is */
		call->last_event = events->last - EVENTS_MAX;
		event = events_get(events, call->last_event + 1);
	}
	call->last_event++;
	call->peer->item(call, event_to_json(event));
	return true;
}

static bool look_mode(struct call *call)
{
	const struct manager *manager = call->operations->manager;
	cJSON *result;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		const struct managed_guest *guest = manager->guests[i];
		bool leaves = !plan_mode_runs(manager->mode, guest->definition->role) && guest_active(guest);

		if (leaves || guest->state == LIFE_STARTING || guest->memory_due_ns) {
			say(call, "guest %s: %s", guest->definition->name,
			    guest->memory_due_ns ? guest->why : life_state_name(guest->state));
			return false;
		}
	}
	call_waited(call);
	result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "mode", mode_name(manager->mode));
	call->peer->done(call, result);
	return true;
}

static void answer_task(struct call *call, const struct task *task)
{
	switch (task->state) {
	case TASK_DONE:
		call->peer->done(call, cJSON_Duplicate(task->result, true));
		break;
	case TASK_FAILED:
		call->error = task->error;
		call->peer->failed(call, task->code, task->why ? task->why->text : "out of memory", NULL);
		break;
	default:
		call->peer->failed(call, EXIT_FAILED, "the task was cancelled", NULL);
		break;
	}
}

/* One that is kept no longer has ended, too. */
static bool look_task(struct call *call)
{
	const struct task *task = tasks_find(&call->operations->manager->tasks, call->task);

	if (task && task->state == TASK_RUNNING) {
		if (task->progress[0] && task->percent != TASK_NO_PERCENT)
			say(call, "%s: %d%%", task->progress, task->percent);
		else if (task->progress[0])
			say(call, "%s ...", task->progress);
		return false;
	}
	call_waited(call);
	if (task)
		answer_task(call, task);
	else
		call->peer->failed(call, EXIT_FAILED, "the task is kept no longer", NULL);
	return true;
}

/* False while it still waits; after true the call may be gone, but for one of events. */
static bool look(struct call *call)
{
	json_memory_missed(); /* before it is answered */
	switch (call->wait) {
	case CALL_STARTED:
		return look_started(call);
	case CALL_READY:
		return look_ready(call);
	case CALL_REBOOTED:
		return look_rebooted(call);
	case CALL_OFF:
		return look_off(call);
	case CALL_DOWN:
		return look_down(call);
	case CALL_EVENTS:
		return look_events(call);
	case CALL_STATS:
	case CALL_METRICS:
	case CALL_DEVICES:
		return look_stats(call);
	case CALL_MODE:
		return look_mode(call);
	case CALL_TASK:
		return look_task(call);
	case CALL_DEVICE_CHANGE:
		return device_call_look(call);
	case CALL_VCPUS:
		return vcpus_call_look(call);
	case CALL_EXEC: /* answers by itself */
	case CALL_ANSWERED:
		break;
	}
	return false;
}

static void operations_changed(void *owner)
{
	struct operations *operations = owner;
	struct manager *manager = operations->manager;
	struct call *call;

	/* Before anybody hears that it is done: who then starts the next manager shall not find this one. */
	if (manager->going_down && !operations->down_told && manager_all_off(manager)) {
		operations->down_told = true;
		manager_forget(manager);
		operations->down(operations->owner, operations->poweroff);
	}
	if (operations->looking) { /* an answer changed something: a task has ended */
		operations->look_again = true;
		return;
	}
	operations->looking = true;
	do {
		operations->look_again = false;
		call = operations->waiting;
		while (call) /* an answer may end any call: then from the start again */
			call = look(call) ? operations->waiting : call->next;
	} while (operations->look_again);
	operations->looking = false;
}

static void deadline_expired(struct loop_timer *timer)
{
	struct call *call = CONTAINER_OF(timer, struct call, deadline);
	enum call_wait wait = call->wait;

	if (wait == CALL_EXEC) {
		exec_call_expired(call);
		return;
	}
	if (wait == CALL_STATS || wait == CALL_METRICS || wait == CALL_DEVICES) {
		answer_counted(call);
		return;
	}
	call_waited(call);
	json_memory_missed();
	if (wait == CALL_READY || wait == CALL_REBOOTED)
		answer_not_ready(call, EXIT_TIMED_OUT, "is not ready in time");
	else if (wait == CALL_DEVICE_CHANGE)
		call->peer->failed(call, EXIT_TIMED_OUT,
				   "the guest did not do it in time; it may still do it", NULL);
	else if (wait != CALL_ANSWERED)
		call->peer->failed(call, EXIT_TIMED_OUT, "it did not happen in time", NULL);
}

void call_wait(struct call *call, enum call_wait wait, struct managed_guest *guest, uint64_t timeout_s)
{
	call->wait = wait;
	call->guest = guest;
	call->said[0] = '\0';
	call->said_ns = 0;
	list_add(call);
	if (timeout_s)
		loop_timer_set(&call->deadline, timeout_s * NS_PER_SECOND, 0);
	while (look(call)) {
		/* An endless answer says all that has happened so far; any other has ended, or said whom it
		 * waits for. */
		if (wait != CALL_EVENTS)
			return;
	}
}

void call_wait_task(struct call *call, const struct task *task)
{
	call->task = task->id;
	call_wait(call, CALL_TASK, NULL, 0);
}

/* --- Opening and closing --- */

void operations_init(struct operations *operations, struct manager *manager,
		     void (*down)(void *owner, bool poweroff), void *owner)
{
	*operations = (struct operations){.manager = manager, .down = down, .owner = owner};
	manager->changed = operations_changed;
	manager->changed_owner = operations;
}

int call_init(struct call *call, struct operations *operations, const struct call_peer *peer)
{
	*call = (struct call){.peer = peer, .operations = operations};
	return loop_timer_init(operations->manager->loop, &call->deadline, deadline_expired);
}

void call_close(struct call *call)
{
	call_waited(call);
	loop_timer_close(call->operations->manager->loop, &call->deadline);
}
