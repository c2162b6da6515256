#include "devmodel/virtio/vhost_user_blk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <string.h>

#include "common/util.h"

#define SECTOR    512U
#define BLOCK_MAX 4096U
#define SIZE_MAX_ (UINT64_C(1) << 62)
/* As far as the fields of write zeroes (5.2.4): a back end may know of no more. */
#define CONFIG_SIZE ((uint32_t)offsetof(struct virtio_blk_config, write_zeroes_may_unmap) + 4)

/* --- What the disk is like --- */

static struct virtio_blk_config config_of(struct vhost_user_blk *disk)
{
	struct virtio_blk_config config = {0};

	vhost_user_config(disk->front, &config);
	return config;
}

static bool has(const struct vhost_user_blk *disk, unsigned feature)
{
	return vhost_user_features(disk->front) >> feature & 1;
}

int vhost_user_blk_size(struct vhost_user_blk *disk, struct vhost_user_blk_size *size)
{
	const struct virtio_blk_config config = config_of(disk);
	uint64_t sectors = le64toh(config.capacity);
	uint32_t block = le32toh(config.blk_size);

	if (sectors == 0 || sectors > SIZE_MAX_ / SECTOR)
		return -EINVAL;
	size->bytes = sectors * SECTOR;
	size->block = 0;
	if (!has(disk, VIRTIO_BLK_F_BLK_SIZE) || block == SECTOR)
		return 0;
	if (block < SECTOR || block > BLOCK_MAX || (block & (block - 1)) || size->bytes % block)
		return -EINVAL;
	size->block = block;
	return 0;
}

int vhost_user_blk_open(struct vhost_user_blk *disk, struct vhost_user_options *options, bool read_only,
			const struct guest_memory *memory, struct loop *loop, struct error *err)
{
	struct virtio_blk_config config;
	struct vhost_user_blk_size size;

	options->features = options->queues > 1 ? 1ULL << VIRTIO_BLK_F_MQ : 0;
	options->config_size = CONFIG_SIZE;
	disk->front = vhost_user_open(options, memory, loop, err);
	if (!disk->front)
		return -EIO;
	config = config_of(disk);
	disk->durable = options->reconnect;
	disk->can_flush = has(disk, VIRTIO_BLK_F_FLUSH);
	/* One that zeroes less than a block at a time would never come to an end. */
	disk->zeros_max = has(disk, VIRTIO_BLK_F_WRITE_ZEROES)
				  ? ALIGN_DOWN((uint64_t)le32toh(config.max_write_zeroes_sectors) * SECTOR,
					       (uint64_t)BLOCK_MAX)
				  : 0;
	if (vhost_user_blk_size(disk, &size) < 0)
		return error_set(err, -EINVAL,
				 "%s: its back end says that it has %llu sectors in blocks of %u bytes",
				 options->name, (unsigned long long)le64toh(config.capacity),
				 le32toh(config.blk_size));
	if (!read_only && has(disk, VIRTIO_BLK_F_RO))
		return error_set(err, -EROFS, "%s: its back end only reads", options->name);
	return 0;
}

void vhost_user_blk_close(struct vhost_user_blk *disk)
{
	vhost_user_close(disk->front);
	disk->front = NULL;
}

/* --- Jobs --- */

int vhost_user_blk_try(const struct vhost_user_blk *disk, const struct blk_job *job)
{
	switch (job->work) {
	case BLK_WORK_READ:
	case BLK_WORK_WRITE:
		return job->data->len == 0 ? 0 : -EINPROGRESS;
	case BLK_WORK_FLUSH:
		return disk->can_flush ? -EINPROGRESS : 0;
	default:
		return disk->zeros_max ? -EINPROGRESS : -EOPNOTSUPP;
	}
}

/* 5.2.6: a header, and the range of a request that zeroes one. */
struct head {
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
};

static void head_range(struct head *head, const struct blk_job *job)
{
	head->range = (struct virtio_blk_discard_write_zeroes){
		.sector = htole64((job->offset + job->done) / SECTOR),
		.num_sectors = htole32((uint32_t)(job->at_work / SECTOR)),
		.flags = htole32(job->work == BLK_WORK_ALLOCATE && job->mode & FALLOC_FL_PUNCH_HOLE
					 ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP
					 : 0),
	};
}

static uint32_t request_type(const struct blk_job *job)
{
	if (job->work == BLK_WORK_FLUSH || job->flushing)
		return VIRTIO_BLK_T_FLUSH;
	if (job->work == BLK_WORK_READ)
		return VIRTIO_BLK_T_IN;
	return job->work == BLK_WORK_WRITE ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_WRITE_ZEROES;
}

int vhost_user_blk_put(const struct vhost_user_blk *disk, unsigned queue, struct blk_job *job)
{
	uint32_t type = request_type(job);
	struct head head = {.header = {.type = htole32(type), .sector = htole64(job->offset / SECTOR)}};
	struct vhost_user_ask ask = {
		.head = &head,
		.head_len = sizeof(head.header),
		.tail_len = 1, /* the status */
		.owner = job,
	};

	_Static_assert(sizeof(head) <= VHOST_USER_HEAD_MAX, "a header and a range");
	if (type == VIRTIO_BLK_T_OUT) {
		ask.out = job->data->parts;
		ask.out_count = job->data->count;
	} else if (type == VIRTIO_BLK_T_IN) {
		ask.in = job->data->parts;
		ask.in_count = job->data->count;
	} else if (type == VIRTIO_BLK_T_WRITE_ZEROES) {
		job->at_work = MIN(job->len - job->done, disk->zeros_max);
		head_range(&head, job);
		head.header.sector = 0;
		ask.head_len = sizeof(head);
	} else {
		head.header.sector = 0;
	}
	return vhost_user_put(disk->front, queue, &ask);
}

static int result_of(const struct vhost_user_answer *answer)
{
	if (answer->lost)
		return -EIO;
	switch (answer->tail[0]) {
	case VIRTIO_BLK_S_OK:
		return 0;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* True: a request of it was done, and there is another to make. */
static bool job_goes_on(const struct vhost_user_blk *disk, struct blk_job *job)
{
	if (job->flushing)
		return false;
	if (job->data) {
		blk_slice_skip(job->data, job->data->len);
		job->flushing = job->work == BLK_WORK_WRITE && (job->safe || disk->durable) && disk->can_flush;
		return job->flushing;
	}
	if (job->work == BLK_WORK_FLUSH)
		return false;
	job->done += job->at_work;
	job->flushing = job->done == job->len && disk->durable && disk->can_flush;
	return job->flushing || job->done < job->len;
}

struct blk_job *vhost_user_blk_take(const struct vhost_user_blk *disk, unsigned queue)
{
	struct vhost_user_answer answer;

	while (vhost_user_take(disk->front, queue, &answer)) {
		struct blk_job *job = answer.owner;

		job->result = result_of(&answer);
		if (job->result == 0 && job_goes_on(disk, job)) {
			job->result = vhost_user_blk_put(disk, queue, job);
			if (job->result == 0) {
				vhost_user_kick(disk->front, queue);
				continue;
			}
		}
		return job;
	}
	return NULL;
}
