#include "vmm/manager/task_call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"

struct task_call {
	struct task_owner owner;
	struct call call;
	struct call *asker; /* until it is answered */
	struct task *task;  /* NULL: not begun yet */
};

static struct task_call *task_call_of(struct call *call)
{
	return CONTAINER_OF(call, struct task_call, call);
}

static void task_call_free(struct task_call *self)
{
	call_close(&self->call);
	free(self);
}

/* --- The answer of the call that waits --- */

static void call_done(struct call *call, cJSON *result)
{
	struct task_call *self = task_call_of(call);
	struct tasks *tasks = &call->operations->manager->tasks;

	if (self->asker) {
		struct call *asker = TAKE_PTR(self->asker);

		asker->peer->done(asker, result);
		return; /* whoever began it frees it */
	}
	task_done(tasks, self->task, result);
	task_call_free(self);
}

static void call_failed(struct call *call, enum exit_code code, const char *text, cJSON *details)
{
	struct task_call *self = task_call_of(call);
	struct tasks *tasks = &call->operations->manager->tasks;

	if (self->asker) {
		struct call *asker = TAKE_PTR(self->asker);

		asker->error = call->error;
		asker->peer->failed(asker, code, text, details);
		return;
	}
	cJSON_Delete(details);
	task_failed(tasks, self->task, code, call->error, text);
	task_call_free(self);
}

/* The first comes before the task has begun, with what the next ones repeat. */
static void call_progress(struct call *call, const char *text)
{
	struct task_call *self = task_call_of(call);

	if (self->task)
		task_progress(&call->operations->manager->tasks, self->task, text, TASK_NO_PERCENT);
}

static void call_item(struct call *call, cJSON *json)
{
	(void)call;
	cJSON_Delete(json);
}

static int call_stream(struct call *call)
{
	(void)call;
	return -1;
}

/* It has no stream that anybody could be handed. */
static void call_handed_over(struct call *call)
{
	(void)call;
}

static const struct call_peer task_peer = {
	.done = call_done,
	.failed = call_failed,
	.progress = call_progress,
	.item = call_item,
	.stream = call_stream,
	.handed_over = call_handed_over,
};

/* --- The task --- */

static struct task_call *owner_call(struct task_owner *owner)
{
	return CONTAINER_OF(owner, struct task_call, owner);
}

static void owner_cancel(struct task_owner *owner)
{
	struct task_call *self = owner_call(owner);
	struct tasks *tasks = &self->call.operations->manager->tasks;
	struct task *task = self->task;

	task_call_free(self);
	task_cancelled(tasks, task);
}

static void owner_abandon(struct task_owner *owner)
{
	task_call_free(owner_call(owner));
}

/* --- Its begin --- */

static int begin_task(struct task_call *self, const struct operation *operation,
		      const struct request *request)
{
	struct tasks *tasks = &self->call.operations->manager->tasks;
	const char *target = request->guest ? request->guest->definition->name : "";
	int code = task_begin(tasks, operation->name, target, &self->owner, &self->task, request->place.err);

	if (code == 0 && self->call.said[0])
		task_progress(tasks, self->task, self->call.said, TASK_NO_PERCENT);
	return code;
}

static struct task_call *task_call_new(struct call *asker)
{
	struct task_call *self = calloc(1, sizeof(*self));

	if (!self || call_init(&self->call, asker->operations, &task_peer) < 0) {
		free(self);
		return NULL;
	}
	self->owner = (struct task_owner){.cancel = owner_cancel, .abandon = owner_abandon};
	self->asker = asker;
	return self;
}

void task_call_begin(struct call *call, const struct operation *operation, const struct request *request)
{
	struct error *err = request->place.err;
	struct request inner = *request;
	int code = tasks_check_room(&call->operations->manager->tasks, err);
	struct task_call *self = code < 0 ? NULL : task_call_new(call);

	if (code == 0 && !self)
		code = error_set(err, -ENOMEM, "%s: out of memory", operation->name);
	if (code < 0) {
		answer(call, code, err);
		return;
	}
	inner.task = false;
	inner.wait = true;
	operation->run(&self->call, &inner);
	if (self->asker && (code = begin_task(self, operation, request)) == 0) {
		self->asker = NULL;
		call->peer->done(call, task_to_json(self->task));
		return;
	}
	if (self->asker)
		answer(call, code, err);
	task_call_free(self);
}
