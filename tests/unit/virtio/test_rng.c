/* The entropy device (virtio 1.2, 5.4). */
#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/rng.h"

static struct driver driver;
static struct error err;

/* The test program is linked so that the device's calls come here first. */
static bool kernel_has_none; /* as early in the host's boot */

ssize_t __real_getrandom(void *into, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *into, size_t len, unsigned flags);

ssize_t __wrap_getrandom(void *into, size_t len, unsigned flags)
{
	cr_assert(flags & GRND_NONBLOCK, "it might block the loop");
	if (!kernel_has_none)
		return __real_getrandom(into, len, flags);
	errno = EAGAIN;
	return -1;
}

static void setup(void)
{
	driver_init(&driver);
	driver_attach(&driver, virtio_rng_create(NULL, &driver.memory, &driver.loop, &err), 0);
}

static void teardown(void)
{
	driver_close(&driver);
}

static void setup_limited(void)
{
	static const struct rate rate = {.rate = 1000, .burst = 100};

	driver_init(&driver);
	driver_attach(&driver, virtio_rng_create(&rate, &driver.memory, &driver.loop, &err), 0);
}

TestSuite(rng, .init = setup, .fini = teardown);
TestSuite(rng_limited, .init = setup_limited, .fini = teardown);

/* How many bytes the device says it wrote. */
static uint32_t ask(const struct driver_buffer *buffers, unsigned count)
{
	struct driver_used used;

	driver_add(&driver, 0, buffers, count);
	driver_kick(&driver, 0);
	cr_assert(driver_collect(&driver, 0, &used));
	return used.written;
}

