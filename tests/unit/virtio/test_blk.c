/* The disk (virtio 1.2, 5.2) over a memfd, with either engine. */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/blk.h"
#include "tests/unit/virtio/blk_kernel.h"

#define SECTOR             VIRTIO_BLK_SECTOR
#define SECTORS            64
#define FLUSH              (1ULL << VIRTIO_BLK_F_FLUSH)
#define STATUS_NOT_WRITTEN 0xff

static const uint8_t other[4 * SECTOR]; /* not what the disk holds */
static struct driver driver;
static int disk;
static struct error err;

static void fill(uint8_t *bytes, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(seed + i + i / SECTOR * 7);
}

static struct virtio_device *create(bool read_only, const char *id)
{
	struct virtio_blk_options options = {
		.name = "test",
		.fd = disk,
		.size = SECTORS * SECTOR,
		.read_only = read_only,
		.id = id,
		.engine = BLK_TEST_ENGINE,
	};

	return virtio_blk_create(&options, &driver.memory, &driver.loop, &err);
}

static void setup(void)
{
	uint8_t content[SECTORS * SECTOR];

	driver_init(&driver);
	disk = memfd_create("disk", MFD_CLOEXEC);
	cr_assert_geq(disk, 0);
	fill(content, sizeof(content), 0);
	cr_assert_eq(write(disk, content, sizeof(content)), (ssize_t)sizeof(content));
}

static void setup_started(void)
{
	setup();
	driver_attach(&driver, create(false, "serial"), FLUSH);
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(blk, .init = setup_started, .fini = teardown);
TestSuite(blk_create, .init = setup, .fini = teardown);

static struct driver_buffer header(uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr bytes = {.type = type, .sector = sector};

	return driver_out(&driver, &bytes, sizeof(bytes));
}

static struct driver_buffer status_byte(void)
{
	struct driver_buffer buffer = driver_in(&driver, 1);

	*(uint8_t *)driver_at(&driver, buffer.address, 1) = STATUS_NOT_WRITTEN;
	return buffer;
}

static uint8_t byte_at(uint64_t address)
{
	return *(uint8_t *)driver_at(&driver, address, 1);
}

/* Sends header, data, status; returns the status, and how much the device says it wrote. */
static uint8_t request_parts(uint32_t type, uint64_t sector, const struct driver_buffer *data, unsigned count,
			     uint32_t *written)
{
	struct driver_buffer all[DRIVER_QUEUE_SIZE];
	struct driver_used used;
	uint16_t head;

	all[0] = header(type, sector);
	for (unsigned i = 0; i < count; i++)
		all[1 + i] = data[i];
	all[1 + count] = status_byte();
	head = driver_add(&driver, 0, all, count + 2);
	driver_kick(&driver, 0);
	driver_await(&driver, 0, &used);
	cr_assert_eq(used.head, head);
	cr_assert_not(driver_sees_broken(&driver));
	if (written)
		*written = used.written;
	return byte_at(all[1 + count].address);
}

static uint8_t request(uint32_t type, uint64_t sector, struct driver_buffer data)
{
	return request_parts(type, sector, &data, 1, NULL);
}

static void breaks(const struct driver_buffer *buffers, unsigned count)
{
	struct driver_used used;

	driver_add(&driver, 0, buffers, count);
	driver_kick(&driver, 0);
	cr_assert(driver_sees_broken(&driver));
	cr_assert_not(driver_collect(&driver, 0, &used));
	cr_assert_eq(driver.config_interrupts, 1);
}

static void expect_disk(uint64_t offset, const void *bytes, size_t len)
{
	uint8_t found[SECTORS * SECTOR];

	cr_assert_eq(pread(disk, found, len, (off_t)offset), (ssize_t)len);
	cr_assert_arr_eq(found, bytes, len);
}

static void expect_untouched_disk(void)
{
	uint8_t content[SECTORS * SECTOR];

	fill(content, sizeof(content), 0);
	expect_disk(0, content, sizeof(content));
	cr_assert_eq(lseek(disk, 0, SEEK_END), SECTORS * SECTOR);
}

static void expect_guest(struct driver_buffer buffer, uint64_t disk_offset)
{
	uint8_t content[SECTORS * SECTOR];

	fill(content, sizeof(content), 0);
	cr_assert_arr_eq(driver_at(&driver, buffer.address, buffer.len), content + disk_offset, buffer.len);
}

/* Reading */

Test(blk, read_returns_the_sectors)
{
	struct driver_buffer data = driver_in(&driver, 3 * SECTOR);
	uint32_t written;

	cr_assert_eq(request_parts(VIRTIO_BLK_T_IN, 5, &data, 1, &written), VIRTIO_BLK_S_OK);
	cr_assert_eq(written, 3 * SECTOR + 1);
	expect_guest(data, 5 * SECTOR);
	cr_assert_eq(driver.interrupts[0], 1);
}

Test(blk, read_fills_segments_of_any_size)
{
	struct driver_buffer data[] = {driver_in(&driver, 1), driver_in(&driver, SECTOR),
				       driver_in(&driver, 0), driver_in(&driver, SECTOR - 1)};

	cr_assert_eq(request_parts(VIRTIO_BLK_T_IN, 2, data, ARRAY_SIZE(data), NULL), VIRTIO_BLK_S_OK);
	expect_guest(data[0], 2 * SECTOR);
	expect_guest(data[1], 2 * SECTOR + 1);
	expect_guest(data[3], 3 * SECTOR + 1);
}

Test(blk, read_of_the_last_sector_works)
{
	struct driver_buffer data = driver_in(&driver, SECTOR);

	cr_assert_eq(request(VIRTIO_BLK_T_IN, SECTORS - 1, data), VIRTIO_BLK_S_OK);
	expect_guest(data, (SECTORS - 1) * SECTOR);
}

Test(blk, read_past_end_fails)
{
	cr_assert_eq(request(VIRTIO_BLK_T_IN, SECTORS, driver_in(&driver, SECTOR)), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, SECTORS - 1, driver_in(&driver, 2 * SECTOR)),
		     VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, (SECTORS + 1) * SECTOR)),
		     VIRTIO_BLK_S_IOERR);
}

