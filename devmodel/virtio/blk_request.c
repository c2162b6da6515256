/* What a request is, which jobs it takes, and what becomes of their errors (virtio 1.2, 5.2.6). */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/blk_device.h"
#include "devmodel/virtio/iov.h"

/* --- What it is --- */

/* The slice is not empty. */
static uint8_t *slice_take_last_byte(struct blk_slice *slice)
{
	struct iovec *last;

	while (slice->parts[slice->count - 1].iov_len == 0)
		slice->count--;
	last = &slice->parts[slice->count - 1];
	last->iov_len--;
	slice->len--;
	if (last->iov_len == 0) /* what is left is the data's, whose alignment counts */
		slice->count--;
	return (uint8_t *)last->iov_base + last->iov_len;
}

/* 5.2.6: header, data, status; where the descriptors begin and end means nothing (2.7.4). */
int blk_request_parse(struct blk_request *request, struct virtq_chain *chain)
{
	struct virtio_blk_outhdr header;

	if (virtq_chain_read(chain, 0, &header, sizeof(header)) != sizeof(header) || chain->writable_len == 0)
		return -EPROTO;
	request->token = chain->token;
	request->type = le32toh(header.type);
	request->sector = le64toh(header.sector);
	request->out = (struct blk_slice){chain->iov, chain->readable_count, chain->readable_len};
	request->in = (struct blk_slice){chain->iov + chain->readable_count, chain->writable_count,
					 chain->writable_len};
	blk_slice_skip(&request->out, sizeof(header));
	request->status = slice_take_last_byte(&request->in);
	request->out_len = request->out.len;
	request->in_len = request->in.len;
	request->kept = false;
	return 0;
}

void blk_request_keep(struct blk_request *request)
{
	struct iovec *in = request->iov + request->out.count;

	if (request->kept)
		return;
	memcpy(request->iov, request->out.parts, sizeof(*in) * request->out.count);
	memcpy(in, request->in.parts, sizeof(*in) * request->in.count);
	request->out.parts = request->iov;
	request->in.parts = in;
	request->kept = true;
}

