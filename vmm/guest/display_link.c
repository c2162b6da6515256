#include "vmm/guest/display_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_gpu.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/display/keeper.h"

#define MESSAGES_MAX 64 /* of one viewer, then it is others' turn */

/* What a viewer has not been told. */
enum due {
	DUE_HELLO = 1 << 0,
	DUE_PICTURE = 1 << 1,
	DUE_AREA = 1 << 2,
	DUE_CURSOR = 1 << 3,
	DUE_MOVE = 1 << 4,
	DUE_LEDS = 1 << 5,
	DUE_ALL = DUE_HELLO | DUE_PICTURE | DUE_CURSOR | DUE_LEDS,
};

struct viewer {
	struct loop_source source; /* fd -1: there is none */
	struct display_link *link;
	unsigned due;
	struct display_area area;  /* with DUE_AREA */
	uint8_t down[KEY_CNT / 8]; /* a bit a key or button that it holds down */
};

struct display_link {
	struct display_link_config config;
	struct virtio_gpu_display gpu;
	struct loop_source channel; /* fd -1: rastos-display does not run */
	struct loop_source told;    /* eventfd: the GPU has news */
	struct viewer viewers[DISPLAY_VIEWERS_MAX];
	struct display_inbox inbox;

	pthread_mutex_t lock; /* of what follows, and of each viewer's due and area */
	int memfd;            /* -1: the display is dark */
	struct display_scanout scanout;
	struct display_message cursor;
	uint8_t cursor_pixels[DISPLAY_CURSOR_BYTES];
	uint32_t leds;
};

/* --- From the GPU, on its thread --- */

static void area_add(struct display_area *area, const struct display_area *more)
{
	uint32_t right = MAX(area->x + area->width, more->x + more->width);
	uint32_t bottom = MAX(area->y + area->height, more->y + more->height);

	area->x = MIN(area->x, more->x);
	area->y = MIN(area->y, more->y);
	area->width = right - area->x;
	area->height = bottom - area->y;
}

/* The lock is held. */
static void viewers_owe(struct display_link *link, unsigned due, const struct display_area *area)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < DISPLAY_VIEWERS_MAX; i++) {
		struct viewer *viewer = &link->viewers[i];

		if (due & DUE_AREA && viewer->due & DUE_AREA)
			area_add(&viewer->area, area);
		else if (due & DUE_AREA)
			viewer->area = *area;
		viewer->due |= due;
		if (due & DUE_PICTURE) /* which is all new */
			viewer->due &= ~(unsigned)DUE_AREA;
	}
	if (write(link->told.fd, &one, sizeof(one)) < 0)
		return; /* full: it is already told */
}

static struct display_link *link_of(struct virtio_gpu_display *display)
{
	return CONTAINER_OF(display, struct display_link, gpu);
}

static void picture_drop(struct display_link *link)
{
	cleanup_close(&link->memfd);
	link->memfd = -1;
}

/* What no viewer would take is as good as none: it is larger than they show. */
static void scanout_set(struct virtio_gpu_display *display, unsigned index,
			const struct virtio_gpu_scanout *scanout)
{
	struct display_link *link = link_of(display);
	const struct display_message message = {
		.kind = DISPLAY_SCANOUT,
		.scanout = {.width = scanout->width,
			    .height = scanout->height,
			    .stride = scanout->stride,
			    .format = scanout->format,
			    .offset = scanout->offset,
			    .size = scanout->size},
	};

	if (index != 0)
		return;
	pthread_mutex_lock(&link->lock);
	picture_drop(link);
	link->scanout = message.scanout;
	if (display_message_valid(&message, sizeof(message), DISPLAY_OF_GUEST, 1))
		link->memfd = fcntl(scanout->memfd, F_DUPFD_CLOEXEC, 0);
	viewers_owe(link, DUE_PICTURE, NULL);
	pthread_mutex_unlock(&link->lock);
}