Test(blk, a_sector_that_wraps_around_64_bits_fails)
{
	static const uint64_t sectors[] = {UINT64_MAX, UINT64_MAX - 1, 1ULL << 55, (1ULL << 55) + 1,
					   1ULL << 63};

	for (unsigned i = 0; i < ARRAY_SIZE(sectors); i++) {
		cr_expect_eq(request(VIRTIO_BLK_T_IN, sectors[i], driver_in(&driver, 2 * SECTOR)),
			     VIRTIO_BLK_S_IOERR, "read of %lx", sectors[i]);
		cr_expect_eq(request(VIRTIO_BLK_T_OUT, sectors[i], driver_out(&driver, other, 2 * SECTOR)),
			     VIRTIO_BLK_S_IOERR, "write of %lx", sectors[i]);
	}
	expect_untouched_disk();
}

Test(blk, sizes_that_are_not_whole_sectors_fail)
{
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR - 1)), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR + 1)), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, other, 100)), VIRTIO_BLK_S_IOERR);
	expect_untouched_disk();
}

Test(blk, a_read_of_nothing_succeeds)
{
	uint32_t written;

	cr_assert_eq(request_parts(VIRTIO_BLK_T_IN, 0, NULL, 0, &written), VIRTIO_BLK_S_OK);
	cr_assert_eq(written, 1);
}

Test(blk, a_file_that_became_shorter_fails)
{
	cr_assert_eq(ftruncate(disk, 4 * SECTOR), 0);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 3, driver_in(&driver, 2 * SECTOR)), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 3, driver_in(&driver, SECTOR)), VIRTIO_BLK_S_OK);
}

/* 2.7.8.2: how much was written counts from the first byte on, and the status lies behind the data. */

