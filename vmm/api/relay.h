/*
 * Carries bytes between two sockets, both ways, until both ways have ended or one of the sockets is broken.
 * What one side sends waits in a bounded buffer for the other to take it; an end is passed on as an end
 * (SHUT_WR). In the loop's thread.
 */
#pragma once

#include <stddef.h>

#include "common/error.h"
#include "common/loop.h"

#define RELAY_BUFFER 16384

struct relay;

/* over: called once, when nothing more will be carried, never from within relay_open; the relay is then to be
 * closed. The sockets stay the caller's, and are not blocking. first: bytes that come before all others from
 * a to b, at most RELAY_BUFFER. NULL: no memory, or no descriptor. */
struct relay *relay_open(struct loop *loop, int a, int b, const char *first, size_t first_len,
			 void (*over)(void *owner), void *owner);
void relay_close(struct relay *relay); /* NULL is allowed */
