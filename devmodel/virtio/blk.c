#include "devmodel/virtio/blk.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"

#define BLK_QUEUE_SIZE 128
#define BLK_SEG_MAX    (BLK_QUEUE_SIZE - 2) /* header and status take a descriptor each */

struct blk {
	struct virtio_device device;
	char *name;
	int fd;
	bool read_only;
	uint64_t sectors;
	struct virtio_blk_config config;
	char id[VIRTIO_BLK_ID_BYTES];
	struct virtq_chain chain;
	struct latency latencies[VIRTIO_BLK_KINDS];
};

/* A run of buffers that gets shorter as it is used. */
struct slice {
	struct iovec *parts;
	unsigned count;
	size_t len;
};

struct request {
	uint32_t type;
	uint64_t sector;
	struct slice out; /* behind the header */
	struct slice in;  /* before the status byte */
	uint8_t *status;
};

static void slice_skip(struct slice *slice, size_t bytes)
{
	slice->len -= bytes;
	while (slice->count && bytes >= slice->parts->iov_len) {
		bytes -= slice->parts->iov_len;
		slice->parts++;
		slice->count--;
	}
	if (slice->count) {
		slice->parts->iov_base = (uint8_t *)slice->parts->iov_base + bytes;
		slice->parts->iov_len -= bytes;
	}
}

/* The slice is not empty. */
static uint8_t *slice_take_last_byte(struct slice *slice)
{
	struct iovec *last;

	while (slice->parts[slice->count - 1].iov_len == 0)
		slice->count--;
	last = &slice->parts[slice->count - 1];
	last->iov_len--;
	slice->len--;
	return (uint8_t *)last->iov_base + last->iov_len;
}

/* 5.2.6: header, data, status; where the descriptors begin and end means nothing (2.7.4). */
static int request_parse(struct request *request, struct virtq_chain *chain)
{
	struct virtio_blk_outhdr header;

	if (virtq_chain_read(chain, 0, &header, sizeof(header)) != sizeof(header) || chain->writable_len == 0)
		return -EPROTO;
	*request = (struct request){
		.type = le32toh(header.type),
		.sector = le64toh(header.sector),
		.out = {chain->iov, chain->readable_count, chain->readable_len},
		.in = {chain->iov + chain->readable_count, chain->writable_count, chain->writable_len},
	};
	slice_skip(&request->out, sizeof(header));
	request->status = slice_take_last_byte(&request->in);
	return 0;
}

static uint8_t blk_failed(struct blk *blk, const char *operation, const char *cause)
{
	log_limited(&blk->device.log_limit, LOG_LEVEL_ERROR, "virtio %s: cannot %s: %s", blk->name, operation,
		    cause);
	return VIRTIO_BLK_S_IOERR;
}

static bool blk_in_range(const struct blk *blk, uint64_t sector, size_t bytes)
{
	return bytes % VIRTIO_BLK_SECTOR == 0 && sector <= blk->sectors &&
	       bytes / VIRTIO_BLK_SECTOR <= blk->sectors - sector;
}

