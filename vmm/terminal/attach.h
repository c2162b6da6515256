/* Joins the user's terminal to a stream: a guest's console, a machine's serial line. */
#pragma once

#include "vmm/terminal/detach_keys.h"

/* Who is told of the terminal's size: at first, and whenever it changes. */
struct attach_size {
	void (*changed)(void *owner, unsigned columns, unsigned rows);
	void *owner;
};

enum attach_end {
	ATTACH_ESCAPED, /* the user typed the keys that leave */
	ATTACH_CLOSED,  /* the other end hung up */
	ATTACH_FAILED,  /* errno says why */
};

/* Copies both ways until one of the ends above, the terminal in raw mode meanwhile; a signal that ends the
 * process finds it as it was before. The end of standard input alone does not end it: what comes from the
 * stream is still shown. fd stays the caller's. size: NULL, nobody wants to know. */
enum attach_end attach_terminal(int fd, const struct detach_keys *keys, const struct attach_size *size);
