#include "devmodel/virtio/blk.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/blk_file.h"
#include "devmodel/virtio/blk_limits.h"
#include "devmodel/virtio/iov.h"

#define BLK_QUEUE_SIZE 128
#define BLK_SEG_MAX    (BLK_QUEUE_SIZE - 2) /* header and status take a descriptor each */

#define BLK_NAME_PREFIX  "blk "
#define STATUS_TRY_AGAIN 0xff /* none of 5.2.6's: ours */

/* 5.2.4: what one request may discard or zero. Zeros may have to be written. */
#define BLK_RANGES_MAX      32
#define BLK_DISCARD_SECTORS (1U << 21)
#define BLK_ZERO_SECTORS    (1U << 16)
#define BLK_DISCARD_ALIGN   8 /* sectors: a page, below which file systems give nothing back */

struct blk {
	struct virtio_device device;
	char *name;
	struct blk_file file;
	bool read_only;
	bool unsafe;
	bool discard;
	bool ignore_errors;
	void (*stopped)(void *owner, const char *why);
	void *owner;
	uint64_t sectors;
	struct blk_limits limits;
	struct virtio_blk_config config;
	char id[VIRTIO_BLK_ID_BYTES];
	struct virtq_chain chain;
	struct latency latencies[VIRTIO_BLK_KINDS];
};

struct request {
	uint32_t type;
	uint64_t sector;
	struct blk_slice out; /* behind the header */
	struct blk_slice in;  /* before the status byte */
	uint8_t *status;
};

/* The slice is not empty. */
static uint8_t *slice_take_last_byte(struct blk_slice *slice)
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
	blk_slice_skip(&request->out, sizeof(header));
	request->status = slice_take_last_byte(&request->in);
	return 0;
}

