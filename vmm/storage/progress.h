/*
 * How far long work has come, told to whoever waits: a terminal's line, a message of the control protocol.
 *
 * report is called on the thread that works, several times a second at most, with the step in a few words and
 * the share that is done. A NULL progress is nobody who listens.
 */
#pragma once

#include <stdint.h>

#define PROGRESS_UNKNOWN (-1)

struct progress {
	void (*report)(struct progress *progress, const char *step, int percent);
	uint64_t done, total; /* the same in bytes, while report is called; total 0: nobody counts them */
};

static inline void progress_report(struct progress *progress, const char *step, int percent)
{
	if (progress)
		progress->report(progress, step, percent);
}

/* total: not 0. */
static inline void progress_report_bytes(struct progress *progress, const char *step, uint64_t done,
					 uint64_t total)
{
	if (!progress)
		return;
	progress->done = done;
	progress->total = total;
	progress->report(progress, step, (int)((double)done * 100 / (double)total));
	progress->done = progress->total = 0;
}
