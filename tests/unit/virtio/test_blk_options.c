/*
 * What a disk's definition chooses (virtio 1.2, 5.2): caches, discard and zeroes, sizes of blocks, errors
 * that are ignored, limits. O_DIRECT is tried on a file in the working folder, where its file system has it.
 */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/blk.h"
#include "tests/unit/virtio/blk_kernel.h"

#define SECTOR       VIRTIO_BLK_SECTOR
#define DISK_SIZE    MIB(1)
#define MS           1000000ULL
#define FEATURE(bit) (1ULL << VIRTIO_BLK_F_##bit)

static struct driver driver;
static struct error err;
static int disk = -1;
static struct virtio_blk_options options;
static const uint8_t zeros[33 * SECTOR];

static void fill_disk(void)
{
	static uint8_t content[DISK_SIZE];

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(1 + i / SECTOR % 251);
	cr_assert_eq(pwrite(disk, content, sizeof(content), 0), (ssize_t)sizeof(content));
}

static void setup(void)
{
	driver_init(&driver);
	disk = memfd_create("disk", MFD_CLOEXEC);
	cr_assert_geq(disk, 0);
	fill_disk();
	options = (struct virtio_blk_options){
		.name = "test", .fd = disk, .size = DISK_SIZE, .engine = BLK_TEST_ENGINE};
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(blk_options, .init = setup, .fini = teardown);

static void start(uint64_t features)
{
	struct virtio_device *device = virtio_blk_create(&options, &driver.memory, &driver.loop, &err);

	cr_assert_not_null(device, "%s", err.text);
	driver_attach(&driver, device, features);
}

static bool offers(uint64_t feature)
{
	return driver.device->offered & feature;
}

static struct virtio_blk_config config_space(void)
{
	struct virtio_blk_config config;

	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	return config;
}

/* Adds a request without a kick; where its status will be. */
static uint8_t *add(uint32_t type, uint64_t sector, struct driver_buffer data)
{
	struct virtio_blk_outhdr header = {.type = type, .sector = sector};
	struct driver_buffer parts[3] = {driver_out(&driver, &header, sizeof(header)), data,
					 driver_in(&driver, 1)};
	uint8_t *status = driver_at(&driver, parts[2].address, 1);

	*status = 0xff;
	driver_add(&driver, 0, parts, 3);
	return status;
}

static uint8_t request(uint32_t type, uint64_t sector, struct driver_buffer data)
{
	struct driver_used used;
	uint8_t *status = add(type, sector, data);

	driver_kick(&driver, 0);
	driver_await(&driver, 0, &used);
	return *status;
}

static uint8_t flush(void)
{
	return request(VIRTIO_BLK_T_FLUSH, 0, driver_out(&driver, "", 0));
}

static uint8_t clear(uint32_t type, uint64_t sector, uint32_t sectors, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		.sector = sector, .num_sectors = sectors, .flags = flags};

	return request(type, 0, driver_out(&driver, &range, sizeof(range)));
}

/* The sectors of a range are zeros, those beside it are not. */
static void expect_cleared(uint64_t sector, unsigned sectors)
{
	uint8_t bytes[SECTOR];

	for (uint64_t i = 0; i < DISK_SIZE / SECTOR; i++) {
		bool cleared = i >= sector && i < sector + sectors;

		cr_assert_eq(pread(disk, bytes, SECTOR, (off_t)(i * SECTOR)), SECTOR);
		cr_assert_eq(memcmp(bytes, zeros, SECTOR) == 0, cleared, "sector %lu", i);
	}
}

static uint64_t allocated(void)
{
	struct stat status;

	cr_assert_eq(fstat(disk, &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

/* Caches */

Test(blk_options, write_through_offers_no_flush_and_makes_each_write_safe)
{
	options.write_through = true;
	start(0);
	cr_assert_not(offers(FEATURE(FLUSH)));
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_in(&driver, 0)), VIRTIO_BLK_S_OK);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, "x", 1)), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, zeros, SECTOR)), VIRTIO_BLK_S_OK);
	cr_assert_eq(kernel.write_flags, RWF_DSYNC);
	cr_assert_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_OK);
	cr_assert_eq(kernel.syncs, 1);
}

