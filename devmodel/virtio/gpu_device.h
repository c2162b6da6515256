/*
 * What the files of the virtio GPU share (gpu.h).
 *
 * Both queues are on one loop, whose thread alone touches resources, scanouts and the display: they need no
 * lock. What other threads change is `sizes`, `config` (the device's lock) and `forgotten`: a driver that
 * resets the device does so on a vCPU's thread, where nothing is released and no display is called; the loop
 * does it (gpu_forget), before it does anything for the next driver.
 */
#pragma once

#include <endian.h>
#include <linux/virtio_gpu.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "devmodel/virtio/device.h"
#include "devmodel/virtio/gpu.h"
#include "devmodel/virtio/gpu_edid.h"
#include "devmodel/virtio/gpu_resource.h"

#define GPU_QUEUE_CONTROL 0
#define GPU_QUEUE_CURSOR  1
#define GPU_QUEUE_COUNT   2

#define GPU_CURSOR_SIZE (VIRTIO_GPU_CURSOR_SIDE * VIRTIO_GPU_CURSOR_SIDE * VIRTIO_GPU_PIXEL) /* bytes */

/* What one display shows. */
struct gpu_scanout {
	uint32_t resource;           /* 0: nothing */
	struct virtio_gpu_area area; /* of the resource */
	bool has_cursor;
};

struct gpu {
	struct virtio_device device;
	struct virtio_gpu_display *display; /* never NULL */
	struct virtio_gpu_display nobody;   /* when there is none */
	unsigned heads;
	struct virtio_gpu_config config;
	_Atomic uint64_t sizes[VIRTIO_GPU_HEADS_MAX]; /* width << 32 | height; 0: not plugged in */

	atomic_bool forgotten;         /* a driver has gone, and what it left is still there */
	struct loop_source forgetting; /* eventfd */

	struct gpu_resources resources;
	struct gpu_scanout scanouts[VIRTIO_GPU_HEADS_MAX];
	struct virtq_chain chain; /* of the queue that is served */
	uint8_t cursor[GPU_CURSOR_SIZE];
};

/* A command of either queue, as it was copied from the guest. */
union gpu_request {
	struct virtio_gpu_ctrl_hdr header;
	struct virtio_gpu_resource_create_2d create;
	struct virtio_gpu_resource_unref unref;
	struct virtio_gpu_set_scanout set_scanout;
	struct virtio_gpu_resource_flush flush;
	struct virtio_gpu_transfer_to_host_2d transfer;
	struct virtio_gpu_resource_attach_backing attach;
	struct virtio_gpu_resource_detach_backing detach;
	struct virtio_gpu_cmd_get_edid get_edid;
	struct virtio_gpu_update_cursor cursor;
};

struct gpu_reply {
	size_t size; /* bytes, header and all */
	union {
		struct virtio_gpu_ctrl_hdr header;
		struct virtio_gpu_resp_display_info display_info;
		struct virtio_gpu_resp_edid edid;
	};
};

/* A header alone. All of it is zero: what is not said is nobody's stack. */
static inline void gpu_reply_init(struct gpu_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->size = sizeof(reply->header);
}

/* The popped chain's command, as much as there is of it. */
size_t gpu_request_read(const struct gpu *gpu, union gpu_request *request);
/* Gives the popped chain back with this answer; an error is counted. A chain that has no room for any answer
 * breaks the device, unless the queue's need none. */
void gpu_answer(struct gpu *gpu, unsigned queue, const union gpu_request *request, struct gpu_reply *reply,
		uint32_t type);

/* gpu_command.c, gpu_cursor.c: the queue's lock is held. */
void gpu_control_serve(struct gpu *gpu);
void gpu_cursor_serve(struct gpu *gpu);

/* gpu_scanout.c; those that return uint32_t say the answer. */
bool gpu_head_size(const struct gpu *gpu, unsigned index, uint32_t *width, uint32_t *height);
void gpu_display_info(const struct gpu *gpu, struct virtio_gpu_resp_display_info *info);
uint32_t gpu_scanout_set(struct gpu *gpu, uint32_t index, uint32_t id, const struct virtio_gpu_area *area);
uint32_t gpu_scanout_flush(struct gpu *gpu, const struct gpu_resource *resource,
			   const struct virtio_gpu_area *area);
/* Every display that shows this resource is dark from now on. */
void gpu_scanouts_leave(struct gpu *gpu, uint32_t id);
/* All displays are dark and have no pointer. */
void gpu_scanouts_off(struct gpu *gpu);

/* Nobody looks. */
extern const struct virtio_gpu_display gpu_display_none;

static inline struct virtio_gpu_area gpu_area(const struct virtio_gpu_rect *rect)
{
	return (struct virtio_gpu_area){le32toh(rect->x), le32toh(rect->y), le32toh(rect->width),
					le32toh(rect->height)};
}
