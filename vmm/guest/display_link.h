/*
 * What joins a guest's first display, keyboard and pointer with its viewers: the guest process' end of the
 * links to rastos-display (vmm/display/), of which there is one a viewer.
 *
 *      GPU's thread --scanout, flush, cursor--> this --messages--> viewers     (vmm/display/wire.h)
 *      input devices <--changes---------------- this <--input----- viewers
 *
 * A viewer that does not read costs nothing: what it has not been told yet is kept as what is true now, one
 * picture, one cursor, one area, not as messages. What it says is checked, and what it held down is let go
 * when it goes, or is ended.
 *
 * The GPU's operations come on its own thread, and only take note; all else, the calls of the owner included,
 * is the loop's.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "common/loop.h"
#include "devmodel/virtio/gpu.h"
#include "vmm/display/wire.h"

#define DISPLAY_VIEWERS_MAX 8

struct display_link;

struct display_link_config {
	struct loop *loop;
	bool keyboard;
	enum display_pointer pointer;
	/* One update of a viewer's. */
	void (*input)(void *owner, const struct display_change *changes, unsigned count);
	/* A viewer would like the display to be so large. */
	void (*resize)(void *owner, uint32_t width, uint32_t height);
	/* rastos-display has ended: nobody can look until there is another one. */
	void (*closed)(void *owner);
	void *owner;
};

int display_link_create(const struct display_link_config *config, struct display_link **link,
			struct error *err);
/* After the GPU has gone. NULL is allowed. */
void display_link_destroy(struct display_link *link);

/* The operations for virtio_gpu_create. */
struct virtio_gpu_display *display_link_gpu(struct display_link *link);
/* The channel to rastos-display (vmm/display/keeper.h), taken over; it takes the former one's place, whose
 * viewers are sent away. */
int display_link_open(struct display_link *link, int channel, struct error *err);
bool display_link_is_open(const struct display_link *link);
/* The keyboard's lights, a bit for each LED_*. */
void display_link_leds(struct display_link *link, uint32_t leds);
/* What is on the display: a duplicate of its memfd for the caller to close, or -ENODATA: it is dark. */
int display_link_picture(struct display_link *link, struct display_scanout *scanout);