int blk_request_kind(const struct blk_request *request)
{
	switch (request->type) {
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

bool blk_request_over_limit(struct blk_request *request)
{
	struct blk_limits *limits = &request->queue->blk->limits;
	struct virtio_throttle *throttle = &request->queue->throttle;

	switch (request->type) {
	case VIRTIO_BLK_T_IN:
		return blk_limits_wait(limits, throttle, BLK_LIMIT_READ, request->in.len);
	case VIRTIO_BLK_T_OUT:
		return blk_limits_wait(limits, throttle, BLK_LIMIT_WRITE, request->out.len);
	case VIRTIO_BLK_T_WRITE_ZEROES: /* its zeroes are counted when they are written */
		return blk_limits_wait(limits, throttle, BLK_LIMIT_WRITE, request->out.len);
	case VIRTIO_BLK_T_DISCARD:
		return blk_limits_wait(limits, throttle, BLK_LIMIT_WRITE, 0);
	default:
		return false;
	}
}

/* 5.2.6.2: a driver that cannot flush expects its data to be safe when the write is done. */
static bool writes_through(const struct blk *blk)
{
	return !virtio_has(&blk->device, VIRTIO_BLK_F_FLUSH) && !blk->unsafe;
}

/* What the driver was told of: the disk's end, and the size of a block where the file insists on it. */
static bool in_range(const struct blk *blk, uint64_t sector, size_t bytes)
{
	uint64_t block = MAX(blk->align, (unsigned)VIRTIO_BLK_SECTOR) / VIRTIO_BLK_SECTOR;
	uint64_t sectors = atomic_load_explicit(&blk->sectors, memory_order_relaxed);

	return bytes % (block * VIRTIO_BLK_SECTOR) == 0 && sector % block == 0 && sector <= sectors &&
	       bytes / VIRTIO_BLK_SECTOR <= sectors - sector;
}

/* --- Errors of the file --- */

static const char *cause_of(int code)
{
	return code == -ENODATA ? "the file has become shorter" : strerror(-code);
}

/* The status of the request. A file that is too short will be so for each request: that is told once. */
static uint8_t failed(struct blk *blk, const char *operation, int code)
{
	if (code != -ENODATA || !atomic_exchange(&blk->told_shorter, true))
		log_limited(&blk->device.log_limit, LOG_LEVEL_ERROR, "virtio %s: cannot %s: %s%s", blk->name,
			    operation, cause_of(code), blk->ignore_errors ? "; ignored" : "");
	return blk->ignore_errors ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

/* The same of one that may be tried again. */
static uint8_t stopped(struct blk *blk, const char *operation, int code)
{
	struct error why;

	if (!blk->stopped)
		return failed(blk, operation, code);
	error_set(&why, code, "disk %s: cannot %s: %s", blk->name + strlen(BLK_NAME_PREFIX), operation,
		  cause_of(code));
	blk->stopped(blk->owner, why.text);
	return BLK_AGAIN;
}

/* --- Read, write, flush --- */

static void slice_clear(struct blk_slice *slice)
{
	for (unsigned i = 0; i < slice->count; i++)
		memset(slice->parts[i].iov_base, 0, slice->parts[i].iov_len);
	blk_slice_skip(slice, slice->len);
}

static uint8_t move_begin(struct blk_request *request, bool write)
{
	const struct blk *blk = request->queue->blk;
	struct blk_slice *data = write ? &request->out : &request->in;

	if ((write && blk->read_only) || !in_range(blk, request->sector, data->len))
		return VIRTIO_BLK_S_IOERR;
	request->job = (struct blk_job){
		.work = write ? BLK_WORK_WRITE : BLK_WORK_READ,
		.offset = request->sector * VIRTIO_BLK_SECTOR,
		.data = data,
		.safe = write && writes_through(blk),
	};
	return BLK_PENDING;
}

static uint8_t read_ended(struct blk_request *request, int result)
{
	uint8_t status = VIRTIO_BLK_S_OK;

	if (result < 0)
		status = stopped(request->queue->blk, "read", result);
	if (status == VIRTIO_BLK_S_OK)
		slice_clear(&request->in);
	return status;
}

static uint8_t flush_begin(struct blk_request *request)
{
	if (request->queue->blk->unsafe)
		return VIRTIO_BLK_S_OK;
	request->job = (struct blk_job){.work = BLK_WORK_FLUSH};
	return BLK_PENDING;
}

/* Not to be tried again: the kernel forgets what it could not write, and would say yes the second time. */
static uint8_t flush_ended(struct blk_request *request, int result)
{
	return result < 0 ? failed(request->queue->blk, "flush", result) : VIRTIO_BLK_S_OK;
}

/* --- Discard, write zeroes: range by range, then a flush for a driver that does not --- */

static bool is_discard(const struct blk_request *request)
{
	return request->type == VIRTIO_BLK_T_DISCARD;
}

static uint8_t range_begin(struct blk_request *request)
{
	const struct blk *blk = request->queue->blk;
	const struct virtio_blk_discard_write_zeroes *range = &request->ranges[request->range];
	uint64_t sector = le64toh(range->sector);
	uint32_t sectors = le32toh(range->num_sectors), flags = le32toh(range->flags);
	bool unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;

	if (flags & ~(uint32_t)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP || (is_discard(request) && unmap))
		return VIRTIO_BLK_S_UNSUPP;
	if (sectors > (is_discard(request) ? BLK_DISCARD_SECTORS : BLK_ZERO_SECTORS) ||
	    !in_range(blk, sector, (uint64_t)sectors * VIRTIO_BLK_SECTOR))
		return VIRTIO_BLK_S_IOERR;
	request->job = (struct blk_job){
		.work = BLK_WORK_ALLOCATE,
		.offset = sector * VIRTIO_BLK_SECTOR,
		.len = (uint64_t)sectors * VIRTIO_BLK_SECTOR,
		.mode = FALLOC_FL_KEEP_SIZE |
			(is_discard(request) || (unmap && blk->discard) ? FALLOC_FL_PUNCH_HOLE
									: FALLOC_FL_ZERO_RANGE),
	};
	return BLK_PENDING;
}

/* From this range on. */
static uint8_t clear_go_on(struct blk_request *request)
{
	while (request->range < request->range_count) {
		uint8_t status = range_begin(request);

		if (status != BLK_PENDING || request->job.len)
			return status;
		request->range++;
	}
	return writes_through(request->queue->blk) ? flush_begin(request) : VIRTIO_BLK_S_OK;
}

static uint8_t clear_begin(struct blk_request *request)
{
	const struct blk *blk = request->queue->blk;
	size_t len = request->out.len;

	if (is_discard(request) && !blk->discard)
		return VIRTIO_BLK_S_UNSUPP;
	if (blk->read_only || len == 0 || len % sizeof(*request->ranges) || len > sizeof(request->ranges))
		return VIRTIO_BLK_S_IOERR;
	iov_gather(request->out.parts, request->out.count, 0, request->ranges, len);
	request->range = 0;
	request->range_count = (unsigned)(len / sizeof(*request->ranges));
	return clear_go_on(request);
}

/* The next way to have zeros, for a file system that does not know the last one. False: there is none. */
static bool other_way(struct blk_request *request)
{
	struct blk_job *job = &request->job;

	if (is_discard(request) || job->work == BLK_WORK_ZEROS)
		return false;
	if (job->mode & FALLOC_FL_PUNCH_HOLE)
		job->mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE;
	else
		job->work = BLK_WORK_ZEROS;
	return true;
}

static uint8_t clear_ended(struct blk_request *request, int result)
{
	struct blk *blk = request->queue->blk;
	uint8_t status = VIRTIO_BLK_S_OK;

	if (request->range == request->range_count)
		return flush_ended(request, result);
	if (result == -EOPNOTSUPP)
		return other_way(request) ? BLK_PENDING : VIRTIO_BLK_S_UNSUPP;
	if (result < 0)
		status = stopped(blk, is_discard(request) ? "discard" : "write zeroes", result);
	if (status != VIRTIO_BLK_S_OK)
		return status;
	if (!is_discard(request)) /* the host may have had to write them */
		blk_limits_take(&blk->limits, BLK_LIMIT_WRITE, request->job.len);
	request->range++;
	return clear_go_on(request);
}

/* --- All of them --- */

static uint8_t get_id(struct blk_request *request)
{
	const char *id = request->queue->blk->id;

	if (request->in.len < VIRTIO_BLK_ID_BYTES)
		return VIRTIO_BLK_S_IOERR;
	iov_scatter(request->in.parts, request->in.count, 0, id, VIRTIO_BLK_ID_BYTES);
	blk_slice_skip(&request->in, VIRTIO_BLK_ID_BYTES);
	return VIRTIO_BLK_S_OK;
}

uint8_t blk_request_begin(struct blk_request *request)
{
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		return move_begin(request, request->type == VIRTIO_BLK_T_OUT);
	case VIRTIO_BLK_T_FLUSH:
		return flush_begin(request);
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return clear_begin(request);
	case VIRTIO_BLK_T_GET_ID:
		return get_id(request);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

uint8_t blk_request_next(struct blk_request *request, int result)
{
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
		return read_ended(request, result);
	case VIRTIO_BLK_T_OUT:
		return result < 0 ? stopped(request->queue->blk, "write", result) : VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_FLUSH:
		return flush_ended(request, result);
	default:
		return clear_ended(request, result);
	}
}