Test(blk, a_read_that_fails_reports_nothing_written)
{
	struct driver_buffer data = driver_in(&driver, SECTOR);
	uint32_t written;

	cr_assert_eq(request_parts(VIRTIO_BLK_T_IN, SECTORS, &data, 1, &written), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(written, 0);
	kernel.error = EIO;
	cr_assert_eq(request_parts(VIRTIO_BLK_T_IN, 0, &data, 1, &written), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(written, 0);
}

Test(blk, a_read_that_fails_half_way_reports_what_was_written)
{
	struct driver_buffer data = driver_in(&driver, 2 * SECTOR);
	uint32_t written;

	cr_assert_eq(ftruncate(disk, 4 * SECTOR), 0);
	cr_assert_eq(request_parts(VIRTIO_BLK_T_IN, 3, &data, 1, &written), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(written, SECTOR);
}

Test(blk, a_failure_without_data_to_write_reports_the_status)
{
	struct driver_buffer data = driver_out(&driver, other, SECTOR);
	uint32_t written;

	cr_assert_eq(request_parts(VIRTIO_BLK_T_OUT, SECTORS, &data, 1, &written), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(written, 1);
}

Test(blk, an_unsupported_request_reports_nothing_written)
{
	struct driver_buffer data = driver_in(&driver, SECTOR);
	uint32_t written;

	cr_assert_eq(request_parts(UINT32_MAX, 0, &data, 1, &written), VIRTIO_BLK_S_UNSUPP);
	cr_assert_eq(written, 0);
}

Test(blk, an_id_in_a_larger_buffer_reports_the_id)
{
	struct driver_buffer data = driver_in(&driver, VIRTIO_BLK_ID_BYTES + 12);
	uint32_t written;

	cr_assert_eq(request_parts(VIRTIO_BLK_T_GET_ID, 0, &data, 1, &written), VIRTIO_BLK_S_OK);
	cr_assert_eq(written, VIRTIO_BLK_ID_BYTES);
}

/* Writing */

Test(blk, write_changes_the_sectors_and_no_others)
{
	uint8_t content[SECTORS * SECTOR];
	uint32_t written;
	struct driver_buffer data;

	fill(content, sizeof(content), 0);
	fill(content + 7 * SECTOR, 2 * SECTOR, 99);
	data = driver_out(&driver, content + 7 * SECTOR, 2 * SECTOR);
	cr_assert_eq(request_parts(VIRTIO_BLK_T_OUT, 7, &data, 1, &written), VIRTIO_BLK_S_OK);
	cr_assert_eq(written, 1);
	expect_disk(0, content, sizeof(content));
	cr_assert_eq(kernel.write_flags, 0);
}

Test(blk, write_gathers_segments_of_any_size)
{
	uint8_t bytes[SECTOR];
	struct driver_buffer data[3];

	fill(bytes, sizeof(bytes), 55);
	data[0] = driver_out(&driver, bytes, 1);
	data[1] = driver_out(&driver, bytes + 1, 10);
	data[2] = driver_out(&driver, bytes + 11, SECTOR - 11);
	cr_assert_eq(request_parts(VIRTIO_BLK_T_OUT, 1, data, 3, NULL), VIRTIO_BLK_S_OK);
	expect_disk(SECTOR, bytes, SECTOR);
}

Test(blk, write_past_end_fails_and_grows_nothing)
{
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, SECTORS, driver_out(&driver, other, SECTOR)),
		     VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, SECTORS - 1, driver_out(&driver, other, 2 * SECTOR)),
		     VIRTIO_BLK_S_IOERR);
	expect_untouched_disk();
}

Test(blk_create, a_driver_that_cannot_flush_gets_writes_that_are_safe)
{
	driver_attach(&driver, create(false, ""), 0);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, other, SECTOR)), VIRTIO_BLK_S_OK);
	cr_assert_eq(kernel.write_flags, RWF_DSYNC);
}

