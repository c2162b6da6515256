/*
 * Pictures of a virtio GPU's (virtio 1.2, 5.7.6.8): each is a memfd on the host's side, and, once the driver
 * has attached some, a list of pieces of guest memory that it is copied from.
 *
 *      backing   | piece | piece |   piece    | ...   bytes 0 to `length`, anywhere in guest memory
 *      memfd     line 0, line 1, ...                  lines of `stride` bytes, without gaps
 *
 * A memfd is written with pwritev2(2) and never mapped here: a page that the host does not have is then an
 * error to the guest, and no signal. Its size is set by writing its last byte, so that the thread needs no
 * call that could cut a file short.
 *
 * What a function returns as uint32_t is the answer to the guest, a VIRTIO_GPU_RESP_*. Nothing has changed
 * when it is an error, but that a transfer may have been done in part. The GPU's loop alone; no locks here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/guest_memory.h"
#include "devmodel/virtio/gpu.h"

#define GPU_PIECES_MAX 65536 /* of one backing; each may be a page: 256 MiB */
#define GPU_IOV_MAX    256   /* pieces that are copied by one call */

struct gpu_piece {
	uint64_t start; /* bytes of the backing before it */
	uint8_t *host;
};

struct gpu_backing {
	unsigned count;
	uint64_t length; /* bytes of all pieces; 0: nothing is attached */
	struct gpu_piece *pieces;
};

struct gpu_resource {
	struct gpu_resource *next;
	uint32_t id;
	uint32_t format; /* VIRTIO_GPU_FORMAT_* */
	uint32_t width, height;
	uint32_t stride; /* bytes */
	uint64_t size;   /* bytes of the memfd */
	int memfd;
	struct gpu_backing backing;
};

struct gpu_resources {
	struct gpu_resource *first;
	unsigned count;
	uint64_t used, limit; /* bytes of the host's memory: memfds, and lists of pieces */
	struct iovec iov[GPU_IOV_MAX];
};

uint32_t gpu_resource_create(struct gpu_resources *resources, uint32_t id, uint32_t format, uint32_t width,
			     uint32_t height);
/* NULL: there is none; 0 is nobody's id. */
struct gpu_resource *gpu_resource_find(const struct gpu_resources *resources, uint32_t id);
void gpu_resource_destroy(struct gpu_resources *resources, struct gpu_resource *resource);
void gpu_resources_clear(struct gpu_resources *resources);

/* Room for so many pieces, which are then added one by one; gpu_backing_drop gives it back. */
uint32_t gpu_backing_make(struct gpu_resources *resources, uint32_t count, struct gpu_backing *backing);
/* Piece `index`, in their order; -EFAULT: it is not guest memory, or empty. */
int gpu_backing_add(struct gpu_backing *backing, unsigned index, const struct guest_memory *memory,
		    uint64_t address, uint32_t length);
void gpu_backing_drop(struct gpu_resources *resources, struct gpu_backing *backing);

/* Whether the area lies inside a picture of this size; one that is empty may lie at its edge. */
bool gpu_area_fits(const struct virtio_gpu_area *area, uint32_t width, uint32_t height);
/* The backing's bytes from `offset` on, lines of the picture's stride, become this area of the picture. */
uint32_t gpu_resource_transfer(struct gpu_resources *resources, struct gpu_resource *resource,
			       const struct virtio_gpu_area *area, uint64_t offset);
/* The picture's first bytes; false: the host cannot read them. */
bool gpu_resource_read(const struct gpu_resource *resource, void *into, size_t size);
