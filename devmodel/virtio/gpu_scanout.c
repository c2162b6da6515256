#include <endian.h>
#include <errno.h>

#include "common/util.h"
#include "devmodel/virtio/gpu_device.h"

/* ---- Sizes ---- */

bool gpu_head_size(const struct gpu *gpu, unsigned index, uint32_t *width, uint32_t *height)
{
	uint64_t size = atomic_load(&gpu->sizes[index]);

	*width = (uint32_t)(size >> 32);
	*height = (uint32_t)size;
	return size != 0;
}

/* 5.7.6.8: where the displays are, beside each other. */
void gpu_display_info(const struct gpu *gpu, struct virtio_gpu_resp_display_info *info)
{
	uint32_t x = 0;

	for (unsigned i = 0; i < gpu->heads; i++) {
		uint32_t width, height;

		if (!gpu_head_size(gpu, i, &width, &height))
			continue;
		info->pmodes[i] = (struct virtio_gpu_display_one){
			.r = {.x = htole32(x), .width = htole32(width), .height = htole32(height)},
			.enabled = htole32(1),
		};
		x += width;
	}
}

static bool side_is_possible(uint32_t side)
{
	return side >= VIRTIO_GPU_SIDE_MIN && side <= VIRTIO_GPU_DISPLAY_MAX;
}

int virtio_gpu_set_size(struct virtio_device *device, unsigned index, uint32_t width, uint32_t height)
{
	struct gpu *gpu = CONTAINER_OF(device, struct gpu, device);
	uint64_t size = (uint64_t)width << 32 | height;

	if (index >= gpu->heads || (size && !(side_is_possible(width) && side_is_possible(height))))
		return -EINVAL;
	if (atomic_exchange(&gpu->sizes[index], size) == size)
		return 0;
	pthread_mutex_lock(&device->lock);
	gpu->config.events_read |= htole32(VIRTIO_GPU_EVENT_DISPLAY);
	virtio_config_changed(device);
	pthread_mutex_unlock(&device->lock);
	return 0;
}

/* ---- What they show ---- */

static void scanout_off(struct gpu *gpu, unsigned index)
{
	struct gpu_scanout *scanout = &gpu->scanouts[index];

	if (!scanout->resource)
		return;
	scanout->resource = 0;
	gpu->display->scanout_off(gpu->display, index);
}

static void scanout_show(struct gpu *gpu, unsigned index, const struct gpu_resource *resource,
			 const struct virtio_gpu_area *area)
{
	struct virtio_gpu_scanout picture = {
		.memfd = resource->memfd,
		.width = area->width,
		.height = area->height,
		.stride = resource->stride,
		.offset = (uint64_t)area->y * resource->stride + area->x * VIRTIO_GPU_PIXEL,
		.size = resource->size,
		.format = resource->format,
	};

	gpu->scanouts[index].resource = resource->id;
	gpu->scanouts[index].area = *area;
	gpu->display->scanout_set(gpu->display, index, &picture);
}

uint32_t gpu_scanout_set(struct gpu *gpu, uint32_t index, uint32_t id, const struct virtio_gpu_area *area)
{
	const struct gpu_resource *resource = gpu_resource_find(&gpu->resources, id);

	if (index >= gpu->heads)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	if (id == 0) {
		scanout_off(gpu, index);
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (area->width == 0 || area->height == 0 || !gpu_area_fits(area, resource->width, resource->height))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	scanout_show(gpu, index, resource, area);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* What is in both; false: nothing is. Both lie in the same picture. */
static bool area_common(const struct virtio_gpu_area *a, const struct virtio_gpu_area *b,
			struct virtio_gpu_area *common)
{
	uint32_t x = MAX(a->x, b->x);
	uint32_t y = MAX(a->y, b->y);
	uint32_t right = MIN(a->x + a->width, b->x + b->width);
	uint32_t bottom = MIN(a->y + a->height, b->y + b->height);

	if (x >= right || y >= bottom)
		return false;
	*common = (struct virtio_gpu_area){x, y, right - x, bottom - y};
	return true;
}

uint32_t gpu_scanout_flush(struct gpu *gpu, const struct gpu_resource *resource,
			   const struct virtio_gpu_area *area)
{
	if (!gpu_area_fits(area, resource->width, resource->height))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	for (unsigned i = 0; i < gpu->heads; i++) {
		const struct gpu_scanout *scanout = &gpu->scanouts[i];
		struct virtio_gpu_area seen;

		if (scanout->resource != resource->id || !area_common(area, &scanout->area, &seen))
			continue;
		seen.x -= scanout->area.x;
		seen.y -= scanout->area.y;
		gpu->display->flush(gpu->display, i, &seen);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

void gpu_scanouts_leave(struct gpu *gpu, uint32_t id)
{
	for (unsigned i = 0; i < gpu->heads; i++) {
		if (gpu->scanouts[i].resource == id)
			scanout_off(gpu, i);
	}
}

void gpu_scanouts_off(struct gpu *gpu)
{
	for (unsigned i = 0; i < gpu->heads; i++) {
		scanout_off(gpu, i);
		if (gpu->scanouts[i].has_cursor)
			gpu->display->cursor_set(gpu->display, i, &(struct virtio_gpu_cursor){0});
		gpu->scanouts[i].has_cursor = false;
	}
}

/* ---- Nobody looks ---- */

static void none_set(struct virtio_gpu_display *display, unsigned index,
		     const struct virtio_gpu_scanout *scanout)
{
	(void)display;
	(void)index;
	(void)scanout;
}

static void none_off(struct virtio_gpu_display *display, unsigned index)
{
	(void)display;
	(void)index;
}

static void none_flush(struct virtio_gpu_display *display, unsigned index, const struct virtio_gpu_area *area)
{
	(void)display;
	(void)index;
	(void)area;
}

static void none_cursor_set(struct virtio_gpu_display *display, unsigned index,
			    const struct virtio_gpu_cursor *cursor)
{
	(void)display;
	(void)index;
	(void)cursor;
}

static void none_cursor_move(struct virtio_gpu_display *display, unsigned index, int32_t x, int32_t y)
{
	(void)display;
	(void)index;
	(void)x;
	(void)y;
}

const struct virtio_gpu_display gpu_display_none = {
	.scanout_set = none_set,
	.scanout_off = none_off,
	.flush = none_flush,
	.cursor_set = none_cursor_set,
	.cursor_move = none_cursor_move,
};