/* An error of the file: the status of the request. */
static uint8_t blk_failed(struct blk *blk, const char *operation, int code)
{
	const char *cause = code == -ENODATA ? "the file has become shorter" : strerror(-code);

	log_limited(&blk->device.log_limit, LOG_LEVEL_ERROR, "virtio %s: cannot %s: %s%s", blk->name,
		    operation, cause, blk->ignore_errors ? "; ignored" : "");
	return blk->ignore_errors ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/* The same of one that may be tried again. */
static uint8_t blk_stopped(struct blk *blk, const char *operation, int code)
{
	struct error why;

	if (!blk->stopped)
		return blk_failed(blk, operation, code);
	error_set(&why, code, "disk %s: cannot %s: %s", blk->name + strlen(BLK_NAME_PREFIX), operation,
		  code == -ENODATA ? "the file has become shorter" : strerror(-code));
	blk->stopped(blk->owner, why.text);
	return STATUS_TRY_AGAIN;
}

/* 5.2.6.2: a driver that cannot flush expects its data to be safe when the write is done. */
static bool blk_writes_through(const struct blk *blk)
{
	return !virtio_has(&blk->device, VIRTIO_BLK_F_FLUSH) && !blk->unsafe;
}

/* What the driver was told of: the disk's end, and the size of a block where the file insists on it. */
static bool blk_in_range(const struct blk *blk, uint64_t sector, size_t bytes)
{
	uint64_t block = MAX(blk->file.align, (unsigned)VIRTIO_BLK_SECTOR) / VIRTIO_BLK_SECTOR;

	return bytes % (block * VIRTIO_BLK_SECTOR) == 0 && sector % block == 0 && sector <= blk->sectors &&
	       bytes / VIRTIO_BLK_SECTOR <= blk->sectors - sector;
}

static void slice_clear(struct blk_slice *slice)
{
	for (unsigned i = 0; i < slice->count; i++)
		memset(slice->parts[i].iov_base, 0, slice->parts[i].iov_len);
	blk_slice_skip(slice, slice->len);
}

static uint8_t blk_read(struct blk *blk, struct request *request)
{
	size_t len = request->in.len;
	uint8_t status;
	int code;

	if (!blk_in_range(blk, request->sector, len))
		return VIRTIO_BLK_S_IOERR;
	code = blk_file_read(&blk->file, &request->in, request->sector * VIRTIO_BLK_SECTOR);
	counter_add(&virtio_queue_counters(&blk->device, 0)->to_guest, len - request->in.len);
	if (code == 0)
		return VIRTIO_BLK_S_OK;
	status = blk_stopped(blk, "read", code);
	if (status == VIRTIO_BLK_S_OK)
		slice_clear(&request->in);
	return status;
}

static uint8_t blk_write(struct blk *blk, struct request *request)
{
	size_t len = request->out.len;
	int code;

	if (blk->read_only || !blk_in_range(blk, request->sector, len))
		return VIRTIO_BLK_S_IOERR;
	code = blk_file_write(&blk->file, &request->out, request->sector * VIRTIO_BLK_SECTOR,
			      blk_writes_through(blk));
	counter_add(&virtio_queue_counters(&blk->device, 0)->from_guest, len - request->out.len);
	return code < 0 ? blk_stopped(blk, "write", code) : VIRTIO_BLK_S_OK;
}

/* Not to be tried again: the kernel forgets what it could not write, and would say yes the second time. */
static uint8_t blk_flush(struct blk *blk)
{
	int code = blk->unsafe ? 0 : blk_file_flush(&blk->file);

	return code < 0 ? blk_failed(blk, "flush", code) : VIRTIO_BLK_S_OK;
}

/* 5.2.6.1, 5.2.6.2: one range of a discard or a write of zeroes. */
static uint8_t blk_clear_range(struct blk *blk, bool discard,
			       const struct virtio_blk_discard_write_zeroes *range)
{
	uint64_t sector = le64toh(range->sector);
	uint32_t sectors = le32toh(range->num_sectors), flags = le32toh(range->flags);
	uint64_t offset = sector * VIRTIO_BLK_SECTOR, len = (uint64_t)sectors * VIRTIO_BLK_SECTOR;
	bool unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	int code;

	if (flags & ~(uint32_t)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP || (discard && unmap))
		return VIRTIO_BLK_S_UNSUPP;
	if (sectors > (discard ? BLK_DISCARD_SECTORS : BLK_ZERO_SECTORS) || !blk_in_range(blk, sector, len))
		return VIRTIO_BLK_S_IOERR;
	code = discard ? blk_file_discard(&blk->file, offset, len)
		       : blk_file_zero(&blk->file, offset, len, unmap && blk->discard);
	if (code == 0 && !discard) /* the host may have had to write them */
		blk_limits_take(&blk->limits, BLK_LIMIT_WRITE, len);
	if (code == -EOPNOTSUPP)
		return VIRTIO_BLK_S_UNSUPP;
	return code < 0 ? blk_stopped(blk, discard ? "discard" : "write zeroes", code) : VIRTIO_BLK_S_OK;
}

static uint8_t blk_clear(struct blk *blk, struct request *request, bool discard)
{
	struct virtio_blk_discard_write_zeroes ranges[BLK_RANGES_MAX];
	size_t len = request->out.len;
	uint8_t status = VIRTIO_BLK_S_OK;
	int code;

	if (discard && !blk->discard)
		return VIRTIO_BLK_S_UNSUPP;
	if (blk->read_only || len == 0 || len % sizeof(*ranges) || len > sizeof(ranges))
		return VIRTIO_BLK_S_IOERR;
	iov_gather(request->out.parts, request->out.count, 0, ranges, len);
	for (size_t i = 0; i < len / sizeof(*ranges) && status == VIRTIO_BLK_S_OK; i++)
		status = blk_clear_range(blk, discard, &ranges[i]);
	if (status != VIRTIO_BLK_S_OK || !blk_writes_through(blk))
		return status;
	code = blk_file_flush(&blk->file);
	return code < 0 ? blk_failed(blk, "flush", code) : VIRTIO_BLK_S_OK;
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
		blk_slice_skip(&request->in, size);
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
	case VIRTIO_BLK_T_DISCARD:
		return blk_clear(blk, request, true);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return blk_clear(blk, request, false);
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
	if (status == VIRTIO_BLK_S_IOERR || status == STATUS_TRY_AGAIN)
		counter_add(&virtio_queue_counters(&blk->device, 0)->errors, 1);
	return status;
}

/* True: not now; the queue is kicked when it is time. */
static bool blk_over_limit(struct blk *blk, const struct request *request)
{
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
		return blk_limits_wait(&blk->limits, BLK_LIMIT_READ, request->in.len);
	case VIRTIO_BLK_T_OUT:
		return blk_limits_wait(&blk->limits, BLK_LIMIT_WRITE, request->out.len);
	case VIRTIO_BLK_T_WRITE_ZEROES: /* its zeroes are counted when they are written */
		return blk_limits_wait(&blk->limits, BLK_LIMIT_WRITE, request->out.len);
	case VIRTIO_BLK_T_DISCARD:
		return blk_limits_wait(&blk->limits, BLK_LIMIT_WRITE, 0);
	default:
		return false;
	}
}

/*
 * Whatever came of it, the driver hears of the request. 2.7.8.2: the length counts no byte behind one that
 * was not written, so it leaves out the status of a request whose buffers were not filled. False: it is in
 * the queue again, for another time.
 */
static bool blk_serve(struct blk *blk, struct virtq *queue, struct request *request)
{
	size_t in_len = request->in.len;
	uint8_t status = blk_execute_timed(blk, request);
	size_t written;

	if (status == STATUS_TRY_AGAIN) {
		virtq_unpop(queue, blk->chain.token);
		return false;
	}
	*request->status = status;
	written = in_len - request->in.len;
	if (written == in_len)
		written++;
	virtq_push(queue, blk->chain.token, (uint32_t)written);
	return true;
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
		if (blk_over_limit(blk, &request)) {
			virtq_unpop(queue, blk->chain.token);
			break;
		}
		if (!blk_serve(blk, queue, &request))
			break;
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

	blk_limits_close(&blk->limits);
	virtio_device_close(device);
	blk_file_close(&blk->file);
	free(blk->name);
	free(blk);
}

