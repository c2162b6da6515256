/* Operations on tasks (task.h). */
#include <errno.h>

#include "common/util.h"
#include "vmm/manager/request.h"

static void op_task_list(struct call *call, const struct request *request)
{
	static const char *const words[] = {"running", "done", "failed", "cancelled", NULL};
	unsigned word = ARRAY_SIZE(words);
	enum task_state state;
	int code = json_word(&request->place, "state", words, &word);

	if (code < 0) {
		refuse(call, code, EXIT_USAGE, request->place.err);
		return;
	}
	state = (enum task_state)word;
	call->peer->done(call, tasks_to_json(&call->operations->manager->tasks,
					     word < ARRAY_SIZE(words) ? &state : NULL));
}

/* The member "task"; NULL when the call was refused. */
static struct task *find_task(struct call *call, const struct request *request)
{
	struct error *err = request->place.err;
	struct task *task = NULL;
	uint64_t id = 0;
	int code = json_uint(&request->place, "task", 1, 1ULL << 53, &id);

	if (code == 0 && !id)
		code = json_error(&request->place, "task", "is missing: which task?");
	if (code < 0) {
		refuse(call, code, EXIT_USAGE, err);
		return NULL;
	}
	task = tasks_find(&call->operations->manager->tasks, id);
	if (!task)
		refuse(call,
		       error_set(err, -ENOENT, "task %llu: there is none, or it ended long ago",
				 (unsigned long long)id),
		       EXIT_REFUSED, err);
	return task;
}

static void op_task_info(struct call *call, const struct request *request)
{
	const struct task *task = find_task(call, request);

	if (task)
		call->peer->done(call, task_to_json(task));
}

static void op_task_cancel(struct call *call, const struct request *request)
{
	struct task *task = find_task(call, request);
	int code;

	if (!task)
		return;
	code = task_cancel(&call->operations->manager->tasks, task, request->place.err);
	answer_with(call, code, request->place.err, code < 0 ? NULL : task_to_json(task));
}

const struct operation task_operations[] = {
	{"task-list", .members = {"state"}, .run = op_task_list},
	{"task-info", .members = {"task"}, .run = op_task_info},
	{"task-cancel", .members = {"task"}, .run = op_task_cancel},
	{0},
};
