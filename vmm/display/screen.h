/*
 * What a viewer sees of a guest's screen: the guest's picture, mapped, and a copy of it in one format, which
 * is what a protocol's server reads. Neither side of the link is trusted: a picture is mapped read-only, and
 * only when its memfd can neither shrink nor grow; what is in it may change while it is copied.
 *
 * A pixel of the copy is 4 bytes, red, green, blue and 0; lines follow each other. One thread.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "vmm/display/wire.h"

#define SCREEN_DARK_WIDTH  1280 /* of a screen that was never lit */
#define SCREEN_DARK_HEIGHT 800

struct screen {
	uint32_t width, height;
	uint8_t *pixels;
	/* The guest's picture; NULL: the screen is dark. */
	const uint8_t *picture;
	struct display_scanout scanout;
};

/* A dark one. -ENOMEM. */
int screen_init(struct screen *screen, uint32_t width, uint32_t height);
void screen_close(struct screen *screen);

/*
 * It shows this picture from now on, all of it copied; fd is taken over. Where it is of another size, pixels
 * are other ones, and *old the former ones, which the caller frees; else *old is NULL. -EINVAL: the memfd is
 * not as the message says, or not sealed; -ENOMEM. Then nothing has changed.
 */
int screen_show(struct screen *screen, const struct display_scanout *scanout, int fd, uint8_t **old);
/* Black, as large as it was. */
void screen_off(struct screen *screen);
/* Copies a part; false: it is empty, or not inside the picture. */
bool screen_refresh(struct screen *screen, const struct display_area *area);
/* Makes pixels of a cursor the same format, with what is not transparent in mask (a byte a pixel, 0 to 255).
 */
void screen_convert_cursor(uint32_t format, const uint8_t *from, uint8_t *pixels, uint8_t *mask);