Test(blk_create, write_to_a_read_only_disk_fails)
{
	driver_attach(&driver, create(true, ""), FLUSH | 1ULL << VIRTIO_BLK_F_RO);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, other, SECTOR)), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR)), VIRTIO_BLK_S_OK);
	expect_untouched_disk();
}

Test(blk_create, write_to_a_read_only_disk_fails_when_the_driver_did_not_ask)
{
	driver_attach(&driver, create(true, ""), FLUSH);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, other, SECTOR)), VIRTIO_BLK_S_IOERR);
	expect_untouched_disk();
}

/* Other requests */

Test(blk, flush_syncs_the_file)
{
	cr_assert_eq(request_parts(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL), VIRTIO_BLK_S_OK);
	cr_assert_eq(kernel.syncs, 1);
}

Test(blk, get_id_returns_the_serial_number)
{
	char expected[VIRTIO_BLK_ID_BYTES] = "serial";
	struct driver_buffer data = driver_in(&driver, VIRTIO_BLK_ID_BYTES);
	uint32_t written;

	cr_assert_eq(request_parts(VIRTIO_BLK_T_GET_ID, 0, &data, 1, &written), VIRTIO_BLK_S_OK);
	cr_assert_eq(written, VIRTIO_BLK_ID_BYTES + 1);
	cr_assert_arr_eq(driver_at(&driver, data.address, data.len), expected, data.len);
}

Test(blk, get_id_crosses_descriptors)
{
	struct driver_buffer data[] = {driver_in(&driver, 3), driver_in(&driver, VIRTIO_BLK_ID_BYTES - 3)};

	cr_assert_eq(request_parts(VIRTIO_BLK_T_GET_ID, 0, data, 2, NULL), VIRTIO_BLK_S_OK);
	cr_assert_arr_eq(driver_at(&driver, data[0].address, 3), "ser", 3);
	cr_assert_arr_eq(driver_at(&driver, data[1].address, 4), "ial\0", 4);
}

Test(blk, get_id_into_too_little_room_fails)
{
	cr_assert_eq(request(VIRTIO_BLK_T_GET_ID, 0, driver_in(&driver, VIRTIO_BLK_ID_BYTES - 1)),
		     VIRTIO_BLK_S_IOERR);
}

Test(blk_create, an_id_of_twenty_bytes_has_no_end_mark)
{
	struct driver_buffer data;

	driver_attach(&driver, create(false, "abcdefghijklmnopqrstuvwxyz"), FLUSH);
	data = driver_in(&driver, VIRTIO_BLK_ID_BYTES);
	cr_assert_eq(request(VIRTIO_BLK_T_GET_ID, 0, data), VIRTIO_BLK_S_OK);
	cr_assert_arr_eq(driver_at(&driver, data.address, data.len), "abcdefghijklmnopqrst", data.len);
}

Test(blk, an_unknown_request_is_unsupported)
{
	cr_assert_eq(request(VIRTIO_BLK_T_DISCARD, 0, driver_out(&driver, other, 16)), VIRTIO_BLK_S_UNSUPP);
	cr_assert_eq(request(UINT32_MAX, 0, driver_in(&driver, SECTOR)), VIRTIO_BLK_S_UNSUPP);
}

/* Ill-formed requests */

Test(blk, a_request_without_status_byte_breaks_the_device)
{
	breaks((struct driver_buffer[]){header(VIRTIO_BLK_T_OUT, 0), driver_out(&driver, other, SECTOR)}, 2);
	expect_untouched_disk();
}

Test(blk, a_status_byte_of_length_zero_breaks_the_device)
{
	breaks((struct driver_buffer[]){header(VIRTIO_BLK_T_FLUSH, 0), driver_in(&driver, 0)}, 2);
}

Test(blk, a_short_header_breaks_the_device)
{
	struct driver_buffer head = header(VIRTIO_BLK_T_IN, 0);

	head.len--;
	breaks((struct driver_buffer[]){head, driver_in(&driver, SECTOR), status_byte()}, 3);
}

