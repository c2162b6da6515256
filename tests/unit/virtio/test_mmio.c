/* The memory-mapped transport (virtio 1.2, 4.2.2) and the life of a device behind it (2.1, 3.1). */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/mmio.h"

#define QUEUE_RESET       0x0c0 /* 4.2.2 QueueReset: newer than linux/virtio_mmio.h */
#define FAKE_ID           42
#define FAKE_FEATURE      (1ULL << 3)
#define FAKE_HIGH_FEATURE (1ULL << 50)
#define UNOFFERED         (1ULL << 4)

#define ACKNOWLEDGE VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER      (ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define FEATURES_OK (DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define DRIVER_OK   (FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

static struct driver driver;

static struct fake {
	struct virtio_device device;
	uint8_t config[10];
	unsigned activations;
	unsigned resets;
	unsigned notifications[VIRTIO_QUEUES_MAX];
	unsigned queue_resets[VIRTIO_QUEUES_MAX];
	int activate_code;
	struct irq_line irq;
	unsigned interrupts;
	struct virtio_mmio mmio;
} fake;

static void fake_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	(void)device;
	cr_assert_leq(offset + len, sizeof(fake.config));
	memcpy(data, fake.config + offset, len);
}

static void fake_config_write(struct virtio_device *device, uint32_t offset, const uint8_t *data,
			      uint32_t len)
{
	(void)device;
	cr_assert_leq(offset + len, sizeof(fake.config));
	memcpy(fake.config + offset, data, len);
}

static int fake_activate(struct virtio_device *device)
{
	cr_assert(virtio_device_live(device));
	fake.activations++;
	return fake.activate_code;
}

static void fake_reset(struct virtio_device *device)
{
	(void)device;
	fake.resets++;
}

static void fake_queue_reset(struct virtio_device *device, unsigned queue)
{
	cr_assert_neq(pthread_mutex_trylock(&device->lock), 0, "a reset without the device's lock");
	cr_assert_neq(pthread_mutex_trylock(&device->kicks[queue].lock), 0,
		      "a reset without the queue's lock");
	fake.queue_resets[queue]++;
}

static void fake_notify(struct virtio_device *device, unsigned queue)
{
	cr_assert(virtio_device_live(device));
	cr_assert_neq(pthread_mutex_trylock(&device->kicks[queue].lock), 0,
		      "notify runs without the queue's lock");
	fake.notifications[queue]++;
}

static void fake_destroy(struct virtio_device *device)
{
	virtio_device_close(device);
}

static const struct virtio_device_ops fake_ops = {
	.config_read = fake_config_read,
	.config_write = fake_config_write,
	.activate = fake_activate,
	.reset = fake_reset,
	.queue_reset = fake_queue_reset,
	.notify = fake_notify,
	.destroy = fake_destroy,
};

static void fake_raise(struct irq_line *line)
{
	(void)line;
	fake.interrupts++;
}

static void setup(void)
{
	struct error err;

	driver_init(&driver);
	fake = (struct fake){
		.device = {.ops = &fake_ops,
			   .id = FAKE_ID,
			   .name = "fake",
			   .offered = FAKE_FEATURE | FAKE_HIGH_FEATURE,
			   .queue_count = 2,
			   .config_size = sizeof(fake.config)},
		.config = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		.irq = {.raise = fake_raise},
	};
	cr_assert_eq(virtio_device_init(&fake.device, &driver.memory, &driver.loop, &err), 0);
	fake.device.queues[1].size_max = 64;
	virtio_mmio_init(&fake.mmio, &fake.device, &fake.irq);
	driver.device = &fake.device;
}

static void teardown(void)
{
	driver_close(&driver);
}

TestSuite(mmio, .init = setup, .fini = teardown);

static uint32_t get(uint64_t offset)
{
	uint32_t value = UINT32_MAX;

	virtio_mmio_ops.read(&fake.mmio, offset, (uint8_t *)&value, sizeof(value));
	return value;
}

static void set(uint64_t offset, uint32_t value)
{
	virtio_mmio_ops.write(&fake.mmio, offset, (const uint8_t *)&value, sizeof(value));
}

