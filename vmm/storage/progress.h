/*
 * How far long work has come, told to whoever waits: a terminal's line, a message of the control protocol.
 *
 * report is called on the thread that works, several times a second at most, with the step in a few words and
 * the share that is done. A NULL progress is nobody who listens.
 */
#pragma once

#define PROGRESS_UNKNOWN (-1)

struct progress {
	void (*report)(struct progress *progress, const char *step, int percent);
};

static inline void progress_report(struct progress *progress, const char *step, int percent)
{
	if (progress)
		progress->report(progress, step, percent);
}