static uint8_t blk_read(struct blk *blk, struct request *request)
{
	off_t offset = (off_t)(request->sector * VIRTIO_BLK_SECTOR);
	struct slice *data = &request->in;

	if (!blk_in_range(blk, request->sector, data->len))
		return VIRTIO_BLK_S_IOERR;
	while (data->len) {
		ssize_t got = preadv(blk->fd, data->parts, (int)data->count, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return blk_failed(blk, "read",
					  got < 0 ? strerror(errno) : "the file has become shorter");
		offset += got;
		counter_add(&blk->device.counters.to_guest, (uint64_t)got);
		slice_skip(data, (size_t)got);
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t blk_write(struct blk *blk, struct request *request)
{
	/* 5.2.6.2: a driver that cannot flush expects its data to be safe when the write is done. */
	int flags = virtio_has(&blk->device, VIRTIO_BLK_F_FLUSH) ? 0 : RWF_DSYNC;
	off_t offset = (off_t)(request->sector * VIRTIO_BLK_SECTOR);
	struct slice *data = &request->out;

	if (blk->read_only || !blk_in_range(blk, request->sector, data->len))
		return VIRTIO_BLK_S_IOERR;
	while (data->len) {
		ssize_t put = pwritev2(blk->fd, data->parts, (int)data->count, offset, flags);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return blk_failed(blk, "write", put < 0 ? strerror(errno) : "no bytes are taken");
		offset += put;
		counter_add(&blk->device.counters.from_guest, (uint64_t)put);
		slice_skip(data, (size_t)put);
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t blk_flush(struct blk *blk)
{
	while (fdatasync(blk->fd) < 0) {
		if (errno != EINTR)
			return blk_failed(blk, "flush", strerror(errno));
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t blk_get_id(struct blk *blk, struct request *request)
{
	size_t copied = 0;

	if (request->in.len < sizeof(blk->id))
		return VIRTIO_BLK_S_IOERR;
	while (copied < sizeof(blk->id)) {
		size_t size = MIN(request->in.parts->iov_len, sizeof(blk->id) - copied);

		memcpy(request->in.parts->iov_base, blk->id + copied, size);
		copied += size;
		slice_skip(&request->in, size);
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t blk_execute(struct blk *blk, struct request *request)
{
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
		return blk_read(blk, request);
	case VIRTIO_BLK_T_OUT:
		return blk_write(blk, request);
	case VIRTIO_BLK_T_FLUSH:
		return blk_flush(blk);
	case VIRTIO_BLK_T_GET_ID:
		return blk_get_id(blk, request);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* -1: one that is not measured. */
static int blk_kind(uint32_t type)
{
	switch (type) {
	case VIRTIO_BLK_T_IN:
		return VIRTIO_BLK_READ;
	case VIRTIO_BLK_T_OUT:
		return VIRTIO_BLK_WRITE;
	case VIRTIO_BLK_T_FLUSH:
		return VIRTIO_BLK_FLUSH;
	default:
		return -1;
	}
}

static uint8_t blk_execute_timed(struct blk *blk, struct request *request)
{
	int kind = blk_kind(request->type);
	uint64_t began = kind < 0 ? 0 : monotonic_ns();
	uint8_t status = blk_execute(blk, request);

	if (kind >= 0)
		latency_add(&blk->latencies[kind], monotonic_ns() - began);
	if (status == VIRTIO_BLK_S_IOERR)
		counter_add(&blk->device.counters.errors, 1);
	return status;
}

/*
 * Whatever came of it, the driver hears of the request. 2.7.8.2: the length counts no byte behind one that
 * was not written, so it leaves out the status of a request whose buffers were not filled.
 */
static void blk_serve(struct blk *blk, struct virtq *queue, struct request *request)
{
	size_t in_len = request->in.len;
	size_t written;

	*request->status = blk_execute_timed(blk, request);
	written = in_len - request->in.len;
	if (written == in_len)
		written++;
	virtq_push(queue, blk->chain.head, (uint32_t)written);
}

static void blk_notify(struct virtio_device *device, unsigned index)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);
	struct virtq *queue = &device->queues[index];
	unsigned budget = VIRTIO_BATCH;
	struct request request;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, index, &blk->chain, &budget)) {
		if (request_parse(&request, &blk->chain) < 0) {
			virtio_device_broken(device, "a request without header or status byte");
			break;
		}
		blk_serve(blk, queue, &request);
	}
	virtio_interrupt(device, index);
}

static void blk_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);

	memcpy(data, (const uint8_t *)&blk->config + offset, len);
}

const struct latency *virtio_blk_latency(const struct virtio_device *device, enum virtio_blk_kind kind)
{
	const struct blk *blk = CONTAINER_OF(device, const struct blk, device);

	return &blk->latencies[kind];
}

static void blk_destroy(struct virtio_device *device)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);

	virtio_device_close(device);
	close(blk->fd);
	free(blk->name);
	free(blk);
}

static const struct virtio_device_ops blk_ops = {
	.config_read = blk_config_read,
	.notify = blk_notify,
	.destroy = blk_destroy,
};

static int blk_init(struct blk *blk, const struct virtio_blk_options *options,
		    const struct guest_memory *memory, struct loop *loop, struct error *err)
{
	if (options->size % VIRTIO_BLK_SECTOR || options->size > INT64_MAX)
		return error_set(err, -EINVAL, "disk %s: its size, %llu bytes, is not a multiple of %d",
				 options->name, (unsigned long long)options->size, VIRTIO_BLK_SECTOR);
	if (asprintf(&blk->name, "blk %s", options->name) < 0) {
		blk->name = NULL;
		return error_set(err, -ENOMEM, "disk %s: out of memory", options->name);
	}
	blk->fd = options->fd;
	blk->read_only = options->read_only;
	blk->sectors = options->size / VIRTIO_BLK_SECTOR;
	blk->config.capacity = htole64(blk->sectors);
	blk->config.seg_max = htole32(BLK_SEG_MAX);
	if (options->id)
		memcpy(blk->id, options->id, strnlen(options->id, sizeof(blk->id)));
	blk->device.ops = &blk_ops;
	blk->device.id = VIRTIO_ID_BLOCK;
	blk->device.name = blk->name;
	blk->device.offered = 1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_FLUSH |
			      (uint64_t)options->read_only << VIRTIO_BLK_F_RO;
	blk->device.queue_count = 1;
	blk->device.config_size = sizeof(blk->config);
	return virtio_device_init(&blk->device, memory, loop, err);
}

struct virtio_device *virtio_blk_create(const struct virtio_blk_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err)
{
	struct blk *blk = calloc(1, sizeof(*blk));

	if (!blk) {
		error_set(err, -ENOMEM, "disk %s: out of memory", options->name);
		return NULL;
	}
	if (blk_init(blk, options, memory, loop, err) < 0) {
		free(blk->name);
		free(blk);
		return NULL;
	}
	blk->device.queues[0].size_max = BLK_QUEUE_SIZE;
	return &blk->device;
}