static bool all_zero(struct driver_buffer buffer)
{
	const uint8_t *bytes = driver_at(&driver, buffer.address, buffer.len);

	for (uint32_t i = 0; i < buffer.len; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static void breaks(const struct driver_buffer *buffers, unsigned count)
{
	struct driver_used used;

	driver_add(&driver, 0, buffers, count);
	driver_kick(&driver, 0);
	cr_assert(driver_sees_broken(&driver));
	cr_assert_not(driver_collect(&driver, 0, &used));
}

Test(rng, is_an_entropy_device_without_configuration)
{
	uint32_t word = UINT32_MAX;

	cr_assert_eq(driver.device->id, VIRTIO_ID_RNG);
	virtio_device_config_read(driver.device, 0, (uint8_t *)&word, sizeof(word));
	cr_assert_eq(word, 0);
	virtio_device_config_write(driver.device, 0, (const uint8_t *)&word, sizeof(word));
}

Test(rng, fills_the_buffer)
{
	struct driver_buffer first = driver_in(&driver, 64), second = driver_in(&driver, 64);

	cr_assert_eq(ask(&first, 1), 64);
	cr_assert_eq(ask(&second, 1), 64);
	cr_assert_not(all_zero(first));
	cr_assert_arr_neq(driver_at(&driver, first.address, 64), driver_at(&driver, second.address, 64), 64);
	cr_assert_eq(driver.interrupts[0], 2);
}

Test(rng, fills_exactly_the_buffer)
{
	struct driver_buffer buffer = driver_in(&driver, 33);

	driver_alloc(&driver, 64);
	cr_assert_eq(ask(&buffer, 1), 33);
	cr_assert(all_zero((struct driver_buffer){.address = buffer.address + 33, .len = 31}));
}

Test(rng, fills_several_buffers)
{
	struct driver_buffer buffers[] = {driver_in(&driver, 40), driver_in(&driver, 0),
					  driver_in(&driver, 50)};

	cr_assert_eq(ask(buffers, 3), 90);
	cr_assert_not(all_zero(buffers[0]));
	cr_assert_not(all_zero(buffers[2]));
}

Test(rng, a_large_buffer_is_filled_in_part)
{
	struct driver_buffer large = driver_in(&driver, 1 << 20);
	uint32_t written = ask(&large, 1);

	cr_assert_gt(written, 0);
	cr_assert_lt(written, large.len);
	cr_assert(all_zero(
		(struct driver_buffer){.address = large.address + written, .len = large.len - written}));
}

Test(rng, buffers_wait_until_the_host_has_random_bytes)
{
	struct driver_buffer first = driver_in(&driver, 64), second = driver_in(&driver, 32);
	struct driver_used used;

	kernel_has_none = true;
	driver_add(&driver, 0, &first, 1);
	driver_add(&driver, 0, &second, 1);
	driver_kick(&driver, 0);
	cr_assert_not(driver_collect(&driver, 0, &used));
	cr_assert_eq(driver.interrupts[0], 0);
	kernel_has_none = false;
	/* without another kick; what else the loop sees may come first */
	for (unsigned steps = 0; steps < 10 && driver.interrupts[0] == 0; steps++)
		cr_assert_eq(loop_step(&driver.loop, 1000), 0);
	cr_assert(driver_collect(&driver, 0, &used));
	cr_assert_eq(used.written, 64);
	cr_assert(driver_collect(&driver, 0, &used));
	cr_assert_eq(used.written, 32);
	cr_assert_not(all_zero(first));
}

Test(rng, a_reset_forgets_buffers_that_wait)
{
	struct driver_buffer buffer = driver_in(&driver, 64);
	struct driver_used used;

	kernel_has_none = true;
	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	driver_reset(&driver);
	kernel_has_none = false;
	for (unsigned steps = 0; steps < 3; steps++)
		cr_assert_eq(loop_step(&driver.loop, 150), 0);
	cr_assert_not(driver_collect(&driver, 0, &used));
	cr_assert(all_zero(buffer));
}

Test(rng_limited, a_burst_comes_at_once_and_the_rest_in_its_time)
{
	uint64_t start = monotonic_ns();
	struct driver_buffer buffers[4];
	struct driver_used used;

	for (unsigned i = 0; i < ARRAY_SIZE(buffers); i++) {
		buffers[i] = driver_in(&driver, 50);
		driver_add(&driver, 0, &buffers[i], 1);
	}
	driver_kick(&driver, 0);
	cr_assert(driver_collect(&driver, 0, &used));
	cr_assert(driver_collect(&driver, 0, &used));
	for (unsigned i = 2; i < ARRAY_SIZE(buffers); i++) {
		while (!driver_collect(&driver, 0, &used))
			cr_assert_eq(loop_step(&driver.loop, 1000), 0);
		cr_assert_eq(used.written, 50);
		cr_assert_not(all_zero(buffers[i]));
	}
	/* 200 bytes, of which 100 were saved up; the last 50 may be taken in advance */
	cr_assert_geq(monotonic_ns() - start, 45 * 1000000ULL);
}

Test(rng_limited, no_request_gets_more_than_a_burst)
{
	struct driver_buffer large = driver_in(&driver, 4096);

	cr_assert_eq(ask(&large, 1), 100);
}

Test(rng_limited, a_reset_does_not_give_more)
{
	struct driver_buffer buffer = driver_in(&driver, 100);
	struct driver_used used;

	cr_assert_eq(ask(&buffer, 1), 100);
	driver_add(&driver, 0, &buffer, 1);
	driver_kick(&driver, 0);
	driver_reset(&driver);
	driver_start(&driver, 0);
	for (unsigned i = 0; i < 3; i++) {
		driver_add(&driver, 0, &buffer, 1);
		driver_kick(&driver, 0);
	}
	cr_assert(!driver_collect(&driver, 0, &used) || !driver_collect(&driver, 0, &used));
}

Test(rng, a_readable_buffer_breaks_the_device)
{
	breaks((struct driver_buffer[]){driver_out(&driver, "seed", 4), driver_in(&driver, 4)}, 2);
}

Test(rng, a_buffer_without_room_breaks_the_device)
{
	breaks((struct driver_buffer[]){driver_in(&driver, 0)}, 1);
}

Test(rng, a_broken_ring_breaks_the_device)
{
	breaks((struct driver_buffer[]){{.address = 1, .len = 8, .writable = true}}, 1);
}
