#include "vmm/cli/status_line.h"

#include <stdio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "vmm/cli/table.h"
#include "vmm/terminal/terminal.h"

#define ERASE_LINE "\r\033[K"

void status_line_say(struct status_line *line, const char *text)
{
	AUTO_FREE char *clean = NULL;
	unsigned columns, rows;

	if (!terminal_size(STDERR_FILENO, &columns, &rows))
		return;
	clean = table_printable(text);
	if (!clean)
		return;
	/* A line that wraps could not be erased; a letter cut in two is no harm here. */
	fprintf(stderr, ERASE_LINE "%.*s", (int)columns - 1, clean);
	line->shown = true;
}

void status_line_clear(struct status_line *line)
{
	if (line->shown)
		fputs(ERASE_LINE, stderr);
	line->shown = false;
}