static void scanout_off(struct virtio_gpu_display *display, unsigned index)
{
	struct display_link *link = link_of(display);

	if (index != 0)
		return;
	pthread_mutex_lock(&link->lock);
	picture_drop(link);
	viewers_owe(link, DUE_PICTURE, NULL);
	pthread_mutex_unlock(&link->lock);
}

static void flush(struct virtio_gpu_display *display, unsigned index, const struct virtio_gpu_area *area)
{
	struct display_link *link = link_of(display);
	const struct display_area part = {area->x, area->y, area->width, area->height};

	if (index != 0)
		return;
	pthread_mutex_lock(&link->lock);
	viewers_owe(link, DUE_AREA, &part);
	pthread_mutex_unlock(&link->lock);
}

static void cursor_set(struct virtio_gpu_display *display, unsigned index,
		       const struct virtio_gpu_cursor *cursor)
{
	struct display_link *link = link_of(display);

	if (index != 0)
		return;
	pthread_mutex_lock(&link->lock);
	link->cursor.cursor.visible = cursor->pixels != NULL;
	link->cursor.cursor.x = cursor->x;
	link->cursor.cursor.y = cursor->y;
	if (cursor->pixels) {
		link->cursor.cursor.format = cursor->format;
		link->cursor.cursor.hot_x = cursor->hot_x;
		link->cursor.cursor.hot_y = cursor->hot_y;
		memcpy(link->cursor_pixels, cursor->pixels, sizeof(link->cursor_pixels));
	}
	viewers_owe(link, DUE_CURSOR, NULL);
	pthread_mutex_unlock(&link->lock);
}

static void cursor_move(struct virtio_gpu_display *display, unsigned index, int32_t x, int32_t y)
{
	struct display_link *link = link_of(display);

	if (index != 0)
		return;
	pthread_mutex_lock(&link->lock);
	link->cursor.cursor.x = x;
	link->cursor.cursor.y = y;
	viewers_owe(link, DUE_MOVE, NULL);
	pthread_mutex_unlock(&link->lock);
}

/* --- To viewers --- */

static int say_one(const struct display_link *link, const struct viewer *viewer, enum due due)
{
	struct display_message message = {0};
	int fd = viewer->source.fd;

	switch (due) {
	case DUE_HELLO:
		message.kind = DISPLAY_HELLO;
		message.hello.version = DISPLAY_VERSION;
		message.hello.keyboard = link->config.keyboard;
		message.hello.pointer = link->config.pointer;
		break;
	case DUE_PICTURE:
		message.kind = link->memfd >= 0 ? DISPLAY_SCANOUT : DISPLAY_OFF;
		message.scanout = link->scanout;
		return display_send(fd, &message, NULL, link->memfd);
	case DUE_AREA:
		message.kind = DISPLAY_FLUSH;
		message.area = viewer->area;
		break;
	case DUE_CURSOR:
		return display_send(fd, &link->cursor,
				    link->cursor.cursor.visible ? link->cursor_pixels : NULL, -1);
	case DUE_MOVE:
		message.kind = DISPLAY_MOVE;
		message.move.x = link->cursor.cursor.x;
		message.move.y = link->cursor.cursor.y;
		break;
	default:
		message.kind = DISPLAY_LEDS;
		message.leds = link->leds;
		break;
	}
	return display_send(fd, &message, NULL, -1);
}

/* 0: it knows all; -EAGAIN: it does not read now. */
static int viewer_tell(struct display_link *link, struct viewer *viewer)
{
	int code = 0;

	pthread_mutex_lock(&link->lock);
	for (unsigned due = DUE_HELLO; due <= DUE_LEDS && code == 0; due <<= 1) {
		if (!(viewer->due & due))
			continue;
		code = say_one(link, viewer, (enum due)due);
		if (code == 0)
			viewer->due &= ~due;
	}
	pthread_mutex_unlock(&link->lock);
	return code;
}