Test(blk_options, unsafe_flushes_nothing)
{
	options.unsafe = true;
	start(FEATURE(FLUSH));
	cr_assert_eq(flush(), VIRTIO_BLK_S_OK);
	cr_assert_eq(kernel.syncs, 0);
	driver_reset(&driver);
	driver_start(&driver, 0);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, zeros, SECTOR)), VIRTIO_BLK_S_OK);
	cr_assert_eq(kernel.write_flags, 0);
}

/* Discard and zeroes */

Test(blk_options, discard_is_offered_only_when_wanted)
{
	start(FEATURE(FLUSH));
	cr_assert_not(offers(FEATURE(DISCARD)));
	cr_assert_eq(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	expect_cleared(0, 0);
}

Test(blk_options, a_read_only_disk_offers_neither_discard_nor_zeroes)
{
	options.read_only = options.discard = true;
	start(FEATURE(RO));
	cr_assert_not(offers(FEATURE(DISCARD) | FEATURE(WRITE_ZEROES)));
	cr_assert_eq(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_IOERR);
	expect_cleared(0, 0);
}

Test(blk_options, what_is_discarded_is_given_back)
{
	uint64_t before = allocated();

	options.discard = true;
	start(FEATURE(DISCARD));
	cr_assert_geq(config_space().max_discard_sectors, 1024);
	cr_assert_eq(clear(VIRTIO_BLK_T_DISCARD, 1024, 512, 0), VIRTIO_BLK_S_OK);
	expect_cleared(1024, 512);
	cr_assert_eq(allocated(), before - 512 * SECTOR);
	cr_assert_eq(lseek(disk, 0, SEEK_END), DISK_SIZE);
}

Test(blk_options, several_ranges_are_cleared_at_once)
{
	struct virtio_blk_discard_write_zeroes ranges[] = {{.sector = 8, .num_sectors = 8},
							   {.sector = 16, .num_sectors = 8}};

	options.discard = true;
	start(FEATURE(DISCARD));
	cr_assert_eq(request(VIRTIO_BLK_T_DISCARD, 0, driver_out(&driver, ranges, sizeof(ranges))),
		     VIRTIO_BLK_S_OK);
	expect_cleared(8, 16);
}

Test(blk_options, zeroes_keep_their_room_unless_the_guest_gives_it_away)
{
	uint64_t before = allocated();

	options.discard = true;
	start(FEATURE(WRITE_ZEROES));
	cr_assert_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 256, 0), VIRTIO_BLK_S_OK);
	expect_cleared(0, 256);
	cr_assert_eq(allocated(), before);
	cr_assert_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 256, 1), VIRTIO_BLK_S_OK);
	expect_cleared(0, 256);
	cr_assert_eq(allocated(), before - 256 * SECTOR);
}

Test(blk_options, zeroes_keep_their_room_where_discards_are_ignored)
{
	uint64_t before = allocated();

	start(FEATURE(WRITE_ZEROES));
	cr_assert_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 8, 300, 1), VIRTIO_BLK_S_OK);
	expect_cleared(8, 300);
	cr_assert_eq(allocated(), before);
}

Test(blk_options, zeroes_are_written_where_the_file_system_cannot)
{
	kernel.allocate_error = EOPNOTSUPP;
	kernel.allocate_mode = ~0;
	start(FEATURE(WRITE_ZEROES));
	cr_assert_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 3, 1000, 1), VIRTIO_BLK_S_OK);
	expect_cleared(3, 1000);
}

Test(blk_options, a_file_system_that_cannot_discard_is_told)
{
	options.discard = true;
	kernel.allocate_error = EOPNOTSUPP;
	kernel.allocate_mode = FALLOC_FL_PUNCH_HOLE;
	start(FEATURE(DISCARD));
	cr_assert_eq(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_UNSUPP);
	kernel.allocate_error = EIO;
	cr_assert_eq(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_IOERR);
}

