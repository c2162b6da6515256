/*
 * A process that may have ended, and whose number may be somebody else's by now: its number together with
 * when it was started (proc(5), /proc/PID/stat, field 22), which no two processes with the same number share.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct process_id {
	pid_t pid;           /* 0: none */
	uint64_t start_time; /* clock ticks since boot */
};

/* The process with this number now; -ESRCH when there is none. */
int process_id_of(pid_t pid, struct process_id *id);
/* A pidfd of it, close-on-exec; -ESRCH when it has ended, whoever has its number now. */
int process_id_open(const struct process_id *id);