/* --- From viewers --- */

static void note_keys(struct viewer *viewer, const struct display_message *message)
{
	for (unsigned i = 0; i < message->count; i++) {
		const struct display_change *change = &message->changes[i];
		uint8_t bit = (uint8_t)(1U << change->code % 8);

		if (change->type == EV_KEY && change->value)
			viewer->down[change->code / 8] |= bit;
		else if (change->type == EV_KEY)
			viewer->down[change->code / 8] &= (uint8_t)~bit;
	}
}

static void let_go(struct viewer *viewer)
{
	const struct display_link_config *config = &viewer->link->config;

	for (uint16_t key = 0; key < KEY_CNT; key++) {
		const struct display_change change = {EV_KEY, key, 0};

		if (viewer->down[key / 8] >> key % 8 & 1)
			config->input(config->owner, &change, 1);
	}
	memset(viewer->down, 0, sizeof(viewer->down));
}

static void viewer_end(struct viewer *viewer)
{
	if (viewer->source.fd < 0)
		return;
	loop_remove(viewer->link->config.loop, &viewer->source);
	close(TAKE_FD(viewer->source.fd));
	let_go(viewer);
}

static void viewer_pump(struct viewer *viewer)
{
	int code = viewer->source.fd >= 0 ? viewer_tell(viewer->link, viewer) : -EPIPE;

	if (code < 0 && code != -EAGAIN)
		viewer_end(viewer);
	else
		loop_modify(viewer->link->config.loop, &viewer->source,
			    code < 0 ? EPOLLIN | EPOLLOUT : (uint32_t)EPOLLIN);
}

static void viewer_said(struct viewer *viewer, const struct display_message *message)
{
	const struct display_link_config *config = &viewer->link->config;

	if (message->kind == DISPLAY_RESIZE) {
		config->resize(config->owner, message->resize.width, message->resize.height);
		return;
	}
	note_keys(viewer, message);
	config->input(config->owner, message->changes, message->count);
}

static void viewer_ready(struct loop_source *source, uint32_t events)
{
	struct viewer *viewer = CONTAINER_OF(source, struct viewer, source);
	struct display_inbox *inbox = &viewer->link->inbox;
	int code = 1;

	(void)events;
	for (unsigned i = 0; i < MESSAGES_MAX && code == 1; i++) {
		code = display_receive(source->fd, DISPLAY_OF_VIEWER, inbox);
		if (code == 1)
			viewer_said(viewer, &inbox->message);
	}
	if (code == -EPROTO)
		log_warning("display: a viewer's process says what makes no sense: its link is closed");
	if (code < 0)
		viewer_end(viewer);
	else
		viewer_pump(viewer);
}

static void viewer_add(struct display_link *link, int fd)
{
	struct viewer *viewer = NULL;

	for (unsigned i = 0; i < DISPLAY_VIEWERS_MAX && !viewer; i++) {
		if (link->viewers[i].source.fd < 0)
			viewer = &link->viewers[i];
	}
	if (!viewer) {
		close(fd);
		return;
	}
	pthread_mutex_lock(&link->lock);
	viewer->due = DUE_ALL;
	pthread_mutex_unlock(&link->lock);
	viewer->source = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = viewer_ready};
	if (loop_add(link->config.loop, &viewer->source) < 0)
		close(TAKE_FD(viewer->source.fd));
	else
		viewer_pump(viewer);
}

/* --- The channel --- */

static void channel_close(struct display_link *link)
{
	if (link->channel.fd >= 0) {
		loop_remove(link->config.loop, &link->channel);
		close(TAKE_FD(link->channel.fd));
	}
	for (unsigned i = 0; i < DISPLAY_VIEWERS_MAX; i++)
		viewer_end(&link->viewers[i]);
}

