/*
 * Tasks: what takes long, as something that can be listed, watched and cancelled.
 *
 *      {"id":7,"kind":"disk-import","target":"web","state":"running","progress":{"text":"copying","percent":42,"done":429,"total":1024},
 *       "started":"2026-01-31T12:00:00Z"}
 *      then "ended" and, when it is done, "result" where it has one; when it failed "error", a sentence, and
 * "code", the exit code of the command (vmm/exit_code.h)
 *
 * `state` is running, done, failed or cancelled; `percent` is absent while nobody knows, `done` and `total`
 * (bytes) where nobody counts. A task is somebody's work (struct task_owner): a process (task_process.h) or a
 * call that waits (task_call.h). It is told to end by task_cancel, and says itself when it has; one that was
 * cancelled leaves nothing.
 *
 * Tasks live in memory: they end with the manager, and the next one does not know them. TASKS_RUNNING_MAX run
 * at once, TASKS_KEPT_MAX are kept: then the oldest that has ended is forgotten. Each begin and end is an
 * event (events.h). Loop thread only.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>
#include <time.h>

#include "common/error.h"
#include "vmm/exit_code.h"
#include "vmm/manager/events.h"

#define TASKS_RUNNING_MAX 64
#define TASKS_KEPT_MAX    256
#define TASK_TEXT_MAX     128
#define TASK_NO_PERCENT   (-1)

enum task_state {
	TASK_RUNNING,
	TASK_DONE,
	TASK_FAILED,
	TASK_CANCELLED,
	TASK_STATES,
};

struct task;

/* Whose work it is; embedded in what works. */
struct task_owner {
	/* To end soon, and to say so by task_cancelled; may do so at once. Called at most once. */
	void (*cancel)(struct task_owner *owner);
	/* The manager ends: the work ends now, and what works is freed. */
	void (*abandon)(struct task_owner *owner);
};

struct task {
	uint64_t id; /* from 1 on */
	enum task_state state;
	const char *kind;                     /* static: the operation's name */
	char target[DEFINITION_NAME_MAX + 1]; /* what it works on */
	char progress[TASK_TEXT_MAX];         /* "": nothing was said yet */
	int percent;
	uint64_t bytes, bytes_total; /* of its progress; total 0: nobody counts them */
	time_t started, ended;
	cJSON *result; /* may be NULL */
	enum exit_code code;
	int error;         /* the negative errno, or 0; struct call has the same */
	struct error *why; /* of one that failed */
	bool cancelling;
	struct task_owner *owner; /* NULL: it has ended */
};

struct tasks {
	struct events *events;
	/* Called after any change. */
	void (*changed)(void *owner);
	void *owner;
	uint64_t last;
	unsigned count, running;
	uint64_t ended[TASK_STATES];       /* how many so far, by how */
	struct task *list[TASKS_KEPT_MAX]; /* oldest first */
};

/* For struct tasks that is all zero but for its first three. */
void tasks_close(struct tasks *tasks);

/* -EBUSY: too many run. */
int tasks_check_room(const struct tasks *tasks, struct error *err);
/* kind stays the caller's. -EBUSY as above. */
int task_begin(struct tasks *tasks, const char *kind, const char *target, struct task_owner *owner,
	       struct task **task, struct error *err);
/* NULL: there is none, or it is kept no longer. */
struct task *tasks_find(const struct tasks *tasks, uint64_t id);
/* -EALREADY: it has ended. Cancelling twice is as once. */
int task_cancel(struct tasks *tasks, struct task *task, struct error *err);

/* --- For owners --- */

/* percent: TASK_NO_PERCENT, or 0 to 100. */
void task_progress(struct tasks *tasks, struct task *task, const char *text, int percent);
/* The same, of bytes; total: not 0. */
void task_progress_bytes(struct tasks *tasks, struct task *task, const char *text, uint64_t done,
			 uint64_t total);
/* The ends; the owner is asked nothing any more. result (may be NULL) is taken over. */
void task_done(struct tasks *tasks, struct task *task, cJSON *result);
void task_failed(struct tasks *tasks, struct task *task, enum exit_code code, int error, const char *why);
void task_cancelled(struct tasks *tasks, struct task *task);

const char *task_state_name(enum task_state state);
/* NULL when out of memory. */
cJSON *task_to_json(const struct task *task);
/* Newest first; state NULL: all, else the ones in it. */
cJSON *tasks_to_json(const struct tasks *tasks, const enum task_state *state);