Test(blk_options, bad_ranges_clear_nothing)
{
	static const struct {
		uint64_t sector;
		uint32_t sectors;
		uint32_t flags;
		uint8_t status;
	} bad[] = {
		{DISK_SIZE / SECTOR, 1, 0, VIRTIO_BLK_S_IOERR},
		{DISK_SIZE / SECTOR - 1, 2, 0, VIRTIO_BLK_S_IOERR},
		{UINT64_MAX, 1, 0, VIRTIO_BLK_S_IOERR},
		{UINT64_MAX / SECTOR + 1, 8, 0, VIRTIO_BLK_S_IOERR},
		{1ULL << 63, 8, 0, VIRTIO_BLK_S_IOERR},
		{0, UINT32_MAX, 0, VIRTIO_BLK_S_IOERR},
		{0, 8, 2, VIRTIO_BLK_S_UNSUPP},
		{0, 8, UINT32_MAX, VIRTIO_BLK_S_UNSUPP},
	};

	options.discard = true;
	start(FEATURE(DISCARD) | FEATURE(WRITE_ZEROES));
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect_eq(clear(VIRTIO_BLK_T_DISCARD, bad[i].sector, bad[i].sectors, bad[i].flags),
			     bad[i].status, "discard %u", i);
		cr_expect_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, bad[i].sector, bad[i].sectors, bad[i].flags),
			     bad[i].status, "zeroes %u", i);
	}
	cr_assert_eq(clear(VIRTIO_BLK_T_DISCARD, 0, 8, 1), VIRTIO_BLK_S_UNSUPP);
	cr_assert_eq(request(VIRTIO_BLK_T_DISCARD, 0, driver_out(&driver, zeros, 15)),
		     VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_DISCARD, 0, driver_out(&driver, zeros, 0)),
		     VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_DISCARD, 0, driver_out(&driver, zeros, 33 * 16)),
		     VIRTIO_BLK_S_IOERR);
	expect_cleared(0, 0);
}

/* Sizes of blocks */

Test(blk_options, sizes_of_blocks_are_told)
{
	options.logical_block = 1024;
	options.physical_block = 8192;
	start(FEATURE(BLK_SIZE) | FEATURE(TOPOLOGY));
	cr_assert(offers(FEATURE(BLK_SIZE)) && offers(FEATURE(TOPOLOGY)));
	cr_assert_eq(config_space().blk_size, 1024);
	cr_assert_eq(config_space().physical_block_exp, 3);
	cr_assert_eq(config_space().capacity, DISK_SIZE / SECTOR);
}

Test(blk_options, sectors_are_not_told)
{
	start(0);
	cr_assert_not(offers(FEATURE(BLK_SIZE) | FEATURE(TOPOLOGY)));
}

Test(blk_options, a_size_that_is_no_multiple_of_the_block_is_refused)
{
	options.logical_block = 4096;
	options.size = 5 * SECTOR;
	cr_assert_null(virtio_blk_create(&options, &driver.memory, &driver.loop, &err));
	cr_assert_str_eq(err.text, "disk test: its size, 2560 bytes, is not a multiple of 4096");
	close(disk);
}

/* Errors */

Test(blk_options, ignored_errors_are_zeros_and_lost_writes)
{
	struct driver_buffer data = driver_in(&driver, SECTOR);

	memset(driver_at(&driver, data.address, SECTOR), 0x55, SECTOR);
	options.ignore_errors = true;
	start(FEATURE(FLUSH));
	kernel.error = EIO;
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, data), VIRTIO_BLK_S_OK);
	cr_assert_arr_eq(driver_at(&driver, data.address, SECTOR), zeros, SECTOR);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, zeros, SECTOR)), VIRTIO_BLK_S_OK);
	cr_assert_eq(flush(), VIRTIO_BLK_S_OK);
	/* The guest's own mistakes are not errors of the host. */
	cr_assert_eq(request(VIRTIO_BLK_T_IN, DISK_SIZE / SECTOR, data), VIRTIO_BLK_S_IOERR);
	expect_cleared(0, 0);
}

static unsigned stops;
static char stop_why[256];

