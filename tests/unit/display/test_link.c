/* The guest process' end of viewers' links, between a GPU and viewers that are played. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_gpu.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "vmm/display/keeper.h"
#include "vmm/guest/display_link.h"
#include "vmm/guest/screenshot.h"

static struct loop loop;
static struct display_link *link_;
static struct virtio_gpu_display *gpu;
static int channel; /* rastos-display's end */
static struct error err;

static struct display_change heard[4096];
static unsigned heard_count, closed_count;
static uint32_t wished[2];

static void input(void *owner, const struct display_change *changes, unsigned count)
{
	cr_assert_eq(owner, &loop);
	for (unsigned i = 0; i < count && heard_count < ARRAY_SIZE(heard); i++)
		heard[heard_count++] = changes[i];
}

static void resize(void *owner, uint32_t width, uint32_t height)
{
	(void)owner;
	wished[0] = width;
	wished[1] = height;
}

static void closed(void *owner)
{
	(void)owner;
	closed_count++;
}

static void run(void)
{
	for (unsigned i = 0; i < 50; i++)
		cr_assert_eq(loop_step(&loop, 0), 0);
}

static void open_channel(void)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	channel = ends[0];
	cr_assert_eq(display_link_open(link_, ends[1], &err), 0);
}

static void setup(void)
{
	const struct display_link_config config = {
		.loop = &loop,
		.keyboard = true,
		.pointer = DISPLAY_POINTER_ABSOLUTE,
		.input = input,
		.resize = resize,
		.closed = closed,
		.owner = &loop,
	};

	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_eq(display_link_create(&config, &link_, &err), 0);
	gpu = display_link_gpu(link_);
	open_channel();
}

static void teardown(void)
{
	display_link_destroy(link_);
	loop_close(&loop);
}

TestSuite(link, .init = setup, .fini = teardown);

/* --- The other side --- */

static void tell(char what, int pass)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} rights = {.header = {.cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS,
			       .cmsg_len = CMSG_LEN(sizeof(pass))}};
	struct iovec iov = {.iov_base = &what, .iov_len = 1};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (pass >= 0) {
		memcpy(CMSG_DATA(&rights.header), &pass, sizeof(pass));
		header.msg_control = &rights;
		header.msg_controllen = sizeof(rights);
	}
	cr_assert_eq(sendmsg(channel, &header, 0), 1);
	run();
}

static int viewer_comes(void)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	tell(KEEPER_LINK, ends[1]);
	close(ends[1]);
	return ends[0];
}

static struct display_inbox inbox;

/* The next message to this viewer is of this kind. */
static void expect(int viewer, uint32_t kind)
{
	cr_assert_eq(display_receive(viewer, DISPLAY_OF_GUEST, &inbox), 1, "nothing, in place of %u", kind);
	cr_assert_eq(inbox.message.kind, kind, "%u in place of %u", inbox.message.kind, kind);
	if (inbox.fd >= 0)
		close(inbox.fd);
}

static void expect_nothing(int viewer)
{
	cr_assert_eq(display_receive(viewer, DISPLAY_OF_GUEST, &inbox), 0);
}

static void expect_greeting(int viewer, uint32_t screen)
{
	expect(viewer, DISPLAY_HELLO);
	cr_assert_eq(inbox.message.hello.pointer, DISPLAY_POINTER_ABSOLUTE);
	expect(viewer, screen);
	expect(viewer, DISPLAY_CURSOR);
	expect(viewer, DISPLAY_LEDS);
	expect_nothing(viewer);
}

static int say(int viewer, const struct display_message *message)
{
	int code = display_send(viewer, message, NULL, -1);

	run();
	return code;
}

static bool is_closed(int viewer)
{
	return display_receive(viewer, DISPLAY_OF_GUEST, &inbox) == -EPIPE;
}

static void show(uint32_t width, uint32_t height)
{
	int fd = memfd_create("picture", MFD_ALLOW_SEALING);
	struct virtio_gpu_scanout scanout = {
		.memfd = fd,
		.width = width,
		.height = height,
		.stride = width * 4,
		.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		.size = (uint64_t)width * height * 4,
	};

	cr_assert_eq(ftruncate(fd, (off_t)scanout.size), 0);
	cr_assert_eq(pwrite(fd, "\1\2\3\4\5\6\7\10", 8, 0), 8);
	gpu->scanout_set(gpu, 0, &scanout);
	close(fd); /* the device may drop it at once */
}

