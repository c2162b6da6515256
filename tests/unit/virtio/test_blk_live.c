/* What changes on a disk while its guest runs: size and limits; and several queues, each on its own loop. */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <linux/virtio_blk.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "tests/unit/virtio/blk_kernel.h"

#define SECTOR       VIRTIO_BLK_SECTOR
#define SECTORS      64
#define QUEUES       3
#define MS           1000000ULL
#define FEATURE(bit) (1ULL << VIRTIO_BLK_F_##bit)

static struct driver driver;
static int disk;
static struct error err;
static struct virtio_blk_options options;
static struct loop loops[QUEUES - 1];

static void setup(void)
{
	driver_init(&driver);
	disk = memfd_create("disk", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(disk, SECTORS * SECTOR), 0);
	options = (struct virtio_blk_options){.name = "test", .fd = disk, .size = SECTORS * SECTOR};
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(blk_live, .init = setup, .fini = teardown);

static void start(uint64_t features)
{
	struct virtio_device *device = virtio_blk_create(&options, &driver.memory, &driver.loop, &err);

	cr_assert_not_null(device, "%s", err.text);
	driver_attach(&driver, device, features);
}

static struct virtio_blk_config config_space(void)
{
	struct virtio_blk_config config;

	virtio_device_config_read(driver.device, 0, (uint8_t *)&config, sizeof(config));
	return config;
}

static uint8_t *send_read(unsigned queue, uint64_t sector)
{
	struct virtio_blk_outhdr header = {.type = VIRTIO_BLK_T_IN, .sector = sector};
	struct driver_buffer parts[3] = {driver_out(&driver, &header, sizeof(header)),
					 driver_in(&driver, SECTOR), driver_in(&driver, 1)};
	uint8_t *status = driver_at(&driver, parts[2].address, 1);

	*status = 0xff;
	driver_add(&driver, queue, parts, 3);
	return status;
}

static uint8_t read_sector(uint64_t sector)
{
	uint8_t *status = send_read(0, sector);

	driver_kick(&driver, 0);
	driver_await(&driver, 0, &(struct driver_used){0});
	return *status;
}

/* Size */

Test(blk_live, a_disk_that_grows_tells_its_driver)
{
	uint32_t generation;

	start(FEATURE(FLUSH));
	generation = driver.device->config_generation;
	cr_assert_eq(read_sector(SECTORS), VIRTIO_BLK_S_IOERR);
	cr_assert_eq(ftruncate(disk, 2 * SECTORS * SECTOR), 0);
	cr_assert_eq(virtio_blk_resize(driver.device, 2 * SECTORS * SECTOR, &err), 0);
	cr_assert_eq(driver.config_interrupts, 1);
	cr_assert_neq(driver.device->config_generation, generation);
	cr_assert_eq(config_space().capacity, 2 * SECTORS);
	cr_assert_eq(read_sector(2 * SECTORS - 1), VIRTIO_BLK_S_OK);
	cr_assert_eq(read_sector(2 * SECTORS), VIRTIO_BLK_S_IOERR);
}

Test(blk_live, the_same_size_is_nothing_new)
{
	start(FEATURE(FLUSH));
	cr_assert_eq(virtio_blk_resize(driver.device, SECTORS * SECTOR, &err), 0);
	cr_assert_eq(driver.config_interrupts, 0);
}

Test(blk_live, a_disk_does_not_shrink_under_its_driver)
{
	start(FEATURE(FLUSH));
	cr_assert_lt(virtio_blk_resize(driver.device, (SECTORS - 1) * SECTOR, &err), 0);
	cr_assert_str_eq(err.text, "disk test: has 32768 bytes and is in use: it can grow, but not shrink");
	cr_assert_lt(virtio_blk_resize(driver.device, 0, &err), 0);
	cr_assert_eq(config_space().capacity, SECTORS);
	cr_assert_eq(driver.config_interrupts, 0);
}

Test(blk_live, a_disk_grows_by_whole_blocks)
{
	options.logical_block = 4096;
	start(FEATURE(FLUSH));
	cr_assert_lt(virtio_blk_resize(driver.device, (SECTORS + 1) * SECTOR, &err), 0);
	cr_assert_str_eq(err.text, "disk test: its size, 33280 bytes, is not a multiple of 4096");
	cr_assert_eq(config_space().capacity, SECTORS);
}

/* Limits */

static const struct virtio_blk_rates none;

static bool answered(void)
{
	driver_run(&driver);
	return driver_collect(&driver, 0, &(struct driver_used){0});
}

Test(blk_live, a_limit_holds_from_when_it_is_set)
{
	const struct virtio_blk_rates rates = {.total = {.rate = 10, .burst = 1}};
	uint64_t began;

	start(FEATURE(FLUSH));
	for (unsigned i = 0; i < 20; i++)
		cr_assert_eq(read_sector(0), VIRTIO_BLK_S_OK);
	cr_assert_eq(virtio_blk_limit(driver.device, &rates, &none, &err), 0);
	began = monotonic_ns();
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(read_sector(0), VIRTIO_BLK_S_OK);
	cr_assert_geq(monotonic_ns() - began, 200 * MS);
}

Test(blk_live, who_waits_for_a_limit_goes_on_when_it_is_taken_away)
{
	options.operations.read = (struct rate){.rate = 1, .burst = 1};
	start(FEATURE(FLUSH));
	cr_assert_eq(read_sector(0), VIRTIO_BLK_S_OK);
	cr_assert_eq(read_sector(0), VIRTIO_BLK_S_OK); /* one is saved up */
	send_read(0, 1);
	driver_kick(&driver, 0);
	cr_assert_not(answered());
	cr_assert_eq(virtio_blk_limit(driver.device, &none, &none, &err), 0);
	cr_assert(answered());
}

/* Queues */

static void start_queues(void)
{
	struct loop *own[QUEUES - 1];

	for (unsigned i = 0; i < ARRAY_SIZE(loops); i++) {
		cr_assert_eq(loop_init(&loops[i]), 0);
		own[i] = &loops[i];
	}
	options.queues = QUEUES;
	options.loops = own;
	start(FEATURE(FLUSH) | FEATURE(MQ));
}

Test(blk_live, queues_are_told)
{
	start_queues();
	cr_assert(driver.device->offered & FEATURE(MQ));
	cr_assert_eq(config_space().num_queues, QUEUES);
	cr_assert_eq(driver.device->queue_count, QUEUES);
}

Test(blk_live, one_queue_is_not_told)
{
	start(FEATURE(FLUSH));
	cr_assert_not(driver.device->offered & FEATURE(MQ));
}

Test(blk_live, each_queue_is_served_by_its_loop)
{
	uint8_t *statuses[QUEUES];
	struct driver_used used;

	start_queues();
	for (unsigned i = 0; i < QUEUES; i++) {
		statuses[i] = send_read(i, i);
		virtio_device_kick(driver.device, i);
	}
	driver_run(&driver);
	cr_assert_eq(*statuses[0], VIRTIO_BLK_S_OK);
	cr_assert_eq(*statuses[1], 0xff);
	cr_assert_eq(*statuses[2], 0xff);
	cr_assert_eq(loop_step(&loops[1], 0), 0);
	cr_assert_eq(*statuses[1], 0xff);
	cr_assert(driver_collect(&driver, 2, &used));
	cr_assert_eq(*statuses[2], VIRTIO_BLK_S_OK);
	cr_assert_eq(driver.interrupts[2], 1);
}

Test(blk_live, queues_share_the_limits)
{
	options.operations.total = (struct rate){.rate = 1, .burst = 1};
	start_queues();
	cr_assert_eq(read_sector(0), VIRTIO_BLK_S_OK);
	cr_assert_eq(read_sector(0), VIRTIO_BLK_S_OK);
	send_read(1, 0);
	virtio_device_kick(driver.device, 1);
	cr_assert_eq(loop_step(&loops[0], 0), 0);
	cr_assert_not(driver_collect(&driver, 1, &(struct driver_used){0}));
	cr_assert_eq(virtio_blk_limit(driver.device, &none, &none, &err), 0);
	cr_assert_eq(loop_step(&loops[0], 1000), 0);
	cr_assert(driver_collect(&driver, 1, &(struct driver_used){0}));
}
