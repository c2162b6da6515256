/* What a long operation waits for: one line on standard error, replaced by the next and gone at the end. Only
 * on a terminal: a pipe stays quiet. */
#pragma once

#include <stdbool.h>

struct status_line { /* zero it */
	bool shown;
};

void status_line_say(struct status_line *line, const char *text);
void status_line_clear(struct status_line *line);
