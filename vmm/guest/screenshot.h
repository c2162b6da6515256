/*
 * A picture of a guest's display for somebody's socket, as PPM (netpbm's "P6", 8 bits a colour), line by line
 * as that one takes them. A picture that changes meanwhile may be of two moments. One that is not taken
 * within SCREENSHOT_S is given up.
 *
 * Loop thread only.
 */
#pragma once

#include "common/error.h"
#include "common/loop.h"
#include "vmm/display/wire.h"

#define SCREENSHOT_S 20

struct screenshot;

/* memfd and client are taken over, in every case; done is called once, never from within this, when it has
 * ended: the screenshot is then to be freed. NULL: no memory. */
struct screenshot *screenshot_begin(struct loop *loop, const struct display_scanout *scanout, int memfd,
				    int client, void (*done)(void *owner), void *owner);
void screenshot_free(struct screenshot *screenshot); /* NULL is allowed */
