/*
 * A task that is a command of this program, in a process of its own: what works on disks may take minutes,
 * and the manager waits for nothing.
 *
 * The process (task_command.h) is told to print lines of JSON for us (docs/man/rastos-vmm.1, disk
 * --json-lines):
 *
 *      {"progress":"unpacking","percent":42}    then one of
 *      {"result":{...}}   {"error":"disk web: ...","code":4}
 *
 * Whatever it may have left half made when it did not end by itself is removed by another one (disk prune)
 * before the task has ended. Loop thread only.
 */
#pragma once

#include "common/loop.h"
#include "vmm/config/settings.h"
#include "vmm/manager/task.h"
#include "vmm/manager/task_command.h"

#define TASK_PROCESSES_MAX 8
#define TASK_PROCESS_LINE  65536 /* bytes of a line, at most */

struct task_processes; /* of one manager */

/* settings, loop and tasks outlive it. */
int task_processes_open(const struct settings *settings, struct loop *loop, struct tasks *tasks,
			struct task_processes **processes, struct error *err);
/* tasks_close comes first. NULL is allowed. */
void task_processes_close(struct task_processes *processes);

/* Begins it; arguments (copied) are the command's and end with NULL: "disk", "clone", ... -EBUSY: too many
 * run. */
int task_process_begin(struct task_processes *processes, const char *kind, const char *target,
		       const char *const *arguments, struct task **task, struct error *err);
/* The same of one that reads input, which stays the caller's. */
int task_process_begin_with(struct task_processes *processes, const char *kind, const char *target,
			    const char *const *arguments, int input, struct task **task, struct error *err);
/* The same of a command that prints its result as a line of JSON, and why there is none as a sentence on
 * standard error. */
int task_process_begin_plain(struct task_processes *processes, const char *kind, const char *target,
			     const char *const *arguments, struct task **task, struct error *err);
/* Removes what processes of a former manager left half made; nobody waits for it. */
void task_processes_sweep(struct task_processes *processes);