Test(blk, a_request_without_header_breaks_the_device)
{
	breaks((struct driver_buffer[]){driver_in(&driver, SECTOR), status_byte()}, 2);
}

Test(blk, a_broken_ring_breaks_the_device)
{
	breaks((struct driver_buffer[]){header(VIRTIO_BLK_T_IN, 0),
					{.address = 0, .len = SECTOR, .writable = true}},
	       2);
}

Test(blk, a_broken_device_works_again_after_reset)
{
	breaks((struct driver_buffer[]){driver_in(&driver, SECTOR), status_byte()}, 2);
	driver_reset(&driver);
	driver_start(&driver, FLUSH);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR)), VIRTIO_BLK_S_OK);
}

/* What it has done */

static uint64_t measured(enum virtio_blk_kind kind)
{
	struct latency latency;
	uint64_t count = 0;

	virtio_blk_latency(driver.device, kind, &latency);
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		count += counter_read(&latency.counts[i]);
	cr_assert_eq(count > 0, counter_read(&latency.sum_ns) > 0);
	return count;
}

Test(blk, its_work_is_counted)
{
	struct virtio_counters counters;

	request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, 2 * SECTOR));
	request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, other, SECTOR));
	request(VIRTIO_BLK_T_OUT, 1, driver_out(&driver, other, SECTOR));
	request_parts(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL);
	virtio_device_count(driver.device, &counters);
	cr_expect_eq(counters.errors, 0);
	request(VIRTIO_BLK_T_IN, SECTORS, driver_in(&driver, SECTOR));
	request_parts(VIRTIO_BLK_T_GET_ID, 0, &(struct driver_buffer){0}, 0, NULL);
	virtio_device_count(driver.device, &counters);
	cr_expect_eq(counters.requests, 6);
	cr_expect_eq(counters.notifications, 6);
	cr_expect_eq(counters.interrupts, 6);
	cr_expect_eq(counters.errors, 2, "beyond the end; no room for the id");
	cr_expect_eq(counters.to_guest, 2 * SECTOR);
	cr_expect_eq(counters.from_guest, 2 * SECTOR);
	cr_expect_eq(measured(VIRTIO_BLK_READ), 2);
	cr_expect_eq(measured(VIRTIO_BLK_WRITE), 2);
	cr_expect_eq(measured(VIRTIO_BLK_FLUSH), 1);
	breaks((struct driver_buffer[]){driver_in(&driver, SECTOR), status_byte()}, 2);
	virtio_device_count(driver.device, &counters);
	cr_expect_eq(counters.errors, 3);
}

Test(blk, header_data_and_status_may_lie_in_any_descriptors)
{
	uint8_t bytes[sizeof(struct virtio_blk_outhdr) + SECTOR] = {0};
	struct virtio_blk_outhdr head = {.type = VIRTIO_BLK_T_OUT, .sector = 9};
	struct driver_used used;
	struct driver_buffer status = status_byte();

	memcpy(bytes, &head, sizeof(head));
	fill(bytes + sizeof(head), SECTOR, 33);
	driver_add(&driver, 0,
		   (struct driver_buffer[]){driver_out(&driver, bytes, 5), driver_out(&driver, bytes + 5, 20),
					    driver_out(&driver, bytes + 25, sizeof(bytes) - 25), status},
		   4);
	driver_kick(&driver, 0);
	driver_await(&driver, 0, &used);
	cr_assert_eq(byte_at(status.address), VIRTIO_BLK_S_OK);
	expect_disk(9 * SECTOR, bytes + sizeof(head), SECTOR);
}

Test(blk, data_and_status_may_share_a_descriptor)
{
	struct driver_buffer data = driver_in(&driver, SECTOR + 1), empty = driver_in(&driver, 0);
	struct driver_used used;

	driver_add(&driver, 0, (struct driver_buffer[]){header(VIRTIO_BLK_T_IN, 4), data, empty}, 3);
	driver_kick(&driver, 0);
	driver_await(&driver, 0, &used);
	cr_assert_eq(used.written, SECTOR + 1);
	cr_assert_eq(byte_at(data.address + SECTOR), VIRTIO_BLK_S_OK);
	data.len = SECTOR;
	expect_guest(data, 4 * SECTOR);
}