/* --- What viewers are told --- */

Test(link, a_viewer_is_told_what_is_there)
{
	int viewer = viewer_comes();

	expect_greeting(viewer, DISPLAY_OFF);
	show(4, 2);
	run();
	expect(viewer, DISPLAY_SCANOUT);
	cr_assert_eq(inbox.message.scanout.width, 4);
	expect_nothing(viewer);
	expect_greeting(viewer_comes(), DISPLAY_SCANOUT);
	gpu->scanout_off(gpu, 0);
	run();
	expect(viewer, DISPLAY_OFF);
}

Test(link, parts_are_told_together)
{
	int viewer;

	show(100, 100);
	run();
	viewer = viewer_comes();
	expect_greeting(viewer, DISPLAY_SCANOUT);
	gpu->flush(gpu, 0, &(struct virtio_gpu_area){10, 20, 5, 5});
	gpu->flush(gpu, 0, &(struct virtio_gpu_area){50, 10, 10, 2});
	run();
	expect(viewer, DISPLAY_FLUSH);
	cr_assert_eq(inbox.message.area.x, 10);
	cr_assert_eq(inbox.message.area.y, 10);
	cr_assert_eq(inbox.message.area.width, 50);
	cr_assert_eq(inbox.message.area.height, 15);
	expect_nothing(viewer);
}

Test(link, other_displays_are_not_shown)
{
	int viewer = viewer_comes();

	expect_greeting(viewer, DISPLAY_OFF);
	gpu->flush(gpu, 1, &(struct virtio_gpu_area){0, 0, 1, 1});
	gpu->scanout_off(gpu, 1);
	gpu->cursor_move(gpu, 3, 1, 1);
	run();
	expect_nothing(viewer);
}

Test(link, a_cursor_and_lights)
{
	static const uint8_t pixels[DISPLAY_CURSOR_BYTES] = {9};
	int viewer = viewer_comes();

	expect_greeting(viewer, DISPLAY_OFF);
	gpu->cursor_set(gpu, 0,
			&(struct virtio_gpu_cursor){pixels, VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 3, 4, -5, 6});
	run();
	expect(viewer, DISPLAY_CURSOR);
	cr_assert_eq(inbox.message.cursor.x, -5);
	cr_assert_eq(inbox.pixels[0], 9);
	gpu->cursor_move(gpu, 0, 7, 8);
	display_link_leds(link_, 1U << LED_CAPSL);
	run();
	expect(viewer, DISPLAY_MOVE);
	cr_assert_eq(inbox.message.move.x, 7);
	expect(viewer, DISPLAY_LEDS);
	cr_assert_eq(inbox.message.leds, 1U << LED_CAPSL);
}

Test(link, one_that_does_not_read_is_told_the_end_of_it)
{
	int viewer = viewer_comes();
	unsigned count = 0;
	int32_t last = 0;

	for (int32_t i = 1; i <= 5000; i++) {
		gpu->cursor_move(gpu, 0, i, 0);
		show(8, 8);
		run();
	}
	while (display_receive(viewer, DISPLAY_OF_GUEST, &inbox) == 1) {
		if (inbox.fd >= 0)
			close(inbox.fd);
		if (inbox.message.kind == DISPLAY_MOVE)
			last = inbox.message.move.x;
		count++;
		run();
	}
	cr_assert_eq(last, 5000);
	cr_assert_lt(count, 3000);
}

/* --- What they say --- */

static const struct display_message pressed = {
	.kind = DISPLAY_INPUT, .count = 1, .changes = {{EV_KEY, KEY_A, 1}}};

Test(link, events_and_wishes_arrive)
{
	int viewer = viewer_comes();

	say(viewer, &pressed);
	cr_assert_eq(heard_count, 1);
	cr_assert_eq(heard[0].code, KEY_A);
	say(viewer, &(struct display_message){.kind = DISPLAY_RESIZE, .resize = {640, 480}});
	cr_assert_eq(wished[0], 640);
	cr_assert_eq(wished[1], 480);
}

Test(link, what_a_viewer_held_is_let_go_when_it_goes)
{
	int viewer = viewer_comes();

	say(viewer, &pressed);
	close(viewer);
	run();
	cr_assert_eq(heard_count, 2);
	cr_assert_eq(heard[1].code, KEY_A);
	cr_assert_eq(heard[1].value, 0);
}

