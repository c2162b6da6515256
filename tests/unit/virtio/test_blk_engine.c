/*
 * What a disk does with io_uring beyond what test_blk.c sees: requests in flight at a reset and at its end,
 * more of them than there is room for, a kernel without threads or without io_uring, and the walls around the
 * ring.
 */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "devmodel/virtio/blk_device.h"
#include "tests/unit/virtio/blk_kernel.h"

#define SECTOR  VIRTIO_BLK_SECTOR
#define SECTORS 64
#define FLUSH   (1ULL << VIRTIO_BLK_F_FLUSH)
#define MS      1000000ULL
#define UNSEEN  0xee

static struct driver driver;
static int disk;
static struct error err;
static unsigned warnings;

void __wrap_log_limited(struct log_limit *limit, enum log_level level, const char *format, ...);

void __wrap_log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	(void)limit;
	(void)level;
	(void)format;
	warnings++;
}

static struct virtio_device *create(enum virtio_blk_engine engine)
{
	struct virtio_blk_options options = {
		.name = "test", .fd = disk, .size = SECTORS * SECTOR, .engine = engine};

	return virtio_blk_create(&options, &driver.memory, &driver.loop, &err);
}

static void setup(void)
{
	static uint8_t content[SECTORS * SECTOR];

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(1 + i / SECTOR);
	driver_init(&driver);
	driver.queue_size = 128;
	disk = memfd_create("disk", MFD_CLOEXEC);
	cr_assert_eq(write(disk, content, sizeof(content)), (ssize_t)sizeof(content));
}

static void setup_started(void)
{
	setup();
	driver_attach(&driver, create(VIRTIO_BLK_IO_URING), FLUSH | DRIVER_INDIRECT);
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(blk_engine, .init = setup_started, .fini = teardown);
TestSuite(blk_engine_make, .init = setup, .fini = teardown);

struct sent {
	struct driver_buffer data, status;
	uint16_t head;
};

static struct sent send_read(uint64_t sector)
{
	struct virtio_blk_outhdr header = {.type = VIRTIO_BLK_T_IN, .sector = sector};
	struct sent sent = {.data = driver_in(&driver, SECTOR), .status = driver_in(&driver, 1)};

	memset(driver_at(&driver, sent.data.address, SECTOR), UNSEEN, SECTOR);
	*(uint8_t *)driver_at(&driver, sent.status.address, 1) = UNSEEN;
	sent.head = driver_add_indirect(&driver, 0,
					(struct driver_buffer[]){driver_out(&driver, &header, sizeof(header)),
								 sent.data, sent.status},
					3);
	return sent;
}

static uint8_t status_of(const struct sent *sent)
{
	return *(uint8_t *)driver_at(&driver, sent->status.address, 1);
}

static void expect_read(const struct sent *sent, uint64_t sector)
{
	const uint8_t *bytes = driver_at(&driver, sent->data.address, SECTOR);

	cr_assert_eq(status_of(sent), VIRTIO_BLK_S_OK);
	for (unsigned i = 0; i < SECTOR; i++)
		cr_assert_eq(bytes[i], (uint8_t)(1 + sector), "byte %u of sector %u", i, (unsigned)sector);
}

/* The kernel goes on after a while. */
static void *go_on_later(void *argument)
{
	(void)argument;
	usleep(50000);
	atomic_store(&kernel.busy, false);
	return NULL;
}

Test(blk_engine, a_reset_waits_for_what_is_in_flight_and_nobody_hears_of_it)
{
	struct sent sent[8];
	pthread_t thread;
	uint64_t began;

	atomic_store(&kernel.busy, true);
	for (unsigned i = 0; i < ARRAY_SIZE(sent); i++)
		sent[i] = send_read(i);
	driver_kick(&driver, 0);
	began = monotonic_ns();
	cr_assert_eq(pthread_create(&thread, NULL, go_on_later, NULL), 0);
	driver_reset(&driver);
	cr_assert_geq(monotonic_ns() - began, 49 * MS);
	pthread_join(thread, NULL);

	/* The memory is another's now. */
	memset(driver.ram, UNSEEN, DRIVER_RAM_SIZE);
	driver_run(&driver);
	usleep(10000);
	driver_run(&driver);
	for (size_t i = 0; i < DRIVER_RAM_SIZE; i++)
		cr_assert_eq(driver.ram[i], UNSEEN, "byte %zu", i);

	memset(driver.ram, 0, DRIVER_RAM_SIZE);
	driver_start(&driver, FLUSH | DRIVER_INDIRECT);
	sent[0] = send_read(5);
	driver_kick(&driver, 0);
	driver_await(&driver, 0, &(struct driver_used){0});
	expect_read(&sent[0], 5);
}

static void *run_loop(void *argument)
{
	cr_assert_eq(loop_run(argument), 0);
	return NULL;
}

/* As vCPUs do it: with the loop's thread in the midst of its work. */
Test(blk_engine, a_reset_from_another_thread_at_any_time_is_safe)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, run_loop, &driver.loop), 0);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 20; i++)
			send_read(i);
		virtio_device_kick(driver.device, 0);
		if (round % 4)
			usleep(round % 7 * 20);
		driver_reset(&driver);
		memset(driver.ram, UNSEEN, DRIVER_RAM_SIZE);
		if (round % 16 == 0)
			usleep(500);
		for (size_t i = 0; i < DRIVER_RAM_SIZE; i += 64)
			cr_assert_eq(driver.ram[i], UNSEEN, "round %u, byte %zu", round, i);
		driver.heap = DRIVER_RAM_BASE;
		memset(driver.ram, 0, DRIVER_RAM_SIZE);
		driver_start(&driver, FLUSH | DRIVER_INDIRECT);
	}
	loop_stop(&driver.loop);
	pthread_join(thread, NULL);
}

