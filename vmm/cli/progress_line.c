#include "vmm/cli/progress_line.h"

#include <stdio.h>
#include <unistd.h>

#include "common/util.h"

#define WIPE "\r\033[K"

static void report(struct progress *progress, const char *step, int percent)
{
	struct progress_line *line = CONTAINER_OF(progress, struct progress_line, progress);

	if (!line->on)
		return;
	line->written = true;
	if (percent == PROGRESS_UNKNOWN)
		fprintf(stderr, WIPE "%s ...", step);
	else
		fprintf(stderr, WIPE "%s: %d%%", step, percent);
	fflush(stderr);
}

struct progress *progress_line_begin(struct progress_line *line)
{
	*line = (struct progress_line){.progress = {.report = report}, .on = isatty(STDERR_FILENO)};
	return &line->progress;
}

void progress_line_end(struct progress_line *line)
{
	if (line->written)
		fputs(WIPE, stderr);
	line->written = false;
}