static uint32_t set_status(uint32_t status)
{
	set(VIRTIO_MMIO_STATUS, status);
	return get(VIRTIO_MMIO_STATUS);
}

static void set_features(uint64_t features)
{
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)features);
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

/* Up to FEATURES_OK. */
static void negotiate(uint64_t features)
{
	cr_assert_eq(set_status(ACKNOWLEDGE), ACKNOWLEDGE);
	cr_assert_eq(set_status(DRIVER), DRIVER);
	set_features(features);
	cr_assert_eq(set_status(FEATURES_OK), FEATURES_OK);
}

/* Lays a queue out in memory and writes where it is into the registers. */
static void write_queue(unsigned index, uint16_t size)
{
	struct virtq where = {0};

	driver_layout(&driver, &where, index, size);
	set(VIRTIO_MMIO_QUEUE_SEL, index);
	set(VIRTIO_MMIO_QUEUE_NUM, size);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)where.desc_address);
	set(VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(where.desc_address >> 32));
	set(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)where.avail_address);
	set(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(where.avail_address >> 32));
	set(VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)where.used_address);
	set(VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(where.used_address >> 32));
}

static void start_queue(unsigned index)
{
	write_queue(index, 16);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 1);
}

static void start_with(uint64_t features)
{
	negotiate(features);
	start_queue(0);
	cr_assert_eq(set_status(DRIVER_OK), DRIVER_OK);
}

static void start(void)
{
	start_with(DRIVER_VERSION_1);
}

static void lock(void)
{
	pthread_mutex_lock(&fake.device.lock);
}

static void unlock(void)
{
	pthread_mutex_unlock(&fake.device.lock);
}

/* Identity */

Test(mmio, says_what_it_is)
{
	cr_assert_eq(get(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	cr_assert_eq(get(VIRTIO_MMIO_VERSION), 2);
	cr_assert_eq(get(VIRTIO_MMIO_DEVICE_ID), FAKE_ID);
	cr_assert_eq(get(VIRTIO_MMIO_VENDOR_ID), 0x54534152);
}

Test(mmio, identity_cannot_be_written)
{
	set(VIRTIO_MMIO_MAGIC_VALUE, 0);
	set(VIRTIO_MMIO_DEVICE_ID, 0);
	cr_assert_eq(get(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	cr_assert_eq(get(VIRTIO_MMIO_DEVICE_ID), FAKE_ID);
}

Test(mmio, registers_take_only_aligned_accesses_of_32_bits)
{
	uint64_t wide = UINT64_MAX;
	uint8_t byte = 0xff;
	uint32_t word = UINT32_MAX;

	virtio_mmio_ops.read(&fake.mmio, VIRTIO_MMIO_MAGIC_VALUE, (uint8_t *)&wide, 8);
	cr_assert_eq(wide, UINT64_MAX);
	virtio_mmio_ops.read(&fake.mmio, VIRTIO_MMIO_MAGIC_VALUE, &byte, 1);
	cr_assert_eq(byte, 0xff);
	virtio_mmio_ops.read(&fake.mmio, VIRTIO_MMIO_MAGIC_VALUE + 2, (uint8_t *)&word, 4);
	cr_assert_eq(word, UINT32_MAX);
	byte = ACKNOWLEDGE;
	virtio_mmio_ops.write(&fake.mmio, VIRTIO_MMIO_STATUS, &byte, 1);
	cr_assert_eq(get(VIRTIO_MMIO_STATUS), 0);
}

Test(mmio, reserved_and_write_only_registers_read_as_zero)
{
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_NOTIFY), 0);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_DESC_LOW), 0);
	cr_assert_eq(get(VIRTIO_MMIO_GUEST_PAGE_SIZE), 0);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_PFN), 0);
	cr_assert_eq(get(0x0f8), 0);
}

Test(mmio, there_is_no_shared_memory)
{
	set(VIRTIO_MMIO_SHM_SEL, 0);
	cr_assert_eq(get(VIRTIO_MMIO_SHM_LEN_LOW), UINT32_MAX);
	cr_assert_eq(get(VIRTIO_MMIO_SHM_LEN_HIGH), UINT32_MAX);
}

/* Features */

