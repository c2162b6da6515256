/*
 * A driver of the virtio GPU for tests: it asks by the control queue, and a fake display writes down what it
 * is told.
 *
 *     gpu_rig_open(&options);              plugged, all features that are offered agreed to
 *     cr_assert_eq(gpu_create(1, XRGB, 64, 48), VIRTIO_GPU_RESP_OK_NODATA);
 *     gpu_rig_close();
 */
#pragma once

#include <linux/virtio_gpu.h>

#include "devmodel/virtio/gpu.h"
#include "tests/unit/virtio/driver.h"

#define CONTROL 0
#define CURSOR  1

#define XRGB VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM
#define ARGB VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM

#define GPU_SEEN_MAX 64

enum gpu_told {
	TOLD_SET,
	TOLD_OFF,
	TOLD_FLUSH,
	TOLD_CURSOR,
	TOLD_MOVE,
};

struct gpu_seen {
	enum gpu_told what;
	unsigned index;
	struct virtio_gpu_scanout scanout;
	struct virtio_gpu_area area;
	struct virtio_gpu_cursor cursor;
	uint32_t pixels[VIRTIO_GPU_CURSOR_SIDE * VIRTIO_GPU_CURSOR_SIDE];
	int32_t x, y;
};

struct gpu_rig {
	struct driver driver;
	struct virtio_gpu_display display;
	unsigned count;
	struct gpu_seen seen[GPU_SEEN_MAX];
};

extern struct gpu_rig rig;

/* display is the rig's own, unless options say nobody looks. */
void gpu_rig_open(unsigned heads, uint64_t vram);
void gpu_rig_close(void);

/* Asks by the control queue and returns the answer's type; answer may be NULL. */
uint32_t gpu_ask(const void *request, uint32_t size, void *answer, uint32_t answer_size);
uint32_t gpu_create(uint32_t id, uint32_t format, uint32_t width, uint32_t height);
uint32_t gpu_unref(uint32_t id);
uint32_t gpu_attach(uint32_t id, const struct virtio_gpu_mem_entry *entries, uint32_t count);
uint32_t gpu_detach(uint32_t id);
uint32_t gpu_transfer(uint32_t id, struct virtio_gpu_rect area, uint64_t offset);
uint32_t gpu_set_scanout(uint32_t index, uint32_t id, struct virtio_gpu_rect area);
uint32_t gpu_flush(uint32_t id, struct virtio_gpu_rect area);
/* By the cursor queue, with room for an answer. */
uint32_t gpu_cursor(const struct virtio_gpu_update_cursor *request);

/* A picture with its memory: `width` * `height` pixels of the guest's, zeros, whose address is returned. */
uint64_t gpu_picture(uint32_t id, uint32_t format, uint32_t width, uint32_t height);
/* The one thing that the display was told since the last call. */
const struct gpu_seen *gpu_told_once(enum gpu_told what, unsigned index);
/* A pixel of what a display shows. */
uint32_t gpu_pixel(const struct virtio_gpu_scanout *scanout, uint32_t x, uint32_t y);
/* The first display shows all of it. */
const struct virtio_gpu_scanout *gpu_show(uint32_t id, uint32_t width, uint32_t height);