static void disk_stopped(void *owner, const char *why)
{
	cr_assert_eq(owner, &driver);
	stops++;
	snprintf(stop_why, sizeof(stop_why), "%s", why);
}

Test(blk_options, what_failed_is_tried_again_by_a_disk_that_stops)
{
	struct driver_buffer out = driver_out(&driver, zeros, SECTOR);
	struct driver_used used;
	uint8_t *statuses[2];

	options.stopped = disk_stopped;
	options.owner = &driver;
	start(FEATURE(FLUSH));
	kernel.error = ENOSPC;
	statuses[0] = add(VIRTIO_BLK_T_OUT, 3, out);
	statuses[1] = add(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR));
	driver_kick(&driver, 0);
	cr_assert_not(driver_collect(&driver, 0, &used), "a request that failed was answered");
	cr_assert_eq(stops, 1);
	cr_assert_str_eq(stop_why, "disk test: cannot write: No space left on device");
	driver_kick(&driver, 0);
	cr_assert_eq(stops, 2);

	kernel.error = 0;
	driver_kick(&driver, 0);
	for (unsigned i = 0; i < 2; i++) {
		driver_await(&driver, 0, &used);
		cr_assert_eq(*statuses[i], VIRTIO_BLK_S_OK, "request %u", i);
	}
	cr_assert_eq(stops, 2);
}

Test(blk_options, a_disk_that_stops_reports_flushes_and_the_guests_own_mistakes)
{
	options.stopped = disk_stopped;
	options.owner = &driver;
	start(FEATURE(FLUSH));
	cr_assert_eq(request(VIRTIO_BLK_T_IN, DISK_SIZE / SECTOR, driver_in(&driver, SECTOR)),
		     VIRTIO_BLK_S_IOERR);
	kernel.error = EIO;
	cr_assert_eq(flush(), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(stops, 0);
}

/* O_DIRECT */

/* False: this file system has none. */
static bool use_direct_file(void)
{
	char name[] = "blk-options-XXXXXX";

	close(disk);
	disk = mkostemp(name, O_CLOEXEC);
	cr_assert_geq(disk, 0);
	unlink(name);
	fill_disk();
	fsync(disk);
	options.fd = disk;
	return fcntl(disk, F_SETFL, fcntl(disk, F_GETFL) | O_DIRECT) == 0;
}

/* A buffer at this distance from a page's beginning. */
static struct driver_buffer buffer_at(unsigned offset, uint32_t len, bool writable)
{
	uint64_t address = driver_alloc(&driver, len + 2 * 4096);

	return (struct driver_buffer){((address + 4095) & ~4095ULL) + offset, len, writable};
}

Test(blk_options, direct_takes_buffers_at_any_address)
{
	static const unsigned offsets[] = {0, 512, 1, 8, 4095};
	uint8_t pattern[16 * SECTOR], found[16 * SECTOR];

	if (!use_direct_file())
		cr_skip_test("this file system has no O_DIRECT");
	start(FEATURE(FLUSH));
	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct driver_buffer out = buffer_at(offsets[i], sizeof(pattern), false);
		struct driver_buffer in = buffer_at(offsets[i], sizeof(pattern), true);

		memset(pattern, (int)(0x80 + i), sizeof(pattern));
		memcpy(driver_at(&driver, out.address, out.len), pattern, sizeof(pattern));
		cr_expect_eq(request(VIRTIO_BLK_T_OUT, 64, out), VIRTIO_BLK_S_OK, "write at %u", offsets[i]);
		cr_expect_eq(request(VIRTIO_BLK_T_IN, 64, in), VIRTIO_BLK_S_OK, "read at %u", offsets[i]);
		cr_expect_arr_eq(driver_at(&driver, in.address, in.len), pattern, sizeof(pattern));
	}
	cr_assert_eq(fcntl(disk, F_SETFL, fcntl(disk, F_GETFL) & ~O_DIRECT), 0);
	cr_assert_eq(pread(disk, found, sizeof(found), 64 * SECTOR), (ssize_t)sizeof(found));
	cr_assert_arr_eq(found, pattern, sizeof(found));
}

