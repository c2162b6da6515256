/*
 * A disk's jobs (blk_job.h) as requests to a vhost-user back end (vhost_user.h) that serves a block device
 * (virtio 1.2, 5.2): one of the ways in which a disk's engine (blk_engine.h) carries jobs out. What the guest
 * asks has been looked at by then (blk_request.c); what the back end answers is not believed beyond the
 * status.
 *
 * A job may take several requests: a write that is to be safe, a range that is longer than the back end
 * takes.
 *
 * With a back end that is waited for when it dies, each write is flushed before it is answered: a format's
 * program keeps tables of its own in memory until a flush, and what it had answered before it died would be
 * lost with them, though the guest's next flush, by its successor, succeeds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "devmodel/virtio/blk_job.h"
#include "devmodel/virtio/vhost_user.h"

struct vhost_user_blk {
	struct vhost_user *front;
	bool can_flush;
	bool durable;       /* each write is flushed */
	uint64_t zeros_max; /* bytes that one request may zero, in whole blocks; 0: none can */
};

/* What its configuration space says, checked. */
struct vhost_user_blk_size {
	uint64_t bytes;
	unsigned block; /* bytes, as the back end insists on; 0: it does not */
};

/* options: features and config_size are filled in here. 0 or a negative errno and a sentence. */
int vhost_user_blk_open(struct vhost_user_blk *disk, struct vhost_user_options *options, bool read_only,
			const struct guest_memory *memory, struct loop *loop, struct error *err);
void vhost_user_blk_close(struct vhost_user_blk *disk);
/* -EINVAL: it is none that a disk can have. */
int vhost_user_blk_size(struct vhost_user_blk *disk, struct vhost_user_blk_size *size);

/* -EINPROGRESS: it is to be put; else it has ended so. */
int vhost_user_blk_try(const struct vhost_user_blk *disk, const struct blk_job *job);
/* A negative errno: it has ended so. The job and its buffers stay where they are until it is taken. */
int vhost_user_blk_put(const struct vhost_user_blk *disk, unsigned queue, struct blk_job *job);
/* The next one that has ended, its result in it; NULL: none has. */
struct blk_job *vhost_user_blk_take(const struct vhost_user_blk *disk, unsigned queue);