Test(mmio, features_are_read_by_halves)
{
	const uint64_t common =
		DRIVER_VERSION_1 | DRIVER_EVENT_INDEX | DRIVER_INDIRECT | DRIVER_PACKED | DRIVER_RING_RESET;

	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	cr_assert_eq(get(VIRTIO_MMIO_DEVICE_FEATURES), (uint32_t)(FAKE_FEATURE | common));
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	cr_assert_eq(get(VIRTIO_MMIO_DEVICE_FEATURES), (FAKE_HIGH_FEATURE | common) >> 32);
}

Test(mmio, features_beyond_the_second_half_are_none)
{
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	cr_assert_eq(get(VIRTIO_MMIO_DEVICE_FEATURES), 0);
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, UINT32_MAX);
	cr_assert_eq(get(VIRTIO_MMIO_DEVICE_FEATURES), 0);
	set_status(ACKNOWLEDGE);
	set_status(DRIVER);
	set_features(DRIVER_VERSION_1);
	set(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	set(VIRTIO_MMIO_DRIVER_FEATURES, UINT32_MAX);
	cr_assert_eq(set_status(FEATURES_OK), FEATURES_OK);
	cr_assert_eq(fake.device.features, DRIVER_VERSION_1);
}

Test(mmio, features_are_agreed)
{
	negotiate(DRIVER_VERSION_1 | FAKE_FEATURE | FAKE_HIGH_FEATURE);
	cr_assert_eq(fake.device.features, DRIVER_VERSION_1 | FAKE_FEATURE | FAKE_HIGH_FEATURE);
}

Test(mmio, a_driver_without_version_1_is_refused)
{
	set_status(ACKNOWLEDGE);
	set_status(DRIVER);
	set_features(FAKE_FEATURE);
	cr_assert_eq(set_status(FEATURES_OK), DRIVER);
}

Test(mmio, features_that_were_not_offered_are_refused)
{
	set_status(ACKNOWLEDGE);
	set_status(DRIVER);
	set_features(DRIVER_VERSION_1 | UNOFFERED);
	cr_assert_eq(set_status(FEATURES_OK), DRIVER);
	set_features(DRIVER_VERSION_1);
	cr_assert_eq(set_status(FEATURES_OK), FEATURES_OK);
}

Test(mmio, what_is_withheld_is_not_offered)
{
	virtio_device_withhold(&fake.device, DRIVER_EVENT_INDEX | DRIVER_PACKED);
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	cr_assert_eq(get(VIRTIO_MMIO_DEVICE_FEATURES), (uint32_t)(FAKE_FEATURE | DRIVER_INDIRECT));
	set_status(ACKNOWLEDGE);
	set_status(DRIVER);
	set_features(DRIVER_VERSION_1 | DRIVER_PACKED);
	cr_assert_eq(set_status(FEATURES_OK), DRIVER);
}

/* Queue reset (2.6.1, 4.2.2.1) */

Test(mmio, a_queue_is_not_reset_unless_that_was_agreed)
{
	start();
	set(QUEUE_RESET, 1);
	cr_assert_eq(fake.queue_resets[0], 0);
	cr_assert_eq(get(QUEUE_RESET), 0);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 1);
}

Test(mmio, a_queue_is_reset_and_starts_again_beside_the_others)
{
	start_with(DRIVER_VERSION_1 | DRIVER_RING_RESET);
	set(VIRTIO_MMIO_QUEUE_SEL, 0);
	set(QUEUE_RESET, 0);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 1, "only a one resets it");
	set(QUEUE_RESET, 1);
	cr_assert_eq(get(QUEUE_RESET), 0, "it is over at once");
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
	cr_assert_eq(fake.queue_resets[0], 1);
	cr_assert_eq(fake.device.queues[0].desc_address, 0);
	cr_assert_eq(fake.resets, 0);
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 0, "no work while it is off");
	start_queue(0);
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 1);
	cr_assert_eq(get(VIRTIO_MMIO_STATUS), DRIVER_OK);
}

