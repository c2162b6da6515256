#include "vmm/manager/task_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/manager/task_command.h"
#include "vmm/storage/draft.h"

struct task_process {
	struct task_owner owner;
	struct task_processes *all;
	struct task *task;          /* NULL: a sweep of nobody's */
	struct loop_source process; /* pidfd */
	struct loop_source output;
	bool cleaning; /* it has ended, and what it left is being removed */
	bool plain;    /* task_process_begin_plain */
	/* What it said last. */
	bool reported;
	cJSON *result;
	enum exit_code code;
	int error;
	struct error why; /* "": it was done */
	size_t used;
	char line[TASK_PROCESS_LINE];
};

struct task_processes {
	const struct settings *settings;
	struct loop *loop;
	struct tasks *tasks;
	struct task_process *list[TASK_PROCESSES_MAX];
};

/* --- What it says --- */

static int json_int(const cJSON *json, const char *key, int otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsNumber(item) ? item->valueint : otherwise;
}

static uint64_t json_bytes(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

static void take_progress(struct task_process *process, const char *text, const cJSON *json)
{
	uint64_t total = json_bytes(json, "total");

	if (total)
		task_progress_bytes(process->all->tasks, process->task, text, json_bytes(json, "done"),
				    total);
	else
		task_progress(process->all->tasks, process->task, text,
			      json_int(json, "percent", TASK_NO_PERCENT));
}

static void take_plain_line(struct task_process *process, const char *text, size_t len)
{
	static const char name[] = "rastos-vmm: ";
	size_t skipped = len > strlen(name) && memcmp(text, name, strlen(name)) == 0 ? strlen(name) : 0;

	if (process->result || process->cleaning)
		return;
	if (*text == '{')
		process->result = cJSON_ParseWithLength(text, len);
	else if (!process->why.text[0])
		error_set(&process->why, 0, "%.*s", (int)(len - skipped), text + skipped);
}

static void take_line(struct task_process *process, const char *text, size_t len)
{
	cJSON *json = cJSON_ParseWithLength(text, len);
	const char *progress = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "progress"));
	const char *why = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error"));
	cJSON *result = cJSON_DetachItemFromObjectCaseSensitive(json, "result");

	if (process->cleaning || process->reported) {
		cJSON_Delete(result);
	} else if (progress) {
		cJSON_Delete(result);
		if (process->task && !process->task->cancelling)
			take_progress(process, progress, json);
	} else if (why) {
		cJSON_Delete(result);
		process->reported = true;
		process->code = (enum exit_code)json_int(json, "code", EXIT_FAILED);
		process->error = -json_int(json, "errno", 0);
		error_set(&process->why, 0, "%s", why);
	} else if (result) {
		process->reported = true;
		process->result = cJSON_IsNull(result) ? NULL : result;
		if (!process->result)
			cJSON_Delete(result);
	}
	cJSON_Delete(json);
}

/* A line that is longer than the buffer says nothing. */
static void take_lines(struct task_process *process)
{
	char *end;

	while ((end = memchr(process->line, '\n', process->used))) {
		size_t len = (size_t)(end - process->line);

		if (process->plain)
			take_plain_line(process, process->line, len);
		else
			take_line(process, process->line, len);
		process->used -= len + 1;
		memmove(process->line, end + 1, process->used);
	}
	if (process->used == sizeof(process->line))
		process->used = 0;
}

/* False when there is no more to come. */
static bool read_output(struct task_process *process)
{
	ssize_t got = read(process->output.fd, process->line + process->used,
			   sizeof(process->line) - process->used);

	if (got < 0)
		return errno == EINTR;
	process->used += (size_t)got;
	take_lines(process);
	return got > 0;
}

static void output_ready(struct loop_source *source, uint32_t events)
{
	struct task_process *process = CONTAINER_OF(source, struct task_process, output);

	if (!read_output(process) && events & EPOLLHUP)
		loop_remove(process->all->loop, source); /* its end is its process's */
}

/* --- Its start --- */

static void process_ready(struct loop_source *source, uint32_t events);

