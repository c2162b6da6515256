/* virtio disk, driven from the guest's side. */
#define SECTORS 8
#define SECTOR  512
#define DISK_ID "disk-of-a-test"

#ifdef MICRO_GUEST
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "tests/micro/guest_virtio.h"

#define STATUS_NONE 0xee

static uint8_t sector[SECTOR];

/* One request; its status, or STATUS_NONE. */
static uint8_t disk_do(uint32_t type, uint64_t number, uint32_t size, bool device_writes)
{
	struct virtio_blk_outhdr header = {.type = type, .sector = number};
	uint8_t status = STATUS_NONE;
	const struct virtio_part parts[] = {
		{&header, sizeof(header), false},
		{sector, size, device_writes},
		{&status, 1, true},
	};
	const struct virtio_part bare[] = {parts[0], parts[2]};

	if (size)
		virtio_do(0, parts, 3);
	else
		virtio_do(0, bare, 2);
	return *(volatile uint8_t *)&status;
}

GUEST(reads_and_writes)
{
	EXPECT(virtio_start(VIRTIO_ID_BLOCK, 1ULL << VIRTIO_BLK_F_FLUSH, 1));
	EXPECT(mmio_read32(VIRTIO_BASE + VIRTIO_MMIO_CONFIG) == SECTORS);
	EXPECT(disk_do(VIRTIO_BLK_T_IN, 1, SECTOR, true) == VIRTIO_BLK_S_OK);
	for (unsigned i = 0; i < SECTOR; i++)
		EXPECT(sector[i] == 1);
	for (unsigned i = 0; i < SECTOR; i++)
		sector[i] = (uint8_t)i;
	EXPECT(disk_do(VIRTIO_BLK_T_OUT, 2, SECTOR, false) == VIRTIO_BLK_S_OK);
	EXPECT(disk_do(VIRTIO_BLK_T_FLUSH, 0, 0, false) == VIRTIO_BLK_S_OK);
	return 0;
}

GUEST(reads_past_end)
{
	EXPECT(virtio_start(VIRTIO_ID_BLOCK, 0, 1));
	EXPECT(disk_do(VIRTIO_BLK_T_IN, SECTORS - 1, SECTOR, true) == VIRTIO_BLK_S_OK);
	EXPECT(disk_do(VIRTIO_BLK_T_IN, SECTORS, SECTOR, true) == VIRTIO_BLK_S_IOERR);
	EXPECT(disk_do(VIRTIO_BLK_T_IN, UINT64_MAX, SECTOR, true) == VIRTIO_BLK_S_IOERR);
	EXPECT(disk_do(VIRTIO_BLK_T_IN, 0, SECTOR, true) == VIRTIO_BLK_S_OK);
	return 0;
}

GUEST(reads_id)
{
	const char *id = DISK_ID;

	EXPECT(virtio_start(VIRTIO_ID_BLOCK, 0, 1));
	EXPECT(disk_do(VIRTIO_BLK_T_GET_ID, 0, VIRTIO_BLK_ID_BYTES, true) == VIRTIO_BLK_S_OK);
	for (unsigned i = 0; i < sizeof(DISK_ID); i++)
		EXPECT(sector[i] == (uint8_t)id[i]);
	return 0;
}

#else
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/blk_ring.h"
#include "tests/micro/micro.h"

/* A disk whose every sector is filled with its number; *file is the test's own descriptor of it. */
static struct virtio_device *disk_create(struct micro *micro, enum virtio_blk_engine engine, int *file)
{
	struct virtio_blk_options options = {
		.name = "disk", .size = SECTORS * SECTOR, .id = DISK_ID, .engine = engine};
	struct virtio_device *disk;
	uint8_t bytes[SECTOR];
	struct error err;

	options.fd = memfd_create("disk", MFD_CLOEXEC);
	for (unsigned i = 0; i < SECTORS; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		cr_assert_eq(write(options.fd, bytes, sizeof(bytes)), sizeof(bytes));
	}
	*file = dup(options.fd);
	disk = virtio_blk_create(&options, &micro->memory, &micro->loop, &err);
	cr_assert_not_null(disk, "%s", err.text);
	micro_virtio_device(micro, disk);
	return disk;
}

static int disk_run_with(enum virtio_blk_engine engine, const char *guest)
{
	struct virtio_device *disk;
	struct micro micro;
	int file;

	micro_create(&micro, 1);
	disk = disk_create(&micro, engine, &file);
	micro_expect(&micro, guest, 0);
	virtio_device_destroy(disk);
	micro_destroy(&micro);
	return file;
}

static int disk_run(const char *guest)
{
	return disk_run_with(VIRTIO_BLK_AUTO, guest);
}

static void expect_written(int file)
{
	uint8_t bytes[SECTOR];

	cr_assert_eq(pread(file, bytes, sizeof(bytes), 2 * SECTOR), SECTOR);
	for (unsigned i = 0; i < SECTOR; i++)
		cr_assert_eq(bytes[i], (uint8_t)i);
	cr_assert_eq(pread(file, bytes, sizeof(bytes), 3 * SECTOR), SECTOR);
	cr_assert_eq(bytes[0], 3, "the next sector is as it was");
	close(file);
}

MICRO_TEST(virtio_blk, sectors_are_read_and_written)
{
	expect_written(disk_run_with(VIRTIO_BLK_BLOCKING, "reads_and_writes"));
}

MICRO_TEST(virtio_blk, sectors_are_read_and_written_with_io_uring)
{
	struct blk_ring ring;

	if (blk_ring_open(&ring, 1, 1) < 0)
		cr_skip_test("this kernel has no io_uring for us");
	blk_ring_close(&ring);
	expect_written(disk_run_with(VIRTIO_BLK_IO_URING, "reads_and_writes"));
}

MICRO_TEST(virtio_blk, read_past_end_fails_and_the_disk_goes_on)
{
	close(disk_run("reads_past_end"));
}

MICRO_TEST(virtio_blk, id_is_told)
{
	close(disk_run("reads_id"));
}
#endif
