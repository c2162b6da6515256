/* Messages between a guest's process and a viewer's: what may be said, and what may not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_gpu.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "vmm/display/wire.h"

static int ends[2];
static struct display_inbox inbox;

static void setup(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

TestSuite(wire, .init = setup);

static const struct display_message picture = {
	.kind = DISPLAY_SCANOUT,
	.scanout = {.width = 10,
		    .height = 4,
		    .stride = 64,
		    .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		    .offset = 8,
		    .size = 8 + 3 * 64 + 40},
};

static bool guest_may(struct display_message message, unsigned descriptors)
{
	return display_message_valid(&message, sizeof(message), DISPLAY_OF_GUEST, descriptors);
}

static bool viewer_may(struct display_message message)
{
	return display_message_valid(&message, sizeof(message), DISPLAY_OF_VIEWER, 0);
}

Test(wire, a_picture_lies_inside_its_memory)
{
	struct display_message message = picture;

	cr_assert(guest_may(picture, 1));
	cr_assert_not(guest_may(picture, 0));
	cr_assert_not(guest_may(picture, 2));
	message.scanout.size--;
	cr_assert_not(guest_may(message, 1), "the last pixel is outside");
	message = picture;
	message.scanout.stride = 39;
	cr_assert_not(guest_may(message, 1));
	message.scanout.stride = UINT32_MAX;
	cr_assert_not(guest_may(message, 1));
	message = picture;
	message.scanout.offset = UINT64_MAX;
	cr_assert_not(guest_may(message, 1));
	message.scanout.offset = message.scanout.size = UINT64_MAX;
	cr_assert_not(guest_may(message, 1));
	message = picture;
	message.scanout.height = 0;
	cr_assert_not(guest_may(message, 1));
	message.scanout.height = DISPLAY_SIDE_MAX + 1;
	cr_assert_not(guest_may(message, 1));
	message = picture;
	message.scanout.format = 5;
	cr_assert_not(guest_may(message, 1));
}

Test(wire, a_guest_says_what_a_guest_may)
{
	const uint32_t good[] = {DISPLAY_OFF, DISPLAY_FLUSH, DISPLAY_MOVE, DISPLAY_LEDS};

	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		cr_assert(guest_may((struct display_message){.kind = good[i]}, 0), "%u", good[i]);
		cr_assert_not(guest_may((struct display_message){.kind = good[i]}, 1), "%u", good[i]);
		cr_assert_not(viewer_may((struct display_message){.kind = good[i]}), "%u", good[i]);
	}
	for (uint32_t kind = 0; kind < 64; kind++)
		cr_assert(kind == DISPLAY_OFF || kind == DISPLAY_FLUSH || kind == DISPLAY_MOVE ||
			  kind == DISPLAY_LEDS || !guest_may((struct display_message){.kind = kind}, 0));
	cr_assert(guest_may((struct display_message){.kind = DISPLAY_HELLO, .hello = {1, 1, 2}}, 0));
	cr_assert_not(guest_may((struct display_message){.kind = DISPLAY_HELLO, .hello = {2, 1, 2}}, 0));
	cr_assert_not(guest_may((struct display_message){.kind = DISPLAY_HELLO, .hello = {1, 2, 2}}, 0));
	cr_assert_not(guest_may((struct display_message){.kind = DISPLAY_HELLO, .hello = {1, 1, 3}}, 0));
}

Test(wire, a_cursor_has_its_pixels_behind_it)
{
	struct display_message cursor = {
		.kind = DISPLAY_CURSOR, .cursor = {.format = VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, .visible = 1}};
	size_t whole = sizeof(cursor) + DISPLAY_CURSOR_BYTES;

	cr_assert(display_message_valid(&cursor, whole, DISPLAY_OF_GUEST, 0));
	cr_assert_not(display_message_valid(&cursor, whole - 1, DISPLAY_OF_GUEST, 0));
	cr_assert_not(display_message_valid(&cursor, sizeof(cursor), DISPLAY_OF_GUEST, 0));
	cursor.cursor.hot_x = 64;
	cr_assert_not(display_message_valid(&cursor, whole, DISPLAY_OF_GUEST, 0));
	cursor.cursor.hot_x = 63;
	cursor.cursor.visible = 0;
	cr_assert(display_message_valid(&cursor, sizeof(cursor), DISPLAY_OF_GUEST, 0));
	cr_assert_not(display_message_valid(&cursor, whole, DISPLAY_OF_GUEST, 0));
}

Test(wire, a_viewer_says_events_within_bounds)
{
	const struct display_change bad[] = {
		{EV_KEY, 0, 1},       {EV_KEY, KEY_CNT, 1},   {EV_KEY, KEY_A, 2},      {EV_KEY, KEY_A, -1},
		{EV_REL, REL_CNT, 1}, {EV_REL, REL_X, 32768}, {EV_REL, REL_X, -32768}, {EV_ABS, ABS_Z, 1},
		{EV_ABS, ABS_X, -1},  {EV_ABS, ABS_X, 32768}, {EV_SYN, 0, 0},          {EV_LED, 0, 1},
		{UINT16_MAX, 0, 0},
	};
	struct display_message message = {.kind = DISPLAY_INPUT, .count = 1, .changes = {{EV_KEY, KEY_A, 1}}};

	cr_assert(viewer_may(message));
	message.count = 0;
	cr_assert_not(viewer_may(message));
	message.count = DISPLAY_CHANGES_MAX + 1;
	cr_assert_not(viewer_may(message));
	message.count = 2;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		message.changes[1] = bad[i];
		cr_assert_not(viewer_may(message), "%u %u %d", bad[i].type, bad[i].code, bad[i].value);
	}
	cr_assert(viewer_may((struct display_message){.kind = DISPLAY_RESIZE, .resize = {640, 480}}));
	cr_assert_not(viewer_may((struct display_message){.kind = DISPLAY_RESIZE, .resize = {15, 480}}));
	cr_assert_not(viewer_may((struct display_message){.kind = DISPLAY_RESIZE, .resize = {640, 8193}}));
	cr_assert_not(viewer_may(picture));
}

Test(wire, what_is_sent_arrives)
{
	static uint8_t pixels[DISPLAY_CURSOR_BYTES] = {1, 2, 3};
	struct display_message cursor = {
		.kind = DISPLAY_CURSOR, .cursor = {.format = VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, .visible = 1}};

	cr_assert_eq(display_receive(ends[1], DISPLAY_OF_GUEST, &inbox), 0);
	cr_assert_eq(display_send(ends[0], &picture, NULL, STDIN_FILENO), 0);
	cr_assert_eq(display_send(ends[0], &cursor, pixels, -1), 0);
	cr_assert_eq(display_receive(ends[1], DISPLAY_OF_GUEST, &inbox), 1);
	cr_assert_eq(memcmp(&inbox.message, &picture, sizeof(picture)), 0);
	cr_assert_geq(inbox.fd, 0);
	cr_assert(fcntl(inbox.fd, F_GETFD) & FD_CLOEXEC);
	close(inbox.fd);
	cr_assert_eq(display_receive(ends[1], DISPLAY_OF_GUEST, &inbox), 1);
	cr_assert_eq(inbox.fd, -1);
	cr_assert_eq(memcmp(inbox.pixels, pixels, sizeof(pixels)), 0);
	close(ends[0]);
	cr_assert_eq(display_receive(ends[1], DISPLAY_OF_GUEST, &inbox), -EPIPE);
}

static int descriptors_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 64; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

Test(wire, descriptors_that_do_not_belong_are_closed)
{
	const struct display_message off = {.kind = DISPLAY_OFF};
	int before = descriptors_open();

	cr_assert_eq(display_send(ends[0], &off, NULL, STDIN_FILENO), 0);
	cr_assert_eq(display_receive(ends[1], DISPLAY_OF_GUEST, &inbox), -EPROTO);
	cr_assert_eq(inbox.fd, -1);
	cr_assert_eq(descriptors_open(), before);
}

Test(wire, too_much_and_too_little_is_wrong)
{
	static char bytes[40000];

	for (size_t size = 1; size < sizeof(bytes); size = size * 2 + 1) {
		cr_assert_eq(send(ends[0], bytes, size, 0), (ssize_t)size);
		cr_assert_eq(display_receive(ends[1], DISPLAY_OF_GUEST, &inbox), -EPROTO, "%zu", size);
	}
}

Test(wire, who_does_not_read_is_not_waited_for)
{
	const struct display_message off = {.kind = DISPLAY_OFF};
	int code = 0;

	for (unsigned i = 0; i < 100000 && code == 0; i++)
		code = display_send(ends[0], &off, NULL, -1);
	cr_assert_eq(code, -EAGAIN);
}

Test(wire, formats_are_named_by_their_bytes)
{
	uint8_t order[4];

	cr_assert(display_format(VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, order));
	cr_assert_eq(order[0], 3); /* blue is last */
	cr_assert_eq(order[2], 1);
	cr_assert(display_format_has_alpha(VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM));
	cr_assert_not(display_format_has_alpha(VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM));
	cr_assert_not(display_format(0, order));
}
