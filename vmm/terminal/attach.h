/* Joins the user's terminal to a stream: a guest's console, a machine's serial line. */
#pragma once

enum attach_end {
	ATTACH_ESCAPED, /* the user typed Ctrl-] */
	ATTACH_CLOSED,  /* the other end hung up */
	ATTACH_FAILED,  /* errno says why */
};

/* Copies both ways until one of the ends above, the terminal in raw mode meanwhile. The end of standard input
 * alone does not end it: what comes from the stream is still shown. fd stays the caller's. */
enum attach_end attach_terminal(int fd);
