/*
 * What a process costs the host, from proc(5): /proc/PID/stat, fields 14 and 15 (CPU time in clock ticks),
 * and /proc/PID/status. A guest's RAM is a memfd: shared memory, and what is not is the process's own. Any
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_usage {
	uint64_t cpu_ns;
	uint64_t resident_bytes; /* its memory that is there, a guest's RAM included */
	uint64_t shared_bytes;   /* of it, memory that processes share: a guest's RAM, most of it */
	uint64_t own_bytes;      /* the rest */
};

/* False when there is no such process, or it is ending. */
bool process_usage_read(pid_t pid, struct process_usage *usage);