/* 1: a byte came, and *fd or -1; 0: nothing; -EPIPE. */
static int channel_receive(int channel, char *what, int *fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} rights;
	struct iovec iov = {.iov_base = what, .iov_len = 1};
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)};
	ssize_t got = recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	*fd = -1;
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
	display_take_descriptors(&header, fd);
	return 1;
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct display_link *link = CONTAINER_OF(source, struct display_link, channel);
	char what;
	int fd;
	int code = channel_receive(source->fd, &what, &fd);

	(void)events;
	if (code < 0) {
		channel_close(link);
		link->config.closed(link->config.owner);
	} else if (fd >= 0 && what == KEEPER_LINK) {
		viewer_add(link, fd);
	} else {
		cleanup_close(&fd);
	}
}

int display_link_open(struct display_link *link, int channel, struct error *err)
{
	int code;

	channel_close(link);
	link->channel = (struct loop_source){.fd = channel, .events = EPOLLIN, .ready = channel_ready};
	code = loop_add(link->config.loop, &link->channel);
	if (code == 0)
		return 0;
	close(TAKE_FD(link->channel.fd));
	return error_set(err, code, "display: cannot watch rastos-display: %s", strerror(-code));
}

bool display_link_is_open(const struct display_link *link)
{
	return link->channel.fd >= 0;
}

/* --- The whole --- */

static void told_ready(struct loop_source *source, uint32_t events)
{
	struct display_link *link = CONTAINER_OF(source, struct display_link, told);
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) != sizeof(count))
		return;
	for (unsigned i = 0; i < DISPLAY_VIEWERS_MAX; i++) {
		if (link->viewers[i].source.fd >= 0)
			viewer_pump(&link->viewers[i]);
	}
}

int display_link_create(const struct display_link_config *config, struct display_link **link,
			struct error *err)
{
	struct display_link *new = calloc(1, sizeof(*new));
	int code;

	if (!new)
		return error_set(err, -ENOMEM, "display: out of memory");
	new->config = *config;
	new->gpu = (struct virtio_gpu_display){scanout_set, scanout_off, flush, cursor_set, cursor_move};
	new->cursor.kind = DISPLAY_CURSOR;
	new->cursor.cursor.format = VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM;
	new->memfd = new->channel.fd = -1;
	pthread_mutex_init(&new->lock, NULL);
	for (unsigned i = 0; i < DISPLAY_VIEWERS_MAX; i++) {
		new->viewers[i].source.fd = -1;
		new->viewers[i].link = new;
	}
	new->told = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = EPOLLIN, .ready = told_ready};
	code = new->told.fd < 0 ? -errno : loop_add(config->loop, &new->told);
	if (code == 0) {
		*link = new;
		return 0;
	}
	cleanup_close(&new->told.fd);
	free(new);
	return error_set(err, code, "display: cannot be made: %s", strerror(-code));
}

void display_link_destroy(struct display_link *link)
{
	if (!link)
		return;
	channel_close(link);
	loop_remove(link->config.loop, &link->told);
	close(link->told.fd);
	picture_drop(link);
	pthread_mutex_destroy(&link->lock);
	free(link);
}

struct virtio_gpu_display *display_link_gpu(struct display_link *link)
{
	return &link->gpu;
}

void display_link_leds(struct display_link *link, uint32_t leds)
{
	pthread_mutex_lock(&link->lock);
	link->leds = leds;
	viewers_owe(link, DUE_LEDS, NULL);
	pthread_mutex_unlock(&link->lock);
}

int display_link_picture(struct display_link *link, struct display_scanout *scanout)
{
	int fd = -ENODATA;

	pthread_mutex_lock(&link->lock);
	if (link->memfd >= 0) {
		*scanout = link->scanout;
		fd = fcntl(link->memfd, F_DUPFD_CLOEXEC, 0);
		fd = fd < 0 ? -errno : fd;
	}
	pthread_mutex_unlock(&link->lock);
	return fd;
}