Test(mmio, buffers_that_wait_in_a_queue_when_it_starts_again_are_a_kick)
{
	start_with(DRIVER_VERSION_1 | DRIVER_RING_RESET);
	set(QUEUE_RESET, 1);
	write_queue(0, 16);
	driver_add(&driver, 0, (struct driver_buffer[]){driver_in(&driver, 4)}, 1);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	driver_run(&driver);
	cr_assert_eq(fake.notifications[0], 1);
}

Test(mmio, a_queue_that_starts_again_with_bad_rings_breaks_the_device)
{
	start_with(DRIVER_VERSION_1 | DRIVER_RING_RESET);
	set(QUEUE_RESET, 1);
	write_queue(0, 16);
	set(VIRTIO_MMIO_QUEUE_USED_HIGH, 1);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
	cr_assert(driver_sees_broken(&driver));
	set(QUEUE_RESET, 1);
	write_queue(0, 16);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0, "only the device's reset mends it");
}

Test(mmio, resetting_a_queue_that_is_not_there_does_nothing)
{
	start_with(DRIVER_VERSION_1 | DRIVER_RING_RESET);
	set(VIRTIO_MMIO_QUEUE_SEL, 2);
	set(QUEUE_RESET, 1);
	set(VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX);
	set(QUEUE_RESET, 1);
	cr_assert_eq(fake.queue_resets[0] + fake.queue_resets[1], 0);
}

Test(mmio, a_queue_that_is_turned_off_forgets_what_is_in_flight)
{
	start();
	set(VIRTIO_MMIO_QUEUE_READY, 0);
	cr_assert_eq(fake.queue_resets[0], 1);
}

Test(mmio, features_count_only_between_driver_and_features_ok)
{
	set_features(DRIVER_VERSION_1);
	cr_assert_eq(fake.device.features, 0);
	negotiate(DRIVER_VERSION_1);
	set_features(DRIVER_VERSION_1 | FAKE_FEATURE);
	cr_assert_eq(fake.device.features, DRIVER_VERSION_1);
}

/* Status */

Test(mmio, no_step_can_be_left_out)
{
	cr_assert_eq(set_status(VIRTIO_CONFIG_S_DRIVER), 0);
	cr_assert_eq(set_status(VIRTIO_CONFIG_S_FEATURES_OK), 0);
	cr_assert_eq(set_status(VIRTIO_CONFIG_S_DRIVER_OK), 0);
	set_status(DRIVER);
	set_features(DRIVER_VERSION_1);
	cr_assert_eq(set_status(DRIVER | VIRTIO_CONFIG_S_DRIVER_OK), DRIVER);
	cr_assert_eq(fake.activations, 0);
}

Test(mmio, steps_may_be_taken_together)
{
	set_status(DRIVER);
	set_features(DRIVER_VERSION_1);
	cr_assert_eq(set_status(DRIVER_OK), DRIVER_OK);
	cr_assert_eq(fake.activations, 1);
}

Test(mmio, a_step_cannot_be_taken_back)
{
	negotiate(DRIVER_VERSION_1);
	cr_assert_eq(set_status(DRIVER), FEATURES_OK);
	cr_assert_eq(set_status(VIRTIO_CONFIG_S_FEATURES_OK), FEATURES_OK);
	cr_assert_eq(set_status(VIRTIO_CONFIG_S_DRIVER_OK), FEATURES_OK, "one forward, three back");
	cr_assert_eq(fake.activations, 0);
}

Test(mmio, unknown_status_bits_and_the_devices_own_are_ignored)
{
	cr_assert_eq(set_status(ACKNOWLEDGE | VIRTIO_CONFIG_S_NEEDS_RESET | 0x20 | 0x100), ACKNOWLEDGE);
}

Test(mmio, driver_ok_activates_once)
{
	start();
	cr_assert_eq(fake.activations, 1);
	cr_assert_eq(set_status(DRIVER_OK), DRIVER_OK);
	cr_assert_eq(fake.activations, 1);
}

Test(mmio, a_driver_that_failed_gets_nothing_but_a_reset)
{
	set_status(DRIVER);
	cr_assert_eq(set_status(DRIVER | VIRTIO_CONFIG_S_FAILED), DRIVER | VIRTIO_CONFIG_S_FAILED);
	set_features(DRIVER_VERSION_1);
	cr_assert_eq(set_status(DRIVER_OK | VIRTIO_CONFIG_S_FAILED), DRIVER | VIRTIO_CONFIG_S_FAILED);
	cr_assert_eq(set_status(0), 0);
	start();
}

