/*
 * Carries bytes between two sockets, both ways, until both ways have ended or one of the sockets is broken.
 * What one side sends waits in a bounded buffer for the other to take it; an end is passed on as an end
 * (SHUT_WR). When a side is gone, the other has RELAY_LINGER_S to take the next piece of what that one still
 * had to say. In the loop's thread.
 */
#pragma once

#include <stddef.h>

#include "common/error.h"
#include "common/loop.h"

#define RELAY_BUFFER   16384
#define RELAY_LINGER_S 10

struct relay;

/* over: called once, when nothing more will be carried, never from within relay_open; the relay is then to be
 * closed. The sockets stay the caller's, and are not blocking. first: bytes that come before all others from
 * a to b, at most RELAY_BUFFER. NULL: no memory, or no descriptor. */
struct relay *relay_open(struct loop *loop, int a, int b, const char *first, size_t first_len,
			 void (*over)(void *owner), void *owner);
/* The end of what a sends is not passed on: b waits for more that never comes. Right after relay_open. */
void relay_keep_end(struct relay *relay);
void relay_close(struct relay *relay); /* NULL is allowed */