Test(blk_create, indirect_requests_work)
{
	struct driver_buffer data, status;
	struct driver_used used;

	driver_attach(&driver, create(false, ""), FLUSH | DRIVER_INDIRECT | DRIVER_EVENT_INDEX);
	data = driver_in(&driver, 2 * SECTOR);
	status = status_byte();
	driver_add_indirect(&driver, 0, (struct driver_buffer[]){header(VIRTIO_BLK_T_IN, 3), data, status},
			    3);
	driver_kick(&driver, 0);
	driver_await(&driver, 0, &used);
	cr_assert_eq(byte_at(status.address), VIRTIO_BLK_S_OK);
	expect_guest(data, 3 * SECTOR);
}

/* The kernel below */

Test(blk, interrupted_calls_are_made_again)
{
	struct driver_buffer data = driver_in(&driver, 2 * SECTOR);

	kernel.interrupts = 2;
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, data), VIRTIO_BLK_S_OK);
	expect_guest(data, 0);
	kernel.interrupts = 2;
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, other, SECTOR)), VIRTIO_BLK_S_OK);
	kernel.interrupts = 2;
	cr_assert_eq(request_parts(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL), VIRTIO_BLK_S_OK);
	cr_assert_eq(kernel.syncs, 1);
}

Test(blk, short_transfers_go_on)
{
	struct driver_buffer data[] = {driver_in(&driver, SECTOR), driver_in(&driver, 100),
				       driver_in(&driver, SECTOR - 100)};
	uint8_t bytes[3 * SECTOR];
	uint32_t written;

	kernel.most = 77;
	cr_assert_eq(request_parts(VIRTIO_BLK_T_IN, 1, data, 3, &written), VIRTIO_BLK_S_OK);
	cr_assert_eq(written, 2 * SECTOR + 1);
	expect_guest(data[0], SECTOR);
	expect_guest(data[1], 2 * SECTOR);
	expect_guest(data[2], 2 * SECTOR + 100);
	fill(bytes, sizeof(bytes), 200);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 10, driver_out(&driver, bytes, sizeof(bytes))),
		     VIRTIO_BLK_S_OK);
	expect_disk(10 * SECTOR, bytes, sizeof(bytes));
}

Test(blk, errors_of_the_host_reach_the_guest)
{
	kernel.error = EIO;
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR)), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request(VIRTIO_BLK_T_OUT, 0, driver_out(&driver, other, SECTOR)), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(request_parts(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, NULL), VIRTIO_BLK_S_IOERR);
	kernel.error = 0;
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR)), VIRTIO_BLK_S_OK);
}

/* Batches and reset */

/* What io_uring does ends when it does: with one interrupt for each request at most. */
static void expect_interrupts(unsigned batches, unsigned requests)
{
#ifdef BLK_TEST_RING
	cr_assert(driver.interrupts[0] >= 1 && driver.interrupts[0] <= requests);
	cr_assert_eq(kernel.rung, requests);
	(void)batches;
#else
	cr_assert_eq(driver.interrupts[0], batches);
	(void)requests;
#endif
}

static void add_reads(unsigned count)
{
	struct driver_buffer data = driver_in(&driver, SECTOR), status = status_byte();

	while (count-- > 0)
		driver_add(&driver, 0, (struct driver_buffer[]){header(VIRTIO_BLK_T_IN, 0), data, status}, 3);
}

