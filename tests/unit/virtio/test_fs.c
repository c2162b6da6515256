/* The file system device against a back end of the test's own (vhost_user_fake.h). */
#include "devmodel/virtio/fs.h"

#include <criterion/criterion.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "tests/unit/virtio/driver.h"
#include "tests/unit/virtio/vhost_user_fake.h"

#define HIPRIO  0
#define REQUEST 1
#define UNIQUE  0x1122334455667788ULL

static struct driver driver;
static struct error err;
static struct fake fakes[2];
static int channel; /* our end: we look after the back ends */

static void setup(void)
{
	driver_init(&driver);
	memset(fakes, 0, sizeof(fakes));
	fakes[0].queues = fakes[1].queues = 2;
}

static void teardown(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(fakes); i++)
		fake_stop(&fakes[i]);
	shutdown(channel, SHUT_RDWR); /* nobody who closes need wait */
	driver_close(&driver);
	close(channel);
}

TestSuite(virtio_fs, .init = setup, .fini = teardown, .timeout = 30);

static struct virtio_device *open_device(const char *tag)
{
	int ends[2];
	struct virtio_fs_options options = {.tag = tag};

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	channel = ends[0];
	options.channel = ends[1];
	fake_launch(&fakes[0], channel, 1);
	return virtio_fs_create(&options, &driver.memory, &driver.loop, &err);
}

static void attach(uint64_t features)
{
	struct virtio_device *device = open_device("data");

	cr_assert_not_null(device, "%s", err.text);
	driver_attach(&driver, device, features);
}

/* All messages of a set-up, for one. */
static void run(void)
{
	for (unsigned i = 0; i < 40; i++)
		loop_step(&driver.loop, 10);
}

static struct driver_buffer header(uint32_t opcode, uint64_t unique)
{
	const struct fuse_in_header in = {.len = sizeof(in), .opcode = opcode, .unique = unique};

	return driver_out(&driver, &in, sizeof(in));
}

/* Waits for the back end to have it: the device's loop puts it there. */
static unsigned take(unsigned queue, uint16_t *slot, struct iovec pieces[4])
{
	unsigned count = 0;

	for (unsigned i = 0; i < 100 && !count; i++) {
		loop_step(&driver.loop, 10);
		count = fake_take_pieces(&fakes[0], queue, slot, pieces, 4);
	}
	cr_assert_neq(count, 0, "the back end was asked nothing");
	return count;
}