Test(blk_engine, a_disk_ends_with_requests_in_flight)
{
	pthread_t thread;

	atomic_store(&kernel.busy, true);
	for (unsigned i = 0; i < 8; i++)
		send_read(i);
	driver_kick(&driver, 0);
	cr_assert_eq(pthread_create(&thread, NULL, go_on_later, NULL), 0);
	virtio_device_destroy(driver.device);
	driver.device = NULL;
	cr_assert_not(atomic_load(&kernel.busy), "nobody waited");
	pthread_join(thread, NULL);
	memset(driver.ram, UNSEEN, DRIVER_RAM_SIZE);
	usleep(10000);
	for (size_t i = 0; i < DRIVER_RAM_SIZE; i++)
		cr_assert_eq(driver.ram[i], UNSEEN, "byte %zu", i);
}

/* What came back while the kernel was busy is told of once more. */
static void go_on(void)
{
	struct blk *blk = CONTAINER_OF(driver.device, struct blk, device);

	atomic_store(&kernel.busy, false);
	cr_assert_eq(loop_modify(&driver.loop, &blk->queues[0].engine.source, EPOLLIN), 0);
}

/* A driver that lies: the same requests are available again before they were answered. */
Test(blk_engine, more_requests_than_the_queue_has_places_wait_for_one)
{
	const unsigned places = 128, more = 40;
	struct driver_used used;

	atomic_store(&kernel.busy, true);
	for (unsigned i = 0; i < places; i++)
		send_read(i % SECTORS);
	driver_kick(&driver, 0);
	for (unsigned i = 0; i < more; i++)
		driver_offer(&driver, 0, (uint16_t)i);
	driver_kick(&driver, 0);
	cr_assert_not(driver_collect(&driver, 0, &used));
	go_on();
	for (unsigned i = 0; i < places + more; i++)
		driver_await(&driver, 0, &used);
	driver_run(&driver);
	cr_assert_not(driver_collect(&driver, 0, &used));
}

Test(blk_engine, what_the_kernel_has_no_thread_for_is_done_by_a_call)
{
	struct sent sent = send_read(7);

	kernel.ring_error = EAGAIN;
	driver_kick(&driver, 0);
	driver_await(&driver, 0, &(struct driver_used){0});
	expect_read(&sent, 7);
	cr_assert_eq(kernel.rung, 1);
}

