#include "devmodel/virtio/gpu_resource.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util.h"

#define PAGE 4096ULL

static bool format_is_known(uint32_t format)
{
	switch (format) {
	case VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM:
	case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
	case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
	case VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
		return true;
	default:
		return false;
	}
}

/* Whether so much more may be taken; it then is. */
static bool memory_take(struct gpu_resources *resources, uint64_t bytes)
{
	if (bytes > resources->limit - resources->used)
		return false;
	resources->used += bytes;
	return true;
}

/* A file of zeros that nobody can make longer or shorter any more; -1: the host has no more. */
static int memfd_make(uint64_t size)
{
	struct iovec last = {.iov_base = (char[]){0}, .iov_len = 1};
	int fd = memfd_create("gpu picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (pwritev2(fd, &last, 1, (off_t)(size - 1), 0) == 1 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	close(fd);
	return -1;
}

static struct gpu_resource *resource_make(uint64_t size)
{
	struct gpu_resource *resource = calloc(1, sizeof(*resource));

	if (!resource)
		return NULL;
	resource->size = size;
	resource->memfd = memfd_make(size);
	if (resource->memfd < 0) {
		free(resource);
		return NULL;
	}
	return resource;
}

uint32_t gpu_resource_create(struct gpu_resources *resources, uint32_t id, uint32_t format, uint32_t width,
			     uint32_t height)
{
	uint64_t size = ALIGN_UP((uint64_t)width * height * VIRTIO_GPU_PIXEL, PAGE);
	struct gpu_resource *resource;

	if (id == 0 || gpu_resource_find(resources, id))
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!format_is_known(format) || width == 0 || width > VIRTIO_GPU_SIDE_MAX || height == 0 ||
	    height > VIRTIO_GPU_SIDE_MAX)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (resources->count >= VIRTIO_GPU_RESOURCES_MAX || !memory_take(resources, size))
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	resource = resource_make(size);
	if (!resource) {
		resources->used -= size;
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	resource->id = id;
	resource->format = format;
	resource->width = width;
	resource->height = height;
	resource->stride = width * VIRTIO_GPU_PIXEL;
	resource->next = resources->first;
	resources->first = resource;
	resources->count++;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

struct gpu_resource *gpu_resource_find(const struct gpu_resources *resources, uint32_t id)
{
	struct gpu_resource *resource = resources->first;

	while (resource && resource->id != id)
		resource = resource->next;
	return resource;
}

void gpu_resource_destroy(struct gpu_resources *resources, struct gpu_resource *resource)
{
	struct gpu_resource **link = &resources->first;

	while (*link != resource)
		link = &(*link)->next;
	*link = resource->next;
	gpu_backing_drop(resources, &resource->backing);
	/* Whoever was told of it may hold the file for long, but not its pages. */
	fallocate(resource->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)resource->size);
	close(resource->memfd);
	resources->used -= resource->size;
	resources->count--;
	free(resource);
}

void gpu_resources_clear(struct gpu_resources *resources)
{
	while (resources->first)
		gpu_resource_destroy(resources, resources->first);
}

/* ---- Backing ---- */

uint32_t gpu_backing_make(struct gpu_resources *resources, uint32_t count, struct gpu_backing *backing)
{
	*backing = (struct gpu_backing){0};
	if (count == 0 || count > GPU_PIECES_MAX)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (!memory_take(resources, count * sizeof(*backing->pieces)))
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	backing->pieces = calloc(count, sizeof(*backing->pieces));
	if (!backing->pieces) {
		resources->used -= count * sizeof(*backing->pieces);
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	backing->count = count;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

int gpu_backing_add(struct gpu_backing *backing, unsigned index, const struct guest_memory *memory,
		    uint64_t address, uint32_t length)
{
	uint8_t *host = length ? guest_memory_at(memory, address, length) : NULL;

	if (!host)
		return -EFAULT;
	backing->pieces[index] = (struct gpu_piece){.start = backing->length, .host = host};
	backing->length += length;
	return 0;
}

void gpu_backing_drop(struct gpu_resources *resources, struct gpu_backing *backing)
{
	resources->used -= backing->count * sizeof(*backing->pieces);
	free(backing->pieces);
	*backing = (struct gpu_backing){0};
}

/* The piece that has this byte, which lies inside the backing. */
static unsigned piece_at(const struct gpu_backing *backing, uint64_t offset)
{
	unsigned first = 0;
	unsigned end = backing->count;

	while (end - first > 1) {
		unsigned middle = first + (end - first) / 2;

		if (backing->pieces[middle].start <= offset)
			first = middle;
		else
			end = middle;
	}
	return first;
}

/* The part [offset, offset + len) of a backing, which has it, as far as iov has room; returns how many were
 * filled. */
static unsigned backing_slice(const struct gpu_backing *backing, uint64_t offset, uint64_t len,
			      struct iovec *iov)
{
	unsigned piece = piece_at(backing, offset);
	unsigned filled = 0;

	while (len && filled < GPU_IOV_MAX) {
		uint64_t end =
			piece + 1 < backing->count ? backing->pieces[piece + 1].start : backing->length;
		uint64_t size = MIN(end - offset, len);

		iov[filled++] = (struct iovec){
			.iov_base = backing->pieces[piece].host + (offset - backing->pieces[piece].start),
			.iov_len = size,
		};
		offset += size;
		len -= size;
		piece++;
	}
	return filled;
}

/* ---- Copies ---- */

bool gpu_area_fits(const struct virtio_gpu_area *area, uint32_t width, uint32_t height)
{
	return area->x <= width && area->width <= width - area->x && area->y <= height &&
	       area->height <= height - area->y;
}

/* Bytes that follow each other on both sides. */
static int copy_run(struct gpu_resources *resources, struct gpu_resource *resource, uint64_t from,
		    uint64_t to, uint64_t len)
{
	while (len) {
		unsigned count = backing_slice(&resource->backing, from, len, resources->iov);
		ssize_t done = pwritev2(resource->memfd, resources->iov, (int)count, (off_t)to, 0);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		from += (uint64_t)done;
		to += (uint64_t)done;
		len -= (uint64_t)done;
	}
	return 0;
}

/* Whether the backing has all lines of the area from `offset` on; the area fits, so that its size is small.
 */
static bool backing_covers(const struct gpu_resource *resource, const struct virtio_gpu_area *area,
			   uint64_t offset)
{
	uint64_t size = (uint64_t)(area->height - 1) * resource->stride + area->width * VIRTIO_GPU_PIXEL;

	return offset <= resource->backing.length && size <= resource->backing.length - offset;
}

uint32_t gpu_resource_transfer(struct gpu_resources *resources, struct gpu_resource *resource,
			       const struct virtio_gpu_area *area, uint64_t offset)
{
	uint64_t to = (uint64_t)area->y * resource->stride + area->x * VIRTIO_GPU_PIXEL;
	uint64_t line = area->width * VIRTIO_GPU_PIXEL;
	uint32_t lines = area->height;
	int code = 0;

	if (!resource->backing.length)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (!gpu_area_fits(area, resource->width, resource->height))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (area->width == 0 || area->height == 0)
		return VIRTIO_GPU_RESP_OK_NODATA;
	if (!backing_covers(resource, area, offset))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (area->width == resource->width) { /* whole lines have no gaps */
		line *= lines;
		lines = 1;
	}
	for (uint32_t i = 0; i < lines && code == 0; i++)
		code = copy_run(resources, resource, offset + (uint64_t)i * resource->stride,
				to + (uint64_t)i * resource->stride, line);
	return code < 0 ? VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY : VIRTIO_GPU_RESP_OK_NODATA;
}

bool gpu_resource_read(const struct gpu_resource *resource, void *into, size_t size)
{
	struct iovec part = {.iov_base = into, .iov_len = size};

	return preadv2(resource->memfd, &part, 1, 0, 0) == (ssize_t)size;
}