Test(link, nonsense_ends_a_viewer_and_nobody_else)
{
	int viewer = viewer_comes(), other = viewer_comes();
	struct display_message bad = pressed;

	expect_greeting(viewer, DISPLAY_OFF);
	expect_greeting(other, DISPLAY_OFF);
	bad.changes[0].value = 7;
	say(viewer, &bad);
	cr_assert(is_closed(viewer));
	cr_assert_eq(heard_count, 0);
	say(other, &pressed);
	cr_assert_eq(heard_count, 1);
	cr_assert_eq(send(other, "x", 1, 0), 1);
	run();
	cr_assert(is_closed(other));
	cr_assert(display_link_is_open(link_));
}

Test(link, one_that_talks_without_end_holds_nobody_up)
{
	int viewer = viewer_comes();

	while (display_send(viewer, &pressed, NULL, -1) == 0)
		;
	cr_assert_eq(loop_step(&loop, 0), 0);
	cr_assert_leq(heard_count, 64, "it is others' turn");
	run();
	cr_assert_gt(heard_count, 64);
}

Test(link, there_are_no_more_than_fit)
{
	int viewers[DISPLAY_VIEWERS_MAX + 1];

	for (unsigned i = 0; i <= DISPLAY_VIEWERS_MAX; i++)
		viewers[i] = viewer_comes();
	cr_assert(is_closed(viewers[DISPLAY_VIEWERS_MAX]));
	close(viewers[2]);
	run();
	expect_greeting(viewer_comes(), DISPLAY_OFF);
}

/* --- The channel --- */

Test(link, its_end_is_told_and_the_next_one_takes_its_place)
{
	int viewer = viewer_comes();

	expect_greeting(viewer, DISPLAY_OFF);
	close(channel);
	run();
	cr_assert_eq(closed_count, 1);
	cr_assert_not(display_link_is_open(link_));
	cr_assert(is_closed(viewer));
	open_channel();
	expect_greeting(viewer_comes(), DISPLAY_OFF);
}

Test(link, what_is_no_link_is_none)
{
	int null = open("/dev/null", O_RDWR);

	tell(KEEPER_READY, -1);
	tell(KEEPER_LINK, -1);
	tell('x', null);
	tell(KEEPER_LINK, null);
	cr_assert(display_link_is_open(link_));
	expect_greeting(viewer_comes(), DISPLAY_OFF);
}

/* --- Pictures --- */

static unsigned done_count;

static void done(void *owner)
{
	cr_assert_eq(owner, &done_count);
	done_count++;
}

Test(link, a_picture_is_written_as_ppm)
{
	struct display_scanout scanout;
	struct screenshot *screenshot;
	int ends[2], fd;
	char text[64];

	cr_assert_eq(display_link_picture(link_, &scanout), -ENODATA);
	show(4, 2);
	fd = display_link_picture(link_, &scanout);
	cr_assert_geq(fd, 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	screenshot = screenshot_begin(&loop, &scanout, fd, ends[1], done, &done_count);
	cr_assert_not_null(screenshot);
	for (unsigned i = 0; i < 50 && !done_count; i++)
		loop_step(&loop, 0);
	cr_assert_eq(done_count, 1);
	screenshot_free(screenshot);
	cr_assert_eq(read(ends[0], text, sizeof(text)), 11 + 24);
	cr_assert_arr_eq(text, "P6\n4 2\n255\n\3\2\1\7\6\5\0\0", 19);
	cr_assert_eq(read(ends[0], text, sizeof(text)), 0, "the end");
}

Test(link, who_does_not_take_it_is_waited_for)
{
	struct display_scanout scanout;
	struct screenshot *screenshot;
	int ends[2], fd;
	static char bytes[65536];
	size_t got = 0;
	ssize_t more;

	show(1000, 1000);
	fd = display_link_picture(link_, &scanout);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	screenshot = screenshot_begin(&loop, &scanout, fd, ends[1], done, &done_count);
	for (unsigned i = 0; i < 100; i++)
		loop_step(&loop, 0);
	cr_assert_eq(done_count, 0);
	while (!done_count) {
		while ((more = read(ends[0], bytes, sizeof(bytes))) > 0)
			got += (size_t)more;
		loop_step(&loop, 100);
	}
	screenshot_free(screenshot);
	while ((more = read(ends[0], bytes, sizeof(bytes))) > 0)
		got += (size_t)more;
	cr_assert_eq(got, strlen("P6\n1000 1000\n255\n") + 3000000);
}