Test(mmio, a_driver_that_fails_while_running_stops_the_device)
{
	start();
	set_status(DRIVER_OK | VIRTIO_CONFIG_S_FAILED);
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 0);
}

Test(mmio, an_activation_that_fails_needs_a_reset)
{
	fake.activate_code = -EIO;
	negotiate(DRIVER_VERSION_1);
	cr_assert_eq(set_status(DRIVER_OK), DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 0);
}

Test(mmio, reset_is_back_to_power_on)
{
	start();
	lock();
	virtio_config_changed(&fake.device);
	unlock();
	set(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	set(VIRTIO_MMIO_QUEUE_SEL, 1);
	cr_assert_eq(set_status(0), 0);
	cr_assert_eq(fake.resets, 1);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_NUM_MAX), VIRTQ_SIZE_MAX, "queue 0 is selected");
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
	cr_assert(get(VIRTIO_MMIO_DEVICE_FEATURES) & FAKE_FEATURE, "the low half is selected");
	cr_assert_eq(fake.device.features, 0);
	start();
	cr_assert_eq(fake.activations, 2);
}

Test(mmio, a_broken_device_says_so_and_stands_still_until_reset)
{
	start();
	lock();
	virtio_device_broken(&fake.device, "the test wants it");
	virtio_device_broken(&fake.device, "the test wants it twice");
	cr_assert_not(virtio_device_live(&fake.device));
	unlock();
	cr_assert_eq(get(VIRTIO_MMIO_STATUS), DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	cr_assert_eq(fake.interrupts, 1);
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 0);
	cr_assert_eq(set_status(DRIVER_OK), DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	cr_assert_eq(set_status(0), 0);
	start();
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 1);
}

/* Queues */

Test(mmio, queues_have_their_own_maximum)
{
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_NUM_MAX), VIRTQ_SIZE_MAX);
	set(VIRTIO_MMIO_QUEUE_SEL, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_NUM_MAX), 64);
}