static int watch(struct task_process *process, int output)
{
	struct loop *loop = process->all->loop;
	int code;

	process->output = (struct loop_source){.fd = output, .events = EPOLLIN, .ready = output_ready};
	process->process.events = EPOLLIN;
	process->process.ready = process_ready;
	code = loop_add(loop, &process->process);
	if (code == 0 && (code = loop_add(loop, &process->output)) < 0)
		loop_remove(loop, &process->process);
	return code;
}

static int spawn(struct task_process *process, const char *const *arguments, int input)
{
	AUTO_CLOSE int output = -1;
	AUTO_CLOSE int pidfd = -1;
	pid_t pid =
		task_command_start(process->all->settings, arguments, input, process->plain, &pidfd, &output);
	int code;

	if (pid < 0)
		return pid;
	process->process.fd = pidfd;
	code = watch(process, output);
	if (code < 0) {
		task_command_end(pid);
		process->process.fd = -1;
		return code;
	}
	TAKE_FD(pidfd);
	TAKE_FD(output);
	process->used = 0;
	return 0;
}

/* --- Its end --- */

static void unwatch(struct task_process *process)
{
	struct loop *loop = process->all->loop;

	if (process->process.fd < 0)
		return;
	loop_remove(loop, &process->process);
	loop_remove(loop, &process->output);
	close(TAKE_FD(process->process.fd));
	close(TAKE_FD(process->output.fd));
}

static void process_kill(const struct task_process *process)
{
	if (process->process.fd >= 0)
		syscall(SYS_pidfd_send_signal, process->process.fd, SIGKILL, NULL, 0);
}

static void process_free(struct task_process *process)
{
	struct task_processes *all = process->all;

	unwatch(process);
	for (unsigned i = 0; i < TASK_PROCESSES_MAX; i++) {
		if (all->list[i] == process)
			all->list[i] = NULL;
	}
	cJSON_Delete(process->result);
	free(process);
}

/* The task has ended: says how. */
static void finish(struct task_process *process)
{
	struct tasks *tasks = process->all->tasks;
	struct task *task = process->task;
	cJSON *result = TAKE_PTR(process->result);
	struct error why = process->why;
	bool reported = process->reported;
	enum exit_code code = process->code;
	int error = process->error;

	process_free(process);
	if (!task)
		cJSON_Delete(result);
	else if (why.text[0])
		task_failed(tasks, task, code, error, why.text);
	else if (task->cancelling && !reported)
		task_cancelled(tasks, task);
	else
		task_done(tasks, task, result);
}

/* It did not end by itself: what it was making is removed before anybody hears of its end. */
static void clean_up(struct task_process *process)
{
	static const char *const arguments[] = {"disk", "prune", "--json-lines", NULL};
	int code;

	process->cleaning = true;
	code = spawn(process, arguments, -1);
	if (code < 0) {
		log_warning("what task %llu left is removed when the pool is used next: %s",
			    (unsigned long long)process->task->id, strerror(-code));
		finish(process);
	}
}

/* What the exit status of a plain command says; of a signal as of others. */
static void note_plain_end(struct task_process *process, const siginfo_t *info)
{
	if (info->si_code != CLD_EXITED || (info->si_status != EXIT_DONE && !process->why.text[0]))
		return;
	process->reported = true;
	process->code = (enum exit_code)info->si_status;
	if (info->si_status == EXIT_DONE)
		process->why.text[0] = '\0';
	else if (info->si_status == EXIT_USAGE)
		process->error = -EINVAL;
	else /* a file is not there, or none: the request is right, and what is here forbids it */
		process->code = EXIT_REFUSED;
}

static void note_end(struct task_process *process, const siginfo_t *info)
{
	if (process->plain)
		note_plain_end(process, info);

	if (process->reported || process->task->cancelling)
		return;
	process->code = EXIT_FAILED;
	if (info->si_code == CLD_EXITED)
		error_set(&process->why, 0, "%s %s: its process ended without a word", process->task->kind,
			  process->task->target);
	else
		error_set(&process->why, 0, "%s %s: its process was ended by signal %d (%s)",
			  process->task->kind, process->task->target, info->si_status,
			  strsignal(info->si_status));
}

