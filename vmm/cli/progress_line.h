/*
 * Progress as one line of the terminal, written over and over; nothing where standard error is none. Messages
 * must come after progress_line_end.
 */
#pragma once

#include <stdbool.h>

#include "vmm/storage/progress.h"

struct progress_line {
	struct progress progress;
	bool on;
	bool written;
};

/* Returns what to hand to the worker. */
struct progress *progress_line_begin(struct progress_line *line);
void progress_line_end(struct progress_line *line); /* wipes it */
