#include "vmm/cli/progress_line.h"

#include <stdio.h>

#include "common/util.h"

#define TEXT_MAX 80

static void report(struct progress *progress, const char *step, int percent)
{
	struct progress_line *line = CONTAINER_OF(progress, struct progress_line, progress);
	char text[TEXT_MAX];

	if (line->step == step && line->percent == percent)
		return;
	line->step = step;
	line->percent = percent;
	if (percent == PROGRESS_UNKNOWN)
		snprintf(text, sizeof(text), "%s ...", step);
	else
		snprintf(text, sizeof(text), "%s: %d%%", step, percent);
	status_line_say(&line->line, text);
}

struct progress *progress_line_begin(struct progress_line *line)
{
	*line = (struct progress_line){.progress = {.report = report}};
	return &line->progress;
}

void progress_line_end(struct progress_line *line)
{
	status_line_clear(&line->line);
}
