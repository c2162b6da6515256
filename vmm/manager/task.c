#include "vmm/manager/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/printable.h"
#include "common/util.h"

static const char *const state_names[] = {
	[TASK_RUNNING] = "running",
	[TASK_DONE] = "done",
	[TASK_FAILED] = "failed",
	[TASK_CANCELLED] = "cancelled",
};

static const char *const event_names[] = {
	[TASK_RUNNING] = "task-started",
	[TASK_DONE] = "task-done",
	[TASK_FAILED] = "task-failed",
	[TASK_CANCELLED] = "task-cancelled",
};

const char *task_state_name(enum task_state state)
{
	return state_names[state];
}

static void task_free(struct task *task)
{
	cJSON_Delete(task->result);
	free(task->why);
	free(task);
}

static void changed(const struct tasks *tasks)
{
	if (tasks->changed)
		tasks->changed(tasks->owner);
}

static void tell(struct tasks *tasks, const struct task *task)
{
	char detail[EVENT_DETAIL_MAX];
	const char *why = task->state == TASK_FAILED && task->why ? task->why->text : "";

	if (*why) /* it names the target */
		snprintf(detail, sizeof(detail), "%s: %s", task->kind, why);
	else
		snprintf(detail, sizeof(detail), "%s %s", task->kind, task->target);
	events_add_task(tasks->events, event_names[task->state], task->id, detail);
	changed(tasks);
}

/* --- The list --- */

/* The oldest that has ended; there is one when all places are taken, since fewer may run. */
static void forget_one(struct tasks *tasks)
{
	unsigned place = 0;

	while (tasks->list[place]->state == TASK_RUNNING)
		place++;
	task_free(tasks->list[place]);
	tasks->count--;
	memmove(&tasks->list[place], &tasks->list[place + 1],
		(tasks->count - place) * sizeof(tasks->list[0]));
}

void tasks_close(struct tasks *tasks)
{
	for (unsigned i = 0; i < tasks->count; i++) {
		struct task *task = tasks->list[i];

		if (task->owner)
			task->owner->abandon(task->owner);
		task_free(task);
	}
	tasks->count = tasks->running = 0;
}

int tasks_check_room(const struct tasks *tasks, struct error *err)
{
	if (tasks->running == TASKS_RUNNING_MAX)
		return error_set(err, -EBUSY,
				 "%d tasks run already, which is the most; try again when one has ended",
				 TASKS_RUNNING_MAX);
	return 0;
}

int task_begin(struct tasks *tasks, const char *kind, const char *target, struct task_owner *owner,
	       struct task **task, struct error *err)
{
	int code = tasks_check_room(tasks, err);
	struct task *made = code < 0 ? NULL : calloc(1, sizeof(*made));

	if (code < 0)
		return code;
	if (!made)
		return error_set(err, -ENOMEM, "%s %s: out of memory", kind, target);
	if (tasks->count == TASKS_KEPT_MAX)
		forget_one(tasks);
	*made = (struct task){
		.id = ++tasks->last,
		.kind = kind,
		.percent = TASK_NO_PERCENT,
		.started = time(NULL),
		.owner = owner,
	};
	snprintf(made->target, sizeof(made->target), "%s", target);
	tasks->list[tasks->count++] = made;
	tasks->running++;
	*task = made;
	tell(tasks, made);
	return 0;
}

struct task *tasks_find(const struct tasks *tasks, uint64_t id)
{
	for (unsigned i = 0; i < tasks->count; i++) {
		if (tasks->list[i]->id == id)
			return tasks->list[i];
	}
	return NULL;
}

int task_cancel(struct tasks *tasks, struct task *task, struct error *err)
{
	if (task->state != TASK_RUNNING)
		return error_set(err, -EALREADY, "task %llu: is %s already", (unsigned long long)task->id,
				 task_state_name(task->state));
	if (task->cancelling)
		return 0;
	task->cancelling = true;
	task_progress(tasks, task, "is being cancelled", TASK_NO_PERCENT);
	task->owner->cancel(task->owner);
	return 0;
}

/* --- What its owner says --- */

void task_progress(struct tasks *tasks, struct task *task, const char *text, int percent)
{
	task->bytes = task->bytes_total = 0;
	snprintf(task->progress, sizeof(task->progress), "%s", text);
	text_make_printable(task->progress, "");
	task->percent = MAX(TASK_NO_PERCENT, MIN(percent, 100));
	changed(tasks);
}

void task_progress_bytes(struct tasks *tasks, struct task *task, const char *text, uint64_t done,
			 uint64_t total)
{
	task_progress(tasks, task, text, (int)((double)done * 100 / (double)total));
	task->bytes = MIN(done, total);
	task->bytes_total = total;
}

static void ended(struct tasks *tasks, struct task *task, enum task_state state)
{
	task->state = state;
	task->ended = time(NULL);
	task->owner = NULL;
	tasks->running--;
	tasks->ended[state]++;
	tell(tasks, task);
}

void task_done(struct tasks *tasks, struct task *task, cJSON *result)
{
	task->result = result;
	task->percent = 100;
	task->bytes = task->bytes_total;
	ended(tasks, task, TASK_DONE);
}

void task_failed(struct tasks *tasks, struct task *task, enum exit_code code, int error, const char *why)
{
	task->code = code;
	task->error = error;
	task->why = calloc(1, sizeof(*task->why));
	if (task->why) {
		error_set(task->why, 0, "%s", why);
		text_make_printable(task->why->text, "");
	}
	ended(tasks, task, TASK_FAILED);
}

void task_cancelled(struct tasks *tasks, struct task *task)
{
	ended(tasks, task, TASK_CANCELLED);
}

/* --- As JSON --- */

static void add_time(cJSON *json, const char *key, time_t time)
{
	char text[32];
	struct tm utc;

	gmtime_r(&time, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	cJSON_AddStringToObject(json, key, text);
}

static void add_progress(cJSON *json, const struct task *task)
{
	cJSON *progress;

	if (!task->progress[0])
		return;
	progress = cJSON_AddObjectToObject(json, "progress");
	cJSON_AddStringToObject(progress, "text", task->progress);
	if (task->percent != TASK_NO_PERCENT)
		cJSON_AddNumberToObject(progress, "percent", task->percent);
	if (task->bytes_total) {
		cJSON_AddNumberToObject(progress, "done", (double)task->bytes);
		cJSON_AddNumberToObject(progress, "total", (double)task->bytes_total);
	}
}

cJSON *task_to_json(const struct task *task)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "id", (double)task->id);
	cJSON_AddStringToObject(json, "kind", task->kind);
	cJSON_AddStringToObject(json, "target", task->target);
	cJSON_AddStringToObject(json, "state", task_state_name(task->state));
	add_progress(json, task);
	add_time(json, "started", task->started);
	if (task->state != TASK_RUNNING)
		add_time(json, "ended", task->ended);
	if (task->result)
		cJSON_AddItemToObject(json, "result", cJSON_Duplicate(task->result, true));
	if (task->state == TASK_FAILED) {
		cJSON_AddNumberToObject(json, "code", task->code);
		cJSON_AddStringToObject(json, "error", task->why ? task->why->text : "out of memory");
	}
	return json;
}

cJSON *tasks_to_json(const struct tasks *tasks, const enum task_state *state)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *array = cJSON_AddArrayToObject(json, "tasks");

	for (unsigned i = tasks->count; i > 0; i--) {
		if (!state || tasks->list[i - 1]->state == *state)
			cJSON_AddItemToArray(array, task_to_json(tasks->list[i - 1]));
	}
	return json;
}
