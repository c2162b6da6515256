#include "devmodel/virtio/gpu.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/gpu_device.h"

#define CONTROL_SIZE 256 /* QEMU's; Linux' driver waits for room less often */
#define CURSOR_SIZE  16

/* What a driver that has gone has left, on the loop's thread. */
static void gpu_forget(struct gpu *gpu)
{
	if (!atomic_exchange(&gpu->forgotten, false))
		return;
	gpu_scanouts_off(gpu);
	gpu_resources_clear(&gpu->resources);
}

static void forget_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	gpu_forget(CONTAINER_OF(source, struct gpu, forgetting));
}

static void gpu_notify(struct virtio_device *device, unsigned queue)
{
	struct gpu *gpu = CONTAINER_OF(device, struct gpu, device);

	gpu_forget(gpu);
	if (queue == GPU_QUEUE_CONTROL)
		gpu_control_serve(gpu);
	else
		gpu_cursor_serve(gpu);
}

/* Only told here: this is a vCPU's thread. */
static void gpu_reset(struct virtio_device *device)
{
	struct gpu *gpu = CONTAINER_OF(device, struct gpu, device);
	uint64_t one = 1;

	gpu->config.events_read = 0;
	atomic_store(&gpu->forgotten, true);
	if (write(gpu->forgetting.fd, &one, sizeof(one)) < 0)
		return; /* full: it was told often enough */
}

static void gpu_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	const struct gpu *gpu = CONTAINER_OF(device, struct gpu, device);

	memcpy(data, (const uint8_t *)&gpu->config + offset, len);
}

/* 5.7.4: what is written to events_clear is no longer pending; all else is the device's. */
static void gpu_config_write(struct virtio_device *device, uint32_t offset, const uint8_t *data, uint32_t len)
{
	struct gpu *gpu = CONTAINER_OF(device, struct gpu, device);
	uint32_t clear;

	if (offset != offsetof(struct virtio_gpu_config, events_clear) || len != sizeof(clear))
		return;
	memcpy(&clear, data, sizeof(clear));
	gpu->config.events_read &= ~clear;
}

static void gpu_destroy(struct virtio_device *device)
{
	struct gpu *gpu = CONTAINER_OF(device, struct gpu, device);

	loop_remove(device->loop, &gpu->forgetting);
	close(gpu->forgetting.fd);
	gpu_resources_clear(&gpu->resources);
	virtio_device_close(device);
	free(gpu);
}

static const struct virtio_device_ops gpu_ops = {
	.config_read = gpu_config_read,
	.config_write = gpu_config_write,
	.reset = gpu_reset,
	.notify = gpu_notify,
	.destroy = gpu_destroy,
};

static void gpu_offer(struct gpu *gpu, const struct virtio_gpu_options *options)
{
	gpu->device.ops = &gpu_ops;
	gpu->device.id = VIRTIO_ID_GPU;
	gpu->device.name = "gpu";
	gpu->device.offered = 1ULL << VIRTIO_GPU_F_EDID;
	gpu->device.queue_count = GPU_QUEUE_COUNT;
	gpu->device.config_size = sizeof(gpu->config);
	gpu->device.in_order = true;
	gpu->config.num_scanouts = htole32(options->heads);
	gpu->nobody = gpu_display_none;
	gpu->display = options->display ? options->display : &gpu->nobody;
	gpu->heads = options->heads;
	gpu->resources.limit = options->vram;
	for (unsigned i = 0; i < options->heads; i++)
		gpu->sizes[i] = (uint64_t)options->width << 32 | options->height;
}

static int gpu_watch(struct gpu *gpu, struct loop *loop)
{
	int code;

	gpu->forgetting = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN | EPOLLET,
		.ready = forget_ready,
	};
	if (gpu->forgetting.fd < 0)
		return -errno;
	code = loop_add(loop, &gpu->forgetting);
	if (code < 0)
		close(gpu->forgetting.fd);
	return code;
}

struct virtio_device *virtio_gpu_create(const struct virtio_gpu_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err)
{
	struct gpu *gpu = calloc(1, sizeof(*gpu));
	int code;

	if (!gpu) {
		error_set(err, -ENOMEM, "virtio gpu: out of memory");
		return NULL;
	}
	gpu_offer(gpu, options);
	if (virtio_device_init(&gpu->device, memory, loop, err) < 0) {
		free(gpu);
		return NULL;
	}
	code = gpu_watch(gpu, loop);
	if (code < 0) {
		error_set(err, code, "virtio gpu: cannot make an event: %s", strerror(-code));
		virtio_device_close(&gpu->device);
		free(gpu);
		return NULL;
	}
	gpu->device.queues[GPU_QUEUE_CONTROL].size_max = CONTROL_SIZE;
	gpu->device.queues[GPU_QUEUE_CURSOR].size_max = CURSOR_SIZE;
	return &gpu->device;
}