Test(mmio, a_queue_that_does_not_exist_has_size_zero_and_ignores_writes)
{
	static const uint32_t selections[] = {2, VIRTIO_QUEUES_MAX, UINT32_MAX};

	negotiate(DRIVER_VERSION_1);
	for (unsigned i = 0; i < ARRAY_SIZE(selections); i++) {
		set(VIRTIO_MMIO_QUEUE_SEL, selections[i]);
		cr_assert_eq(get(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
		set(VIRTIO_MMIO_QUEUE_NUM, 16);
		set(VIRTIO_MMIO_QUEUE_READY, 1);
		cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
		set(VIRTIO_MMIO_QUEUE_NOTIFY, selections[i]);
	}
	cr_assert_eq(get(VIRTIO_MMIO_STATUS), FEATURES_OK);
}

Test(mmio, queue_addresses_have_64_bits)
{
	negotiate(DRIVER_VERSION_1);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, 0x89abcdef);
	set(VIRTIO_MMIO_QUEUE_DESC_HIGH, 0x01234567);
	set(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, 1);
	set(VIRTIO_MMIO_QUEUE_AVAIL_LOW, 2);
	set(VIRTIO_MMIO_QUEUE_USED_LOW, UINT32_MAX);
	set(VIRTIO_MMIO_QUEUE_USED_HIGH, 3);
	set(VIRTIO_MMIO_QUEUE_USED_LOW, 4);
	cr_assert_eq(fake.device.queues[0].desc_address, 0x0123456789abcdefULL);
	cr_assert_eq(fake.device.queues[0].avail_address, 0x100000002ULL);
	cr_assert_eq(fake.device.queues[0].used_address, 0x300000004ULL);
}

Test(mmio, a_queue_above_4_gib_works)
{
	struct guest_memory high = {.fd = -1};
	const uint64_t base = 1ULL << 36;

	cr_assert_eq(guest_memory_add(&high, base, DRIVER_RAM_SIZE, driver.ram, 0), 0);
	fake.device.memory = &high;
	negotiate(DRIVER_VERSION_1);
	set(VIRTIO_MMIO_QUEUE_NUM, 16);
	set(VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	set(VIRTIO_MMIO_QUEUE_DESC_HIGH, base >> 32);
	set(VIRTIO_MMIO_QUEUE_AVAIL_LOW, 0x1000);
	set(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, base >> 32);
	set(VIRTIO_MMIO_QUEUE_USED_LOW, 0x2000);
	set(VIRTIO_MMIO_QUEUE_USED_HIGH, base >> 32);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 1);
	cr_assert_eq((uint8_t *)fake.device.queues[0].split.used, driver.ram + 0x2000);
}

Test(mmio, a_queue_size_does_not_lose_its_high_bits)
{
	negotiate(DRIVER_VERSION_1);
	write_queue(0, 16);
	set(VIRTIO_MMIO_QUEUE_NUM, 0x10010);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
	cr_assert_eq(get(VIRTIO_MMIO_STATUS), FEATURES_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
}

Test(mmio, a_queue_outside_memory_breaks_the_device)
{
	negotiate(DRIVER_VERSION_1);
	write_queue(0, 16);
	set(VIRTIO_MMIO_QUEUE_USED_HIGH, 1);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
	cr_assert_eq(get(VIRTIO_MMIO_STATUS), FEATURES_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	cr_assert_eq(fake.interrupts, 0, "before DRIVER_OK nobody is interrupted");
	cr_assert_eq(set_status(DRIVER_OK), FEATURES_OK | VIRTIO_CONFIG_S_NEEDS_RESET);
	cr_assert_eq(fake.activations, 0);
}

Test(mmio, a_queue_starts_only_between_features_ok_and_driver_ok)
{
	write_queue(0, 16);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
	start();
	write_queue(1, 16);
	set(VIRTIO_MMIO_QUEUE_READY, 1);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
	cr_assert_eq(get(VIRTIO_MMIO_STATUS), DRIVER_OK);
}

Test(mmio, a_queue_that_is_ready_cannot_be_moved)
{
	struct virtq before;

	negotiate(DRIVER_VERSION_1);
	start_queue(0);
	before = fake.device.queues[0];
	for (unsigned running = 0; running < 2; running++) {
		write_queue(0, 8);
		cr_assert_eq(fake.device.queues[0].size, before.size);
		cr_assert_eq(fake.device.queues[0].desc_address, before.desc_address);
		cr_assert_eq(fake.device.queues[0].avail_address, before.avail_address);
		cr_assert_eq(fake.device.queues[0].used_address, before.used_address);
		set_status(DRIVER_OK);
	}
}

Test(mmio, a_queue_can_be_stopped)
{
	start();
	set(VIRTIO_MMIO_QUEUE_READY, 0);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
	driver_kick(&driver, 0);
	cr_assert_eq(fake.notifications[0], 0);
}

Test(mmio, queue_ready_takes_one_and_zero_only)
{
	negotiate(DRIVER_VERSION_1);
	write_queue(0, 16);
	set(VIRTIO_MMIO_QUEUE_READY, 2);
	cr_assert_eq(get(VIRTIO_MMIO_QUEUE_READY), 0);
}

/* Notifications and interrupts */

Test(mmio, a_notification_reaches_its_queue)
{
	negotiate(DRIVER_VERSION_1);
	start_queue(0);
	start_queue(1);
	set_status(DRIVER_OK);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	driver_run(&driver);
	cr_assert_eq(fake.notifications[0], 0);
	cr_assert_eq(fake.notifications[1], 1);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 1);
	driver_run(&driver);
	cr_assert_eq(fake.notifications[1], 2);
}

Test(mmio, a_notification_to_a_device_that_is_not_live_makes_no_work)
{
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	driver_run(&driver); /* fails where the loop spins */
	cr_assert_eq(fake.notifications[0], 0);
	start();
	driver_run(&driver);
	cr_assert_eq(fake.notifications[0], 0);
}

Test(mmio, buffers_from_before_driver_ok_are_noticed)
{
	negotiate(DRIVER_VERSION_1);
	start_queue(0);
	driver_add(&driver, 0, (struct driver_buffer[]){driver_in(&driver, 4)}, 1);
	set_status(DRIVER_OK);
	driver_run(&driver);
	cr_assert_eq(fake.notifications[0], 1);
}

Test(mmio, interrupts_are_raised_and_acknowledged_by_cause)
{
	start();
	lock();
	virtq_push(&fake.device.queues[0], (struct virtq_token){.descriptors = 1}, 0);
	virtio_interrupt(&fake.device, 0);
	unlock();
	cr_assert_eq(fake.interrupts, 1);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	lock();
	virtio_config_changed(&fake.device);
	unlock();
	cr_assert_eq(fake.interrupts, 2);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);
	set(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	set(VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

Test(mmio, no_interrupt_that_the_driver_does_not_want)
{
	start();
	driver.queues[0].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	lock();
	virtq_push(&fake.device.queues[0], (struct virtq_token){.descriptors = 1}, 0);
	virtio_interrupt(&fake.device, 0);
	unlock();
	cr_assert_eq(fake.interrupts, 0);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

Test(mmio, the_registers_of_an_interrupt_handler_need_no_lock)
{
	start();
	lock();
	virtio_config_changed(&fake.device);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_CONFIG);
	set(VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
	set(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	unlock();
}

/* Configuration space */

Test(mmio, config_is_read_in_any_width)
{
	uint8_t data[8];

	virtio_mmio_ops.read(&fake.mmio, VIRTIO_MMIO_CONFIG + 3, data, 1);
	cr_assert_eq(data[0], 3);
	virtio_mmio_ops.read(&fake.mmio, VIRTIO_MMIO_CONFIG + 5, data, 2);
	cr_assert_arr_eq(data, ((uint8_t[]){5, 6}), 2);
	virtio_mmio_ops.read(&fake.mmio, VIRTIO_MMIO_CONFIG + 1, data, 8);
	cr_assert_arr_eq(data, ((uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8}), 8);
}

Test(mmio, config_beyond_its_end_reads_as_zero)
{
	uint8_t data[4] = {0xff, 0xff, 0xff, 0xff};

	virtio_mmio_ops.read(&fake.mmio, VIRTIO_MMIO_CONFIG + 8, data, 4);
	cr_assert_arr_eq(data, ((uint8_t[]){8, 9, 0, 0}), 4);
	cr_assert_eq(get(VIRTIO_MMIO_CONFIG + 12), 0);
	cr_assert_eq(get(VIRTIO_MMIO_SIZE - 4), 0);
}

Test(mmio, config_is_written_once_features_are_agreed)
{
	const uint8_t bytes[4] = {0xa, 0xb, 0xc, 0xd};

	virtio_mmio_ops.write(&fake.mmio, VIRTIO_MMIO_CONFIG, bytes, 4);
	cr_assert_eq(fake.config[0], 0);
	negotiate(DRIVER_VERSION_1);
	virtio_mmio_ops.write(&fake.mmio, VIRTIO_MMIO_CONFIG + 8, bytes, 4);
	cr_assert_arr_eq(fake.config + 8, bytes, 2);
	virtio_mmio_ops.write(&fake.mmio, VIRTIO_MMIO_CONFIG + 1, bytes, 1);
	cr_assert_arr_eq(fake.config, ((uint8_t[]){0, 0xa, 2}), 3);
	virtio_mmio_ops.write(&fake.mmio, VIRTIO_MMIO_SIZE - 4, bytes, 4);
}

Test(mmio, config_generation_counts_changes)
{
	uint32_t before = get(VIRTIO_MMIO_CONFIG_GENERATION);

	start();
	lock();
	virtio_config_changed(&fake.device);
	unlock();
	cr_assert_neq(get(VIRTIO_MMIO_CONFIG_GENERATION), before);
	cr_assert_eq(fake.interrupts, 1);
}

Test(mmio, a_change_before_driver_ok_interrupts_nobody)
{
	lock();
	virtio_config_changed(&fake.device);
	unlock();
	cr_assert_eq(fake.interrupts, 0);
	cr_assert_eq(get(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}