/* Header and status are none of the data's, and need no alignment. */
Test(blk_options, direct_copies_no_buffers_that_are_aligned)
{
	struct driver_buffer in;

	if (!use_direct_file())
		cr_skip_test("this file system has no O_DIRECT");
	start(FEATURE(FLUSH));
	in = buffer_at(0, 16 * SECTOR, true);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 64, in), VIRTIO_BLK_S_OK);
	cr_assert_eq(kernel.read_into, driver_at(&driver, in.address, in.len));
}

Test(blk_options, direct_moves_more_than_its_buffer_holds)
{
	const uint32_t size = KIB(600);
	struct driver_buffer in;

	if (!use_direct_file())
		cr_skip_test("this file system has no O_DIRECT");
	start(FEATURE(FLUSH));
	in = buffer_at(3, size, true);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 8, in), VIRTIO_BLK_S_OK);
	for (uint32_t i = 0; i < size; i += SECTOR)
		cr_assert_eq(*(uint8_t *)driver_at(&driver, in.address + i, 1),
			     (uint8_t)(1 + (8 + i / SECTOR) % 251));
}

/* Limits: what may not be sooner is looked at, since a busy machine may always be later. */

/* Runs the loop until a request is answered; how long that took since `begin`. */
static uint64_t answered_after(uint64_t begin)
{
	struct driver_used used;

	while (!driver_collect(&driver, 0, &used)) {
		cr_assert_lt(monotonic_ns() - begin, 10000 * MS, "it is never answered");
		cr_assert_eq(loop_step(&driver.loop, 100), 0);
	}
	return monotonic_ns() - begin;
}

Test(blk_options, operations_wait_for_their_turn)
{
	uint64_t begin;

	options.operations.total = (struct rate){.rate = 20, .burst = 1};
	start(FEATURE(FLUSH));
	begin = monotonic_ns();
	for (unsigned i = 0; i < 5; i++)
		add(VIRTIO_BLK_T_IN, i, driver_in(&driver, SECTOR));
	driver_kick(&driver, 0);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t least = i < 2 ? 0 : (i - 1) * 50 * MS;

		cr_assert_geq(answered_after(begin), least, "request %u", i);
	}
}

Test(blk_options, bytes_wait_and_flushes_do_not)
{
	uint64_t begin;

	options.bytes.write = (struct rate){.rate = 64 * SECTOR, .burst = SECTOR};
	start(FEATURE(FLUSH));
	begin = monotonic_ns();
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, zeros, 8 * SECTOR)),
		     VIRTIO_BLK_S_OK);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, 64 * SECTOR)), VIRTIO_BLK_S_OK);
	cr_assert_eq(flush(), VIRTIO_BLK_S_OK);
	add(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, zeros, SECTOR));
	driver_kick(&driver, 0);
	cr_assert_geq(answered_after(begin), 7 * 1000 * MS / 64);
}

Test(blk_options, zeroes_are_bytes_that_are_written)
{
	uint64_t begin;

	options.bytes.write = (struct rate){.rate = 64 * SECTOR, .burst = SECTOR};
	start(FEATURE(FLUSH));
	begin = monotonic_ns();
	cr_assert_eq(clear(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_OK);
	add(VIRTIO_BLK_T_WRITE_ZEROES, 0,
	    driver_out(&driver, &(struct virtio_blk_discard_write_zeroes){.num_sectors = 1},
		       sizeof(struct virtio_blk_discard_write_zeroes)));
	driver_kick(&driver, 0);
	cr_assert_geq(answered_after(begin), 7 * 1000 * MS / 64);
}

Test(blk_options, a_reset_forgets_who_waits)
{
	options.operations.read = (struct rate){.rate = 1, .burst = 1};
	start(FEATURE(FLUSH));
	for (unsigned i = 0; i < 4; i++)
		add(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR));
	driver_kick(&driver, 0);
	driver_reset(&driver);
	driver_start(&driver, FEATURE(FLUSH));
	cr_assert_eq(flush(), VIRTIO_BLK_S_OK);
}
