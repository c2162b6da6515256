/* The progress of long work as a status line (status_line.h). */
#pragma once

#include "vmm/cli/status_line.h"
#include "vmm/storage/progress.h"

struct progress_line {
	struct progress progress;
	struct status_line line;
	const char *step; /* what is shown */
	int percent;
};

/* Returns what to hand to the worker. */
struct progress *progress_line_begin(struct progress_line *line);
void progress_line_end(struct progress_line *line); /* clears it; messages come afterwards */
