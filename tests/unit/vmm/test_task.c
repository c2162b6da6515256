/* Tasks: their states, what is kept of them, what is told. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/manager/task.h"

static struct events events;
static unsigned changes, cancels, abandons;

static void changed(void *owner)
{
	(void)owner;
	changes++;
}

static struct tasks tasks = {.events = &events, .changed = changed};

static void cancel(struct task_owner *owner)
{
	(void)owner;
	cancels++;
}

static void abandon(struct task_owner *owner)
{
	(void)owner;
	abandons++;
}

static struct task_owner owner = {.cancel = cancel, .abandon = abandon};
static struct error err;

static struct task *begin(const char *target)
{
	struct task *task = NULL;

	cr_assert_eq(task_begin(&tasks, "disk-import", target, &owner, &task, &err), 0);
	return task;
}

static char *as_text(const struct task *task)
{
	cJSON *json = task_to_json(task);
	char *text;

	cJSON_DeleteItemFromObject(json, "started");
	cJSON_DeleteItemFromObject(json, "ended");
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

static void expect(const struct task *task, const char *text)
{
	char *is = as_text(task);

	cr_expect_str_eq(is, text);
	free(is);
}

Test(task, from_its_begin_to_its_end)
{
	struct task *task = begin("web");

	expect(task, "{\"id\":1,\"kind\":\"disk-import\",\"target\":\"web\",\"state\":\"running\"}");
	cr_expect_str_eq(events_get(&events, 1)->name, "task-started");
	cr_expect_eq(events_get(&events, 1)->task, 1);
	task_progress(&tasks, task, "unpacking", TASK_NO_PERCENT);
	expect(task, "{\"id\":1,\"kind\":\"disk-import\",\"target\":\"web\",\"state\":\"running\","
		     "\"progress\":{\"text\":\"unpacking\"}}");
	task_progress(&tasks, task, "making\x1b[2J", 42);
	expect(task, "{\"id\":1,\"kind\":\"disk-import\",\"target\":\"web\",\"state\":\"running\","
		     "\"progress\":{\"text\":\"making.[2J\",\"percent\":42}}");
	task_progress_bytes(&tasks, task, "copying", 1ULL << 40, 1ULL << 42);
	expect(task,
	       "{\"id\":1,\"kind\":\"disk-import\",\"target\":\"web\",\"state\":\"running\","
	       "\"progress\":{\"text\":\"copying\",\"percent\":25,\"done\":1099511627776,\"total\":4398046511104}}");
	task_progress(&tasks, task, "x", 1000);
	cr_expect_eq(task->percent, 100);
	changes = 0;
	task_done(&tasks, task, cJSON_CreateNumber(7));
	cr_expect_gt(changes, 0);
	cr_expect_eq(tasks.running, 0);
	cr_expect_str_eq(events_get(&events, 2)->name, "task-done");
	expect(task, "{\"id\":1,\"kind\":\"disk-import\",\"target\":\"web\",\"state\":\"done\","
		     "\"progress\":{\"text\":\"x\",\"percent\":100},\"result\":7}");
}

Test(task, one_that_fails_says_why)
{
	struct task *task = begin("web");

	task_failed(&tasks, task, EXIT_REFUSED, -EBUSY, "disk web: in use\n");
	expect(task, "{\"id\":1,\"kind\":\"disk-import\",\"target\":\"web\",\"state\":\"failed\",\"code\":4,"
		     "\"error\":\"disk web: in use.\"}");
	cr_expect_str_eq(events_get(&events, 2)->name, "task-failed");
	cr_expect_str_eq(events_get(&events, 2)->detail, "disk-import: disk web: in use.");
	cr_expect_eq(task->error, -EBUSY);
}

/* What may be asked of a task in each state: the cancel that is refused, or how often its owner is told. */
Test(task, cancel_in_each_state)
{
	static const struct {
		enum task_state state;
		int code;
		unsigned told;
		const char *words;
	} rows[] = {
		{TASK_RUNNING, 0, 1, ""},
		{TASK_DONE, -EALREADY, 0, "task 2: is done already"},
		{TASK_FAILED, -EALREADY, 0, "task 3: is failed already"},
		{TASK_CANCELLED, -EALREADY, 0, "task 4: is cancelled already"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct task *task = begin("web");

		if (rows[i].state == TASK_DONE)
			task_done(&tasks, task, NULL);
		else if (rows[i].state == TASK_FAILED)
			task_failed(&tasks, task, EXIT_FAILED, 0, "no");
		else if (rows[i].state == TASK_CANCELLED)
			task_cancelled(&tasks, task);
		cancels = 0;
		err.text[0] = '\0';
		cr_expect_eq(task_cancel(&tasks, task, &err), rows[i].code);
		cr_expect_eq(cancels, rows[i].told);
		cr_expect_str_eq(err.text, rows[i].words);
	}
}

Test(task, cancelling_twice_is_once)
{
	struct task *task = begin("web");

	cr_expect_eq(task_cancel(&tasks, task, &err), 0);
	cr_expect_eq(task_cancel(&tasks, task, &err), 0);
	cr_expect_eq(cancels, 1);
	cr_expect_eq(task->state, TASK_RUNNING, "until its owner says so");
	task_cancelled(&tasks, task);
	cr_expect_eq(task->state, TASK_CANCELLED);
	cr_expect_eq(tasks.running, 0);
}

Test(task, running_ones_are_bounded)
{
	struct task *task;

	for (unsigned i = 0; i < TASKS_RUNNING_MAX; i++)
		begin("web");
	cr_expect_eq(task_begin(&tasks, "disk-import", "web", &owner, &task, &err), -EBUSY);
	task_done(&tasks, tasks_find(&tasks, 5), NULL);
	cr_expect_eq(tasks_check_room(&tasks, &err), 0);
	cr_expect_eq(begin("web")->id, TASKS_RUNNING_MAX + 1);
}

Test(task, the_oldest_that_has_ended_is_forgotten)
{
	cJSON *json;

	begin("runs");
	for (unsigned i = 1; i < TASKS_KEPT_MAX + 10; i++)
		task_done(&tasks, begin("web"), NULL);
	cr_expect_eq(tasks.count, TASKS_KEPT_MAX);
	cr_expect_not_null(tasks_find(&tasks, 1), "it still runs");
	cr_expect_null(tasks_find(&tasks, 2));
	cr_expect_null(tasks_find(&tasks, 11));
	cr_expect_not_null(tasks_find(&tasks, 12));
	json = tasks_to_json(&tasks, NULL);
	cr_expect_eq(cJSON_GetArraySize(json->child), TASKS_KEPT_MAX);
	cr_expect_eq(cJSON_GetObjectItem(json->child->child, "id")->valueint, TASKS_KEPT_MAX + 10,
		     "newest first");
	cJSON_Delete(json);
	json = tasks_to_json(&tasks, &(enum task_state){TASK_RUNNING});
	cr_expect_eq(cJSON_GetArraySize(json->child), 1);
	cJSON_Delete(json);
}

Test(task, those_that_run_are_abandoned_with_the_manager)
{
	begin("a");
	task_done(&tasks, begin("b"), NULL);
	begin("c");
	tasks_close(&tasks);
	cr_expect_eq(abandons, 2);
	cr_expect_eq(cancels, 0);
}
