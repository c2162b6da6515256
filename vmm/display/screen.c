#include "vmm/display/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define PIXEL 4
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

int screen_init(struct screen *screen, uint32_t width, uint32_t height)
{
	*screen = (struct screen){.width = width, .height = height};
	screen->pixels = calloc(height, (size_t)width * PIXEL);
	return screen->pixels ? 0 : -ENOMEM;
}

static void picture_unmap(struct screen *screen)
{
	if (screen->picture)
		munmap((void *)(uintptr_t)screen->picture, screen->scanout.size);
	screen->picture = NULL;
}

void screen_close(struct screen *screen)
{
	picture_unmap(screen);
	free(screen->pixels);
	screen->pixels = NULL;
}

/* --- Pixels --- */

static void line_copy(const uint8_t order[4], const uint8_t *from, uint8_t *to, size_t count)
{
	for (size_t i = 0; i < count; i++, from += PIXEL, to += PIXEL) {
		to[0] = from[order[2]];
		to[1] = from[order[1]];
		to[2] = from[order[0]];
		to[3] = 0;
	}
}

bool screen_refresh(struct screen *screen, const struct display_area *area)
{
	const struct display_scanout *scanout = &screen->scanout;
	uint8_t order[4];

	if (!screen->picture || !area->width || !area->height || area->width > screen->width ||
	    area->height > screen->height || area->x > screen->width - area->width ||
	    area->y > screen->height - area->height || !display_format(scanout->format, order))
		return false;
	for (uint64_t y = area->y; y < (uint64_t)area->y + area->height; y++)
		line_copy(order,
			  screen->picture + scanout->offset + y * scanout->stride + (size_t)area->x * PIXEL,
			  screen->pixels + (y * screen->width + area->x) * PIXEL, area->width);
	return true;
}

/* Transparency is multiplied into the colours, which is how both sides have it. */
void screen_convert_cursor(uint32_t format, const uint8_t *from, uint8_t *pixels, uint8_t *mask)
{
	bool alpha = display_format_has_alpha(format);
	uint8_t order[4] = {0, 1, 2, 3};

	display_format(format, order);
	for (size_t i = 0; i < (size_t)DISPLAY_CURSOR_SIDE * DISPLAY_CURSOR_SIDE; i++) {
		line_copy(order, from + i * PIXEL, pixels + i * PIXEL, 1);
		mask[i] = alpha ? from[i * PIXEL + order[3]] : UINT8_MAX;
	}
}

/* --- The picture --- */

/* -EINVAL: reading it might be the end of us (SIGBUS). */
static int picture_map(const struct display_scanout *scanout, int fd, const uint8_t **picture)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat status;
	void *map;

	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &status) < 0 || status.st_size < 0 ||
	    (uint64_t)status.st_size < scanout->size)
		return -EINVAL;
	map = mmap(NULL, scanout->size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	*picture = map;
	return 0;
}

int screen_show(struct screen *screen, const struct display_scanout *scanout, int fd, uint8_t **old)
{
	bool resized = scanout->width != screen->width || scanout->height != screen->height;
	AUTO_CLOSE int own = fd;
	const uint8_t *picture = NULL;
	uint8_t *pixels = NULL;
	int code = picture_map(scanout, own, &picture);

	*old = NULL;
	if (code == 0 && resized) {
		pixels = calloc(scanout->height, (size_t)scanout->width * PIXEL);
		code = pixels ? 0 : -ENOMEM;
	}
	if (code < 0) {
		if (picture)
			munmap((void *)(uintptr_t)picture, scanout->size);
		return code;
	}
	picture_unmap(screen);
	screen->picture = picture;
	screen->scanout = *scanout;
	if (resized) {
		*old = screen->pixels;
		screen->pixels = pixels;
		screen->width = scanout->width;
		screen->height = scanout->height;
	}
	screen_refresh(screen, &(struct display_area){0, 0, screen->width, screen->height});
	return 0;
}

void screen_off(struct screen *screen)
{
	picture_unmap(screen);
	memset(screen->pixels, 0, (size_t)screen->width * screen->height * PIXEL);
}