Test(blk_engine, a_file_that_became_shorter_is_told_once)
{
	struct driver_used used;
	struct sent sent[5];

	cr_assert_eq(ftruncate(disk, 4 * SECTOR), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(sent); i++)
		sent[i] = send_read(i);
	for (unsigned i = 0; i < ARRAY_SIZE(sent); i++) {
		send_read(SECTORS - 1 - i);
	}
	driver_kick(&driver, 0);
	for (unsigned i = 0; i < 2 * ARRAY_SIZE(sent); i++)
		driver_await(&driver, 0, &used);
	for (unsigned i = 0; i < 4; i++)
		expect_read(&sent[i], i);
	cr_assert_eq(status_of(&sent[4]), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(warnings, 1);
}

/* A kernel without io_uring */

Test(blk_engine_make, where_there_is_no_io_uring_the_disk_works_without)
{
	struct sent sent;

	kernel.no_ring = true;
	driver_attach(&driver, create(VIRTIO_BLK_AUTO), FLUSH | DRIVER_INDIRECT);
	cr_assert_not(virtio_blk_has_ring(driver.device));
	sent = send_read(9);
	driver_kick(&driver, 0);
	cr_assert(driver_collect(&driver, 0, &(struct driver_used){0}));
	expect_read(&sent, 9);
}

Test(blk_engine_make, a_disk_that_insists_on_io_uring_is_refused)
{
	kernel.no_ring = true;
	cr_assert_null(create(VIRTIO_BLK_IO_URING));
	cr_assert_str_eq(err.text, "disk test: io \"io_uring\" is not to be had from this kernel: "
				   "Operation not permitted");
	close(disk);
}

Test(blk_engine_make, a_disk_in_memory_needs_none)
{
	driver_attach(&driver, create(VIRTIO_BLK_AUTO), FLUSH);
	cr_assert_not(virtio_blk_has_ring(driver.device));
}

/* Rings that were made before */

Test(blk_engine_make, disks_that_come_use_rings_that_others_used)
{
	struct blk_ring_store *rings = virtio_blk_rings_make(1);
	struct virtio_blk_options options = {
		.name = "test", .size = SECTORS * SECTOR, .engine = VIRTIO_BLK_IO_URING, .rings = rings};
	struct virtio_device *other;

	cr_assert_not_null(rings);
	kernel.no_ring = true;
	for (unsigned i = 0; i < 3; i++) {
		struct sent sent;

		options.fd = dup(disk);
		driver_attach(&driver, virtio_blk_create(&options, &driver.memory, &driver.loop, &err),
			      FLUSH | DRIVER_INDIRECT);
		sent = send_read(i);
		driver_kick(&driver, 0);
		driver_await(&driver, 0, &(struct driver_used){0});
		expect_read(&sent, i);
		cr_assert_eq(kernel.rung, i + 1);

		cr_assert_null(virtio_blk_create(&options, &driver.memory, &driver.loop, &err));
		cr_assert_str_eq(err.text,
				 "disk test: io \"io_uring\" is taken by other disks that came while "
				 "the guest runs");
		options.engine = VIRTIO_BLK_BLOCKING;
		options.fd = dup(disk);
		other = virtio_blk_create(&options, &driver.memory, &driver.loop, &err);
		cr_assert_not(virtio_blk_has_ring(other));
		virtio_device_destroy(other);
		options.engine = VIRTIO_BLK_IO_URING;

		virtio_device_destroy(driver.device);
		driver.device = NULL;
	}
	virtio_blk_rings_free(rings);
	close(disk);
}

Test(blk_engine_make, a_kernel_without_io_uring_has_no_rings_to_keep)
{
	kernel.no_ring = true;
	cr_assert_null(virtio_blk_rings_make(2));
	virtio_blk_rings_free(NULL);
	close(disk);
}

/* Walls */

static int try_operation(struct io_uring *uring, unsigned char operation)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(uring);
	struct io_uring_cqe *done;
	int result;

	cr_assert_not_null(entry);
	*entry = (struct io_uring_sqe){.opcode = operation, .fd = disk};
	cr_assert_eq(io_uring_submit_and_wait(uring, 1), 1);
	cr_assert_eq(io_uring_peek_cqe(uring, &done), 0);
	result = done->res;
	io_uring_cqe_seen(uring, done);
	return result;
}

Test(blk_engine_make, the_ring_does_nothing_but_what_a_disk_needs)
{
	struct blk_ring ring;

	cr_assert_eq(blk_ring_open(&ring, 8, 1), 0);
	for (unsigned char operation = 0; operation < IORING_OP_LAST; operation++) {
		int result = try_operation(&ring.uring, operation);

		if (operation == IORING_OP_READV || operation == IORING_OP_WRITEV ||
		    operation == IORING_OP_FSYNC || operation == IORING_OP_FALLOCATE)
			cr_expect_neq(result, -EACCES, "operation %u", operation);
		else
			cr_expect_eq(result, -EACCES, "operation %u: %d", operation, result);
	}
	cr_expect_eq(io_uring_register_files(&ring.uring, &disk, 1), -EACCES);
	cr_expect_eq(io_uring_register_eventfd(&ring.uring, disk), -EACCES);
	cr_expect_lt(io_uring_enable_rings(&ring.uring), 0);
	blk_ring_close(&ring);
	close(disk);
}