static const struct virtio_device_ops blk_ops = {
	.config_read = blk_config_read,
	.notify = blk_notify,
	.destroy = blk_destroy,
};

static uint8_t log2_of(unsigned power_of_two)
{
	return (uint8_t)__builtin_ctz(power_of_two);
}

/* 5.2.3, 5.2.4: what the driver finds. */
static void blk_describe(struct blk *blk, const struct virtio_blk_options *options, unsigned logical)
{
	struct virtio_blk_config *config = &blk->config;
	uint64_t features = 1ULL << VIRTIO_BLK_F_SEG_MAX;

	config->capacity = htole64(blk->sectors);
	config->seg_max = htole32(BLK_SEG_MAX);
	config->blk_size = htole32(logical);
	if (logical != VIRTIO_BLK_SECTOR)
		features |= 1ULL << VIRTIO_BLK_F_BLK_SIZE;
	if (options->physical_block > logical) {
		config->physical_block_exp = (uint8_t)(log2_of(options->physical_block) - log2_of(logical));
		features |= 1ULL << VIRTIO_BLK_F_TOPOLOGY;
	}
	config->max_discard_sectors = htole32(BLK_DISCARD_SECTORS);
	config->max_discard_seg = htole32(BLK_RANGES_MAX);
	config->discard_sector_alignment = htole32(BLK_DISCARD_ALIGN);
	config->max_write_zeroes_sectors = htole32(BLK_ZERO_SECTORS);
	config->max_write_zeroes_seg = htole32(BLK_RANGES_MAX);
	config->write_zeroes_may_unmap = options->discard;
	if (options->read_only)
		features |= 1ULL << VIRTIO_BLK_F_RO;
	else
		features |= 1ULL << VIRTIO_BLK_F_WRITE_ZEROES | (uint64_t)options->discard
									<< VIRTIO_BLK_F_DISCARD;
	if (!options->write_through)
		features |= 1ULL << VIRTIO_BLK_F_FLUSH;
	blk->device.offered = features;
}

/* The file's own blocks are the least. Returns the size or a negative errno. */
static int blk_choose_block(const struct blk *blk, const struct virtio_blk_options *options,
			    struct error *err)
{
	unsigned least = MAX(blk->file.align, (unsigned)VIRTIO_BLK_SECTOR);
	unsigned logical = options->logical_block ? options->logical_block : least;

	if (logical < least)
		return error_set(err, -EINVAL,
				 "disk %s: without the page cache its blocks have %u bytes, not %u",
				 options->name, least, logical);
	if (options->size % logical || options->size > INT64_MAX)
		return error_set(err, -EINVAL, "disk %s: its size, %llu bytes, is not a multiple of %u",
				 options->name, (unsigned long long)options->size, logical);
	return (int)logical;
}

static int blk_init(struct blk *blk, const struct virtio_blk_options *options, struct error *err)
{
	int logical = blk_choose_block(blk, options, err);

	if (logical < 0)
		return logical;
	if (asprintf(&blk->name, BLK_NAME_PREFIX "%s", options->name) < 0) {
		blk->name = NULL;
		return error_set(err, -ENOMEM, "disk %s: out of memory", options->name);
	}
	blk->read_only = options->read_only;
	blk->unsafe = options->unsafe;
	blk->discard = options->discard;
	blk->ignore_errors = options->ignore_errors;
	blk->stopped = options->stopped;
	blk->owner = options->owner;
	blk->sectors = options->size / VIRTIO_BLK_SECTOR;
	if (options->id)
		memcpy(blk->id, options->id, strnlen(options->id, sizeof(blk->id)));
	blk->device.ops = &blk_ops;
	blk->device.id = VIRTIO_ID_BLOCK;
	blk->device.name = blk->name;
	blk->device.queue_count = 1;
	blk->device.config_size = sizeof(blk->config);
	blk_describe(blk, options, (unsigned)logical);
	return 0;
}

struct virtio_device *virtio_blk_create(const struct virtio_blk_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err)
{
	struct blk *blk = calloc(1, sizeof(*blk));
	int code = blk ? blk_file_init(&blk->file, options->fd) : -ENOMEM;

	if (code < 0) {
		error_set(err, code, "disk %s: cannot be used: %s", options->name, strerror(-code));
		free(blk);
		return NULL;
	}
	if (blk_init(blk, options, err) < 0 || virtio_device_init(&blk->device, memory, loop, err) < 0)
		goto failed;
	blk->device.queues[0].size_max = BLK_QUEUE_SIZE;
	if (blk_limits_init(&blk->limits, options, &blk->device, err) == 0)
		return &blk->device;
	virtio_device_close(&blk->device);
failed:
	free(blk->file.bounce);
	free(blk->name);
	free(blk);
	return NULL;
}
