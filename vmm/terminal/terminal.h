/* The user's terminal in raw mode, and back. */
#pragma once

#include <stdbool.h>
#include <termios.h>

struct terminal_state { /* zero it */
	bool raw;
	int fd;
	struct termios before;
};

/* Every key goes through as it is (termios(3), cfmakeraw), output is still processed; nothing happens when fd
 * is not a terminal. */
void terminal_raw(struct terminal_state *state, int fd);
/* Keys come one by one and are not shown; signals and output stay as they are. */
void terminal_keys(struct terminal_state *state, int fd);
/* The same, and output goes through as it is too: for one whose other end is a terminal itself. */
void terminal_raw_both(struct terminal_state *state, int fd);
void terminal_restore(struct terminal_state *state);
/* Columns and rows of the terminal; false when fd is none. */
bool terminal_size(int fd, unsigned *columns, unsigned *rows);
