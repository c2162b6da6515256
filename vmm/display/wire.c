#include "vmm/display/wire.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_gpu.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/descriptors.h"
#include "common/util.h"

#define BYTES_PER_PIXEL 4
#define STRIDE_MAX      (1U << 20)

/* --- What may be said --- */

struct format {
	uint32_t number;
	uint8_t order[4];
	bool alpha;
};

/* 5.7.6.8: named by the order of bytes in memory. */
static const struct format formats[] = {
	{VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, {0, 1, 2, 3}, true},
	{VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, {0, 1, 2, 3}, false},
	{VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, {3, 2, 1, 0}, true},
	{VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, {3, 2, 1, 0}, false},
	{VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, {2, 1, 0, 3}, true},
	{VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, {2, 1, 0, 3}, false},
	{VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, {1, 2, 3, 0}, true},
	{VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, {1, 2, 3, 0}, false},
};

static const struct format *format_find(uint32_t number)
{
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		if (formats[i].number == number)
			return &formats[i];
	}
	return NULL;
}

bool display_format(uint32_t format, uint8_t order[4])
{
	const struct format *found = format_find(format);

	if (found)
		memcpy(order, found->order, sizeof(found->order));
	return found != NULL;
}

bool display_format_has_alpha(uint32_t format)
{
	const struct format *found = format_find(format);

	return found && found->alpha;
}

static bool side_valid(uint32_t side, uint32_t min)
{
	return side >= min && side <= DISPLAY_SIDE_MAX;
}

/* The last pixel lies inside: none of these numbers is large enough for the sum to wrap. */
static bool scanout_valid(const struct display_scanout *scanout)
{
	uint64_t line = (uint64_t)scanout->width * BYTES_PER_PIXEL;

	return side_valid(scanout->width, 1) && side_valid(scanout->height, 1) &&
	       format_find(scanout->format) && scanout->stride >= line && scanout->stride <= STRIDE_MAX &&
	       scanout->size <= DISPLAY_PICTURE_MAX && scanout->offset <= scanout->size &&
	       (uint64_t)(scanout->height - 1) * scanout->stride + line <= scanout->size - scanout->offset;
}

static bool change_valid(const struct display_change *change)
{
	switch (change->type) {
	case EV_KEY:
		return change->code > 0 && change->code < KEY_CNT &&
		       (change->value == 0 || change->value == 1);
	case EV_REL:
		return change->code < REL_CNT && change->value >= -DISPLAY_AXIS_MAX &&
		       change->value <= DISPLAY_AXIS_MAX;
	case EV_ABS:
		return change->code <= ABS_Y && change->value >= 0 && change->value <= DISPLAY_AXIS_MAX;
	default:
		return false;
	}
}

static bool changes_valid(const struct display_message *message)
{
	bool valid = message->count > 0 && message->count <= DISPLAY_CHANGES_MAX;

	for (unsigned i = 0; valid && i < message->count; i++)
		valid = change_valid(&message->changes[i]);
	return valid;
}

static bool of_guest_valid(const struct display_message *message)
{
	switch (message->kind) {
	case DISPLAY_HELLO:
		return message->hello.version == DISPLAY_VERSION && message->hello.keyboard <= 1 &&
		       message->hello.pointer <= DISPLAY_POINTER_ABSOLUTE;
	case DISPLAY_SCANOUT:
		return scanout_valid(&message->scanout);
	case DISPLAY_CURSOR:
		return message->cursor.visible <= 1 && format_find(message->cursor.format) &&
		       message->cursor.hot_x < DISPLAY_CURSOR_SIDE &&
		       message->cursor.hot_y < DISPLAY_CURSOR_SIDE;
	case DISPLAY_OFF:
	case DISPLAY_FLUSH:
	case DISPLAY_MOVE:
	case DISPLAY_LEDS:
		return true;
	default:
		return false;
	}
}

static bool of_viewer_valid(const struct display_message *message)
{
	switch (message->kind) {
	case DISPLAY_INPUT:
		return changes_valid(message);
	case DISPLAY_RESIZE:
		return side_valid(message->resize.width, DISPLAY_SIDE_MIN) &&
		       side_valid(message->resize.height, DISPLAY_SIDE_MIN);
	default:
		return false;
	}
}

bool display_message_valid(const struct display_message *message, size_t size, enum display_side from,
			   unsigned descriptors)
{
	bool pixels = from == DISPLAY_OF_GUEST && message->kind == DISPLAY_CURSOR && message->cursor.visible;
	bool picture = from == DISPLAY_OF_GUEST && message->kind == DISPLAY_SCANOUT;

	if (size != sizeof(*message) + (pixels ? DISPLAY_CURSOR_BYTES : 0) || descriptors != picture)
		return false;
	return from == DISPLAY_OF_GUEST ? of_guest_valid(message) : of_viewer_valid(message);
}

/* --- How it is said --- */

union rights {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int display_send(int fd, const struct display_message *message, const uint8_t *pixels, int pass)
{
	struct iovec iov[] = {{(void *)(uintptr_t)message, sizeof(*message)},
			      {(void *)(uintptr_t)pixels, pixels ? DISPLAY_CURSOR_BYTES : 0}};
	ssize_t sent = descriptors_send(fd, iov, ARRAY_SIZE(iov), &pass, pass >= 0, MSG_DONTWAIT);

	if (sent >= 0)
		return 0;
	return sent == -ENOBUFS || sent == -EINTR ? -EAGAIN : (int)sent;
}

unsigned display_take_descriptors(struct msghdr *header, int *fd)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
	unsigned count;

	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	for (unsigned i = 0; i < count; i++) {
		int one;

		memcpy(&one, CMSG_DATA(cmsg) + i * sizeof(one), sizeof(one));
		if (i == 0)
			*fd = one;
		else
			close(one);
	}
	return header->msg_flags & MSG_CTRUNC ? count + 1 : count;
}

int display_receive(int fd, enum display_side from, struct display_inbox *inbox)
{
	union rights rights;
	struct iovec iov[] = {{&inbox->message, sizeof(inbox->message)},
			      {inbox->pixels, sizeof(inbox->pixels)}};
	struct msghdr header = {.msg_iov = iov,
				.msg_iovlen = ARRAY_SIZE(iov),
				.msg_control = &rights,
				.msg_controllen = sizeof(rights)};
	unsigned descriptors;
	ssize_t got;

	inbox->fd = -1;
	memset(&inbox->message, 0, sizeof(inbox->message));
	got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return -EPIPE;
	descriptors = display_take_descriptors(&header, &inbox->fd);
	if (!(header.msg_flags & MSG_TRUNC) &&
	    display_message_valid(&inbox->message, (size_t)got, from, descriptors))
		return 1;
	if (inbox->fd >= 0)
		close(TAKE_FD(inbox->fd));
	return -EPROTO;
}