Test(blk_create, many_requests_are_served_in_turns_and_none_is_forgotten)
{
	const unsigned count = VIRTIO_BATCH + 5;
	struct driver_used used;

	driver.queue_size = 128;
	driver_attach(&driver, create(false, ""), FLUSH | DRIVER_INDIRECT);
	for (unsigned i = 0; i < count; i++)
		driver_add_indirect(&driver, 0,
				    (struct driver_buffer[]){header(VIRTIO_BLK_T_IN, 0),
							     driver_in(&driver, SECTOR), status_byte()},
				    3);
	driver_kick(&driver, 0);
	for (unsigned i = 0; i < count; i++)
		driver_await(&driver, 0, &used);
	expect_interrupts(2, count);
}

Test(blk, one_kick_serves_all_with_one_interrupt)
{
	struct driver_used used;

	add_reads(5);
	driver_kick(&driver, 0);
	for (unsigned i = 0; i < 5; i++)
		driver_await(&driver, 0, &used);
	expect_interrupts(1, 5);
}

Test(blk, requests_that_were_not_served_before_a_reset_are_forgotten)
{
	uint16_t *used_index = &driver.queues[0].used->idx;

	driver_needs_split();
	add_reads(3);
	virtio_device_kick(driver.device, 0);
	driver_reset(&driver);
	driver_run(&driver);
	cr_assert_eq(*used_index, 0);
	driver_start(&driver, FLUSH);
	driver_run(&driver);
	cr_assert_eq(request(VIRTIO_BLK_T_IN, 0, driver_in(&driver, SECTOR)), VIRTIO_BLK_S_OK);
	cr_assert_eq(*used_index, 0, "the old ring is not touched");
}

static void *run_loop(void *loop)
{
	loop_run(loop);
	return NULL;
}

Test(blk, after_a_reset_nothing_in_flight_writes_to_guest_memory)
{
	static uint8_t before[DRIVER_RAM_SIZE];
	pthread_t thread;

	kernel.most = 8; /* so that a request takes its time */
	cr_assert_eq(pthread_create(&thread, NULL, run_loop, &driver.loop), 0);
	for (unsigned round = 0; round < 20; round++) {
		add_reads(DRIVER_QUEUE_SIZE / 3);
		virtio_device_kick(driver.device, 0);
		usleep(100 * (round % 5));
		driver_reset(&driver);
		memcpy(before, driver.ram, sizeof(before));
		usleep(1000);
		cr_assert_arr_eq(before, driver.ram, sizeof(before));
		driver_start(&driver, FLUSH);
	}
	loop_stop(&driver.loop);
	pthread_join(thread, NULL);
}

/* What the driver is told */

Test(blk, the_capacity_is_in_sectors)
{
	struct virtio_blk_config config;

	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	cr_assert_eq(config.capacity, SECTORS);
	cr_assert_eq(config.seg_max, driver.device->queues[0].size_max - 2);
}

Test(blk_create, offers_what_it_can)
{
	struct virtio_device *writable = create(false, "");
	struct virtio_device *read_only;

	cr_assert_eq(writable->id, VIRTIO_ID_BLOCK);
	cr_assert(writable->offered & FLUSH);
	cr_assert(writable->offered & DRIVER_VERSION_1);
	cr_assert_eq(writable->offered & 1ULL << VIRTIO_BLK_F_RO, 0);
	virtio_device_destroy(writable);
	disk = memfd_create("disk", MFD_CLOEXEC);
	read_only = create(true, "");
	cr_assert(read_only->offered & 1ULL << VIRTIO_BLK_F_RO);
	virtio_device_destroy(read_only);
}

Test(blk_create, an_odd_size_is_refused_and_the_file_stays_open)
{
	struct virtio_blk_options options = {.name = "odd", .fd = disk, .size = 1000, .id = ""};

	cr_assert_null(virtio_blk_create(&options, &driver.memory, &driver.loop, &err));
	cr_assert_not_null(strstr(err.text, "odd"));
	cr_assert_not_null(strstr(err.text, "1000"));
	cr_assert_geq(fcntl(disk, F_GETFD), 0);
}

Test(blk_create, destroy_closes_the_file)
{
	virtio_device_destroy(create(false, ""));
	cr_assert_eq(fcntl(disk, F_GETFD), -1);
}
