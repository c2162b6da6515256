/* A guest's bytes on somebody's terminal: control characters become visible, so that no guest steers it. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

struct visible {
	bool raw; /* nothing is changed */
	/* A letter whose bytes have not all come: */
	mbstate_t state;
	unsigned count;
	char bytes[8];
};

/* Whether a letter may be on a terminal: printable, and not one of those that turn the direction of writing.
 */
bool letter_is_harmless(wchar_t letter);

/* terminal: what is written goes to one; else it stays as it is. */
void visible_start(struct visible *visible, bool terminal);
/* Letters, '\n', '\r' and '\t' as they are, others as cat -v shows them: ^X; what is no letter: ?. */
void visible_write(struct visible *visible, const char *text, FILE *file);