static void process_ready(struct loop_source *source, uint32_t events)
{
	struct task_process *process = CONTAINER_OF(source, struct task_process, process);
	siginfo_t info = {0};

	(void)events;
	if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
		return;
	while (read_output(process))
		;
	unwatch(process);
	if (process->cleaning || !process->task) {
		finish(process);
		return;
	}
	note_end(process, &info);
	if (process->reported)
		finish(process);
	else
		clean_up(process);
}

static struct task_process *process_of(struct task_owner *owner)
{
	return CONTAINER_OF(owner, struct task_process, owner);
}

static void owner_cancel(struct task_owner *owner)
{
	if (!process_of(owner)->cleaning)
		process_kill(process_of(owner));
}

static void owner_abandon(struct task_owner *owner)
{
	process_kill(process_of(owner));
	process_free(process_of(owner));
}

/* --- All of them --- */

static struct task_process *process_new(struct task_processes *processes)
{
	struct task_process *process = NULL;
	unsigned place = 0;

	while (place < TASK_PROCESSES_MAX && processes->list[place])
		place++;
	if (place < TASK_PROCESSES_MAX)
		process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->owner = (struct task_owner){.cancel = owner_cancel, .abandon = owner_abandon};
	process->all = processes;
	process->process.fd = process->output.fd = -1;
	processes->list[place] = process;
	return process;
}

/* input: -1: none. */
static int begin(struct task_processes *processes, const char *kind, const char *target,
		 const char *const *arguments, int input, bool plain, struct task **task, struct error *err)
{
	struct task_process *process;
	int code = tasks_check_room(processes->tasks, err);

	if (code < 0)
		return code;
	process = process_new(processes);
	if (!process)
		return error_set(
			err, -EBUSY,
			"%s %s: %d tasks work on disks and images already, which is the most; try again when "
			"one has ended",
			kind, target, TASK_PROCESSES_MAX);
	process->plain = plain;
	code = spawn(process, arguments, input);
	if (code < 0) {
		process_free(process);
		return error_set(err, code, "%s %s: cannot start its process: %s", kind, target,
				 strerror(-code));
	}
	code = task_begin(processes->tasks, kind, target, &process->owner, &process->task, err);
	if (code < 0) {
		owner_abandon(&process->owner);
		return code;
	}
	*task = process->task;
	return 0;
}

int task_process_begin(struct task_processes *processes, const char *kind, const char *target,
		       const char *const *arguments, struct task **task, struct error *err)
{
	return begin(processes, kind, target, arguments, -1, false, task, err);
}

int task_process_begin_with(struct task_processes *processes, const char *kind, const char *target,
			    const char *const *arguments, int input, struct task **task, struct error *err)
{
	return begin(processes, kind, target, arguments, input, false, task, err);
}

int task_process_begin_plain(struct task_processes *processes, const char *kind, const char *target,
			     const char *const *arguments, struct task **task, struct error *err)
{
	return begin(processes, kind, target, arguments, -1, true, task, err);
}

void task_processes_sweep(struct task_processes *processes)
{
	static const char *const arguments[] = {"disk", "prune", "--json-lines", NULL};
	struct task_process *process;
	struct error err;
	struct pool pool;
	bool any;
	int code;

	if (pool_open(processes->settings, false, &pool, &err) < 0) {
		log_warning("%s", err.text);
		return;
	}
	any = drafts_any(&pool);
	pool_close(&pool);
	process = any ? process_new(processes) : NULL;
	if (!process)
		return;
	code = spawn(process, arguments, -1);
	if (code < 0)
		process_free(process);
}

int task_processes_open(const struct settings *settings, struct loop *loop, struct tasks *tasks,
			struct task_processes **processes, struct error *err)
{
	*processes = calloc(1, sizeof(**processes));
	if (!*processes)
		return error_set(err, -ENOMEM, "cannot keep tasks: out of memory");
	**processes = (struct task_processes){.settings = settings, .loop = loop, .tasks = tasks};
	return 0;
}

void task_processes_close(struct task_processes *processes)
{
	for (unsigned i = 0; processes && i < TASK_PROCESSES_MAX; i++) {
		if (processes->list[i])
			owner_abandon(&processes->list[i]->owner);
	}
	free(processes);
}
