/*
 * What a guest process and rastos-display say to each other: a message a packet (SOCK_SEQPACKET), of one size
 * whatever it says, in the host's byte order. One such link is one viewer's.
 *
 *      guest process -> display   DISPLAY_HELLO     first of all
 *                                 DISPLAY_SCANOUT   with the memfd that the picture lies in
 *                                 DISPLAY_OFF       the screen is dark
 *                                 DISPLAY_FLUSH     a part of the picture is new
 *                                 DISPLAY_CURSOR    with its pixels behind the message, when it is visible
 *                                 DISPLAY_MOVE      the cursor is elsewhere
 *                                 DISPLAY_LEDS      the keyboard's lights
 *      display -> guest process   DISPLAY_INPUT     events, as one update
 *                                 DISPLAY_RESIZE    the viewer would like a screen of this size
 *
 * Either side may have been taken over by who is behind it: a message counts only as display_receive has
 * checked it. What cannot be checked without the picture (a part of it) is the reader's to check.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISPLAY_VERSION      1
#define DISPLAY_SIDE_MAX     8192 /* pixels of a screen, each way */
#define DISPLAY_SIDE_MIN     16   /* of one that is wished for */
#define DISPLAY_CURSOR_SIDE  64
#define DISPLAY_CURSOR_BYTES (DISPLAY_CURSOR_SIDE * DISPLAY_CURSOR_SIDE * 4)
#define DISPLAY_CHANGES_MAX  16
#define DISPLAY_AXIS_MAX     32767        /* absolute axes go from 0 to this */
#define DISPLAY_PICTURE_MAX  (1ULL << 32) /* bytes of a memfd */

enum display_kind {
	DISPLAY_HELLO = 1,
	DISPLAY_SCANOUT,
	DISPLAY_OFF,
	DISPLAY_FLUSH,
	DISPLAY_CURSOR,
	DISPLAY_MOVE,
	DISPLAY_LEDS,
	DISPLAY_INPUT = 32,
	DISPLAY_RESIZE,
};

enum display_pointer {
	DISPLAY_POINTER_NONE,
	DISPLAY_POINTER_RELATIVE,
	DISPLAY_POINTER_ABSOLUTE,
};

/* As struct virtio_gpu_scanout and struct virtio_gpu_area have them. */
struct display_scanout {
	uint32_t width, height, stride, format;
	uint64_t offset, size;
};

struct display_area {
	uint32_t x, y, width, height;
};

struct display_change {
	uint16_t type, code; /* EV_KEY, EV_REL or EV_ABS, and what of it */
	int32_t value;
};

struct display_message {
	uint32_t kind;
	uint32_t count; /* of changes */
	union {
		struct {
			uint32_t version, keyboard, pointer; /* enum display_pointer */
		} hello;
		struct display_scanout scanout;
		struct display_area area;
		struct {
			uint32_t format, visible, hot_x, hot_y;
			int32_t x, y;
		} cursor;
		struct {
			int32_t x, y;
		} move;
		uint32_t leds; /* a bit for each LED_* */
		struct display_change changes[DISPLAY_CHANGES_MAX];
		struct {
			uint32_t width, height;
		} resize;
	};
};

enum display_side {
	DISPLAY_OF_GUEST,
	DISPLAY_OF_VIEWER,
};

struct display_inbox {
	struct display_message message;
	uint8_t pixels[DISPLAY_CURSOR_BYTES]; /* of a cursor that is visible */
	int fd;                               /* of a scanout; -1: taken, or none came */
};

/* 0 or a negative errno; -EAGAIN: the other side does not read now. pixels: of a visible cursor; pass: a
 * scanout's memfd, or -1. */
int display_send(int fd, const struct display_message *message, const uint8_t *pixels, int pass);
/* What `from` says next. 1: it is in the inbox, and right; 0: nothing is there; -EPIPE: the link has ended;
 * -EPROTO: what came is wrong, and the link is of no more use. An fd in the inbox is the caller's. */
int display_receive(int fd, enum display_side from, struct display_inbox *inbox);
/* The descriptors that came with a message: the first one to *fd, the others are closed. How many. */
struct msghdr;
unsigned display_take_descriptors(struct msghdr *header, int *fd);
/* Whether a message of this side may be so. size: of the packet; descriptors: that came with it. */
bool display_message_valid(const struct display_message *message, size_t size, enum display_side from,
			   unsigned descriptors);
/* Whether pixels of this VIRTIO_GPU_FORMAT_* are known here; where in a pixel its bytes are: blue, green,
 * red, and what is transparency or nothing. */
bool display_format(uint32_t format, uint8_t order[4]);
/* Whether it has transparency. */
bool display_format_has_alpha(uint32_t format);
