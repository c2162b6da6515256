/* A driver that resets the GPU, and a display that changes its size, while the GPU's own thread is at work.
 */
#include <criterion/criterion.h>
#include <linux/virtio_gpu.h>
#include <pthread.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/gpu.h"
#include "tests/unit/virtio/driver.h"

#define ROUNDS  150
#define WAIT_MS 10000

static struct driver driver;

/* What is shown, written on the GPU's thread alone. */
static struct screen {
	struct virtio_gpu_display display;
	bool lit;
	unsigned sets, offs;
} screen;

static void scanout_set(struct virtio_gpu_display *display, unsigned index,
			const struct virtio_gpu_scanout *scanout)
{
	(void)display;
	(void)index;
	(void)scanout;
	screen.lit = true;
	screen.sets++;
}

static void scanout_off(struct virtio_gpu_display *display, unsigned index)
{
	(void)display;
	(void)index;
	screen.lit = false;
	screen.offs++;
}

static void *run_loop(void *loop)
{
	loop_run(loop);
	return NULL;
}

static void *change_sizes(void *device)
{
	for (unsigned i = 0; i < ROUNDS * 4; i++)
		virtio_gpu_set_size(device, 0, 640 + i % 100, 480);
	return NULL;
}

static void put(const void *request, uint32_t size)
{
	struct driver_buffer buffers[] = {driver_out(&driver, request, size),
					  driver_in(&driver, sizeof(struct virtio_gpu_ctrl_hdr))};

	driver_add(&driver, 0, buffers, 2);
	virtio_device_kick(driver.device, 0);
}

/* All of the host's memory that there is, shown. */
static void show(void)
{
	struct virtio_gpu_resource_create_2d create = {
		{.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D}, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 512, 512};
	struct virtio_gpu_set_scanout set = {{.type = VIRTIO_GPU_CMD_SET_SCANOUT}, {0, 0, 512, 512}, 0, 1};

	put(&create, sizeof(create));
	put(&set, sizeof(set));
}

static void await_answers(unsigned count)
{
	uint64_t end = monotonic_ms() + WAIT_MS;
	struct driver_used used;

	while (count) {
		count -= driver_collect(&driver, 0, &used);
		cr_assert_lt(monotonic_ms(), end, "commands were not answered");
	}
}

Test(gpu_threads, a_reset_comes_at_any_time)
{
	struct virtio_gpu_options options = {
		.heads = 1, .width = 640, .height = 480, .vram = MIB(1), .display = &screen.display};
	pthread_t loop, sizes;
	struct error err;

	screen.display = (struct virtio_gpu_display){.scanout_set = scanout_set, .scanout_off = scanout_off};
	driver_init(&driver);
	driver_plug(&driver, virtio_gpu_create(&options, &driver.memory, &driver.loop, &err));
	cr_assert_eq(pthread_create(&loop, NULL, run_loop, &driver.loop), 0);
	cr_assert_eq(pthread_create(&sizes, NULL, change_sizes, driver.device), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		driver_start(&driver, 0);
		show();
		if (i % 2)
			await_answers(2);
		driver_reset(&driver);
	}
	pthread_join(sizes, NULL);
	driver_start(&driver, 0);
	show();
	await_answers(2);
	loop_stop(&driver.loop);
	pthread_join(loop, NULL);
	cr_assert(screen.lit, "what the last driver shows is shown");
	cr_assert_geq(screen.sets, ROUNDS / 2 + 1);
	cr_assert_eq(screen.sets, screen.offs + 1);
	driver_close(&driver);
}
