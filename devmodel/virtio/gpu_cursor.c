/* The cursor queue (virtio 1.2, 5.7.6.10). Linux' driver leaves no room for answers here. */
#include <endian.h>

#include "devmodel/virtio/gpu_device.h"

/* Where it is, which may be left of or above the display. */
static int32_t place_of(uint32_t value)
{
	return (int32_t)le32toh(value);
}

static uint32_t cursor_show(struct gpu *gpu, unsigned index, const struct virtio_gpu_update_cursor *update,
			    struct virtio_gpu_cursor *cursor)
{
	const struct gpu_resource *resource =
		gpu_resource_find(&gpu->resources, le32toh(update->resource_id));

	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (resource->width != VIRTIO_GPU_CURSOR_SIDE || resource->height != VIRTIO_GPU_CURSOR_SIDE ||
	    le32toh(update->hot_x) >= VIRTIO_GPU_CURSOR_SIDE ||
	    le32toh(update->hot_y) >= VIRTIO_GPU_CURSOR_SIDE)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (!gpu_resource_read(resource, gpu->cursor, sizeof(gpu->cursor)))
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	cursor->pixels = gpu->cursor;
	cursor->format = resource->format;
	cursor->hot_x = le32toh(update->hot_x);
	cursor->hot_y = le32toh(update->hot_y);
	gpu->scanouts[index].has_cursor = true;
	gpu->display->cursor_set(gpu->display, index, cursor);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t cursor_update(struct gpu *gpu, unsigned index, const struct virtio_gpu_update_cursor *update)
{
	struct virtio_gpu_cursor cursor = {.x = place_of(update->pos.x), .y = place_of(update->pos.y)};

	if (update->resource_id)
		return cursor_show(gpu, index, update, &cursor);
	gpu->scanouts[index].has_cursor = false;
	gpu->display->cursor_set(gpu->display, index, &cursor);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t cursor_run(struct gpu *gpu, const struct virtio_gpu_update_cursor *update)
{
	uint32_t type = le32toh(update->hdr.type);
	uint32_t index = le32toh(update->pos.scanout_id);

	if (type != VIRTIO_GPU_CMD_UPDATE_CURSOR && type != VIRTIO_GPU_CMD_MOVE_CURSOR)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (index >= gpu->heads)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	if (type == VIRTIO_GPU_CMD_UPDATE_CURSOR)
		return cursor_update(gpu, index, update);
	gpu->display->cursor_move(gpu->display, index, place_of(update->pos.x), place_of(update->pos.y));
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static void cursor_serve(struct gpu *gpu)
{
	union gpu_request request;
	struct gpu_reply reply;
	uint32_t answer = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;

	gpu_reply_init(&reply);
	if (gpu_request_read(gpu, &request) >= sizeof(request.cursor))
		answer = cursor_run(gpu, &request.cursor);
	gpu_answer(gpu, GPU_QUEUE_CURSOR, &request, &reply, answer);
}

void gpu_cursor_serve(struct gpu *gpu)
{
	struct virtio_device *device = &gpu->device;
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(&device->queues[GPU_QUEUE_CURSOR]);
	while (virtio_device_pop(device, GPU_QUEUE_CURSOR, &gpu->chain, &budget))
		cursor_serve(gpu);
	virtio_interrupt(device, GPU_QUEUE_CURSOR);
}
