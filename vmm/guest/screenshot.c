#include "vmm/guest/screenshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"

#define PIXEL       4
#define COLOURS     3
#define HEADER_MAX  32
#define LINES_ROUND 64 /* then it is others' turn in the loop */

struct screenshot {
	struct loop *loop;
	struct loop_source client;
	struct loop_timer timer;
	struct display_scanout scanout;
	uint8_t order[4];
	int memfd;
	uint32_t line;    /* the next one */
	size_t at, count; /* of what is in bytes */
	uint8_t bytes[DISPLAY_SIDE_MAX * COLOURS];
	uint8_t pixels[DISPLAY_SIDE_MAX * PIXEL];
	void (*done)(void *owner);
	void *owner;
};

/* False: it cannot be read, which is its end. */
static bool line_read(struct screenshot *screenshot)
{
	const struct display_scanout *scanout = &screenshot->scanout;
	uint64_t offset = scanout->offset + (uint64_t)screenshot->line * scanout->stride;
	size_t size = (size_t)scanout->width * PIXEL;

	if (pread(screenshot->memfd, screenshot->pixels, size, (off_t)offset) != (ssize_t)size)
		return false;
	for (uint32_t x = 0; x < scanout->width; x++) {
		const uint8_t *pixel = &screenshot->pixels[(size_t)x * PIXEL];
		uint8_t *to = &screenshot->bytes[(size_t)x * COLOURS];

		to[0] = pixel[screenshot->order[2]];
		to[1] = pixel[screenshot->order[1]];
		to[2] = pixel[screenshot->order[0]];
	}
	screenshot->at = 0;
	screenshot->count = (size_t)scanout->width * COLOURS;
	screenshot->line++;
	return true;
}

/* 1: a line has gone; 0: the client takes no more now; -1: the end. */
static int line_send(struct screenshot *screenshot)
{
	ssize_t sent;

	if (screenshot->at == screenshot->count &&
	    (screenshot->line == screenshot->scanout.height || !line_read(screenshot)))
		return -1;
	sent = send(screenshot->client.fd, screenshot->bytes + screenshot->at,
		    screenshot->count - screenshot->at, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	screenshot->at += (size_t)sent;
	return 1;
}

static void client_ready(struct loop_source *source, uint32_t events)
{
	struct screenshot *screenshot = CONTAINER_OF(source, struct screenshot, client);
	int code = events & (EPOLLHUP | EPOLLERR) ? -1 : 1;

	for (unsigned i = 0; i < LINES_ROUND && code > 0; i++)
		code = line_send(screenshot);
	if (code < 0)
		screenshot->done(screenshot->owner);
}

static void time_is_up(struct loop_timer *timer)
{
	struct screenshot *screenshot = CONTAINER_OF(timer, struct screenshot, timer);

	screenshot->done(screenshot->owner);
}

static int watch(struct screenshot *screenshot)
{
	int code = loop_timer_init(screenshot->loop, &screenshot->timer, time_is_up);

	if (code < 0)
		return code;
	code = loop_timer_set(&screenshot->timer, SCREENSHOT_S * 1000000000ULL, 0);
	if (code == 0)
		code = loop_add(screenshot->loop, &screenshot->client);
	if (code < 0)
		loop_timer_close(screenshot->loop, &screenshot->timer);
	return code;
}

struct screenshot *screenshot_begin(struct loop *loop, const struct display_scanout *scanout, int memfd,
				    int client, void (*done)(void *owner), void *owner)
{
	struct screenshot *screenshot = calloc(1, sizeof(*screenshot));

	if (screenshot) {
		screenshot->loop = loop;
		screenshot->client =
			(struct loop_source){.fd = client, .events = EPOLLOUT, .ready = client_ready};
		screenshot->scanout = *scanout;
		screenshot->memfd = memfd;
		screenshot->done = done;
		screenshot->owner = owner;
		screenshot->count = (size_t)snprintf((char *)screenshot->bytes, HEADER_MAX,
						     "P6\n%u %u\n255\n", scanout->width, scanout->height);
		if (display_format(scanout->format, screenshot->order) && watch(screenshot) == 0)
			return screenshot;
	}
	free(screenshot);
	close(memfd);
	close(client);
	return NULL;
}

void screenshot_free(struct screenshot *screenshot)
{
	if (!screenshot)
		return;
	loop_timer_close(screenshot->loop, &screenshot->timer);
	loop_remove(screenshot->loop, &screenshot->client);
	close(screenshot->client.fd);
	close(screenshot->memfd);
	free(screenshot);
}