Test(virtio_fs, says_its_tag_and_queues)
{
	struct virtio_device *device = open_device("123456789012345678901234567890123456");
	struct virtio_fs_config config;

	cr_assert_not_null(device, "%s", err.text);
	driver_plug(&driver, device);
	cr_assert_eq(device->id, VIRTIO_ID_FS);
	cr_assert_eq(device->config_size, sizeof(config));
	virtio_device_config_read(device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_arr_eq(config.tag, "123456789012345678901234567890123456", 36);
	cr_assert_eq(config.num_request_queues, 1);
}

Test(virtio_fs, a_tag_that_is_too_long_is_refused)
{
	cr_assert_null(open_device("1234567890123456789012345678901234567"));
	cr_assert_not_null(strstr(err.text, "its tag has not 1 to 36 bytes"), "%s", err.text);
}

Test(virtio_fs, a_request_goes_there_and_its_answer_comes_back)
{
	struct driver_buffer buffers[2];
	struct driver_used used;
	struct iovec pieces[4];
	uint16_t slot;

	attach(DRIVER_EVENT_INDEX | DRIVER_INDIRECT);
	buffers[0] = header(FUSE_INIT, UNIQUE);
	buffers[1] = driver_in(&driver, 64);
	driver_add(&driver, REQUEST, buffers, 2);
	driver_kick(&driver, REQUEST);
	cr_assert_eq(take(REQUEST, &slot, pieces), 2);
	cr_assert_eq(((struct fuse_in_header *)pieces[0].iov_base)->unique, UNIQUE);
	cr_assert_eq(pieces[1].iov_len, 64);
	memset(pieces[1].iov_base, 0x5a, 40);
	fake_give_bytes(&fakes[0], REQUEST, slot, 40);
	run();
	cr_assert(driver_collect(&driver, REQUEST, &used));
	cr_assert_eq(used.written, 40);
	cr_assert_eq(((uint8_t *)driver_at(&driver, buffers[1].address, 64))[39], 0x5a);
	cr_assert_eq(driver.interrupts[REQUEST], 1);
}

Test(virtio_fs, one_without_an_answer_has_none)
{
	struct driver_buffer forget;
	struct driver_used used;
	struct iovec pieces[4];
	uint16_t slot;

	attach(0);
	forget = header(FUSE_FORGET, UNIQUE);
	driver_add(&driver, HIPRIO, &forget, 1);
	driver_kick(&driver, HIPRIO);
	cr_assert_eq(take(HIPRIO, &slot, pieces), 1);
	fake_give_bytes(&fakes[0], HIPRIO, slot, 4000); /* it lies: there was no room for a byte */
	run();
	cr_assert(driver_collect(&driver, HIPRIO, &used));
	cr_assert_eq(used.written, 0);
}

Test(virtio_fs, a_request_without_its_header_breaks_it)
{
	struct driver_buffer buffers[2];

	attach(0);
	buffers[0] = driver_out(&driver, "short", 5);
	buffers[1] = driver_in(&driver, 64);
	driver_add(&driver, REQUEST, buffers, 2);
	driver_kick(&driver, REQUEST);
	cr_assert(driver_sees_broken(&driver));
}

Test(virtio_fs, no_room_for_an_answers_header_breaks_it)
{
	struct driver_buffer buffers[2];

	attach(0);
	buffers[0] = header(FUSE_GETATTR, UNIQUE);
	buffers[1] = driver_in(&driver, 15);
	driver_add(&driver, REQUEST, buffers, 2);
	driver_kick(&driver, REQUEST);
	cr_assert(driver_sees_broken(&driver));
}

/* In two pieces, the first of them short. */
static struct driver_buffer ask_in_pieces(struct driver_buffer *rest)
{
	struct driver_buffer buffers[3] = {header(FUSE_READ, UNIQUE), driver_in(&driver, 5),
					   driver_in(&driver, 80)};

	driver_add(&driver, REQUEST, buffers, 3);
	driver_kick(&driver, REQUEST);
	*rest = buffers[2];
	return buffers[1];
}

static void check_error(struct driver_buffer first, struct driver_buffer rest)
{
	struct fuse_out_header out;
	struct driver_used used;
	uint8_t bytes[sizeof(out)];

	driver_await(&driver, REQUEST, &used);
	cr_assert_eq(used.written, sizeof(out));
	memcpy(bytes, driver_at(&driver, first.address, 5), 5);
	memcpy(bytes + 5, driver_at(&driver, rest.address, sizeof(out)), sizeof(out) - 5);
	memcpy(&out, bytes, sizeof(out));
	cr_assert_eq(out.unique, UNIQUE);
	cr_assert_eq(out.error, -5); /* EIO */
	cr_assert_eq(out.len, sizeof(out));
}

Test(virtio_fs, a_dead_back_end_is_an_io_error)
{
	struct driver_buffer first, rest, forget;
	struct driver_used used;

	attach(0);
	first = ask_in_pieces(&rest);
	fake_stop(&fakes[0]);
	check_error(first, rest);
	first = ask_in_pieces(&rest); /* nor what comes after it */
	check_error(first, rest);
	forget = header(FUSE_FORGET, UNIQUE);
	driver_add(&driver, HIPRIO, &forget, 1);
	driver_kick(&driver, HIPRIO);
	driver_await(&driver, HIPRIO, &used);
	cr_assert_eq(used.written, 0);
	cr_assert_not(driver_sees_broken(&driver));
}

Test(virtio_fs, what_one_was_asked_its_successor_is_not)
{
	struct driver_buffer first, rest;
	struct iovec pieces[4];
	uint16_t slot;

	attach(0);
	first = ask_in_pieces(&rest);
	fake_stop(&fakes[0]);
	check_error(first, rest);
	fakes[0] = (struct fake){.queues = 2};
	fake_launch(&fakes[0], channel, 2);
	run();
	cr_assert_eq(fake_take_pieces(&fakes[0], REQUEST, &slot, pieces, 4), 0);
	first = ask_in_pieces(&rest); /* but what comes now */
	cr_assert_eq(take(REQUEST, &slot, pieces), 3);
	fake_give_bytes(&fakes[0], REQUEST, slot, 16);
	run();
}

Test(virtio_fs, answers_what_was_not_asked_and_is_dropped)
{
	struct driver_buffer first, rest;
	struct iovec pieces[4];
	uint32_t number = 0;
	uint16_t slot;

	attach(0);
	first = ask_in_pieces(&rest);
	take(REQUEST, &slot, pieces);
	fake_give_bytes(&fakes[0], REQUEST, (uint16_t)(slot ^ 1), 16);
	run();
	check_error(first, rest);
	cr_assert_eq(recv(channel, &number, sizeof(number), 0), (ssize_t)sizeof(number));
	cr_assert_eq(number, 1);
}

Test(virtio_fs, a_reset_forgets_what_is_under_way)
{
	struct driver_buffer first, rest;
	struct driver_used used;
	struct iovec pieces[4];
	uint16_t slot;

	attach(0);
	ask_in_pieces(&rest);
	take(REQUEST, &slot, pieces);
	fake_give_bytes(&fakes[0], REQUEST, slot, 16); /* just before: the reset waits for it */
	driver_reset(&driver);
	driver_start(&driver, 0);
	run();
	cr_assert_not(driver_collect(&driver, REQUEST, &used));
	first = ask_in_pieces(&rest);
	(void)first;
	take(REQUEST, &slot, pieces);
	fake_give_bytes(&fakes[0], REQUEST, slot, 16);
	driver_await(&driver, REQUEST, &used);
	cr_assert_eq(used.written, 16);
}
