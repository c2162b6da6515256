#include "devmodel/virtio/blk_ring.h"

#include <errno.h>

#include "common/util.h"
#include "devmodel/virtio/blk_ring_store.h"

static int ring_restrict(struct io_uring *uring)
{
	static const uint8_t operations[] = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
					     IORING_OP_FALLOCATE};
	struct io_uring_restriction restrictions[ARRAY_SIZE(operations)] = {{0}};

	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		restrictions[i].opcode = IORING_RESTRICTION_SQE_OP;
		restrictions[i].sqe_op = operations[i];
	}
	return io_uring_register_restrictions(uring, restrictions, ARRAY_SIZE(restrictions));
}

/* Work that may block is for threads of the kernel's; these are counted in the process' limits. */
static int ring_limit_workers(struct io_uring *uring, unsigned workers)
{
	unsigned limits[2] = {workers,
			      1}; /* on files and block devices; on others, which there are none of */

	return io_uring_register_iowq_max_workers(uring, limits);
}

static int ring_make(struct io_uring *uring, unsigned jobs, unsigned flags)
{
	struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED | flags};

	return io_uring_queue_init_params(jobs, uring, &params);
}

int blk_ring_open(struct blk_ring *ring, unsigned jobs, unsigned workers)
{
	/* What has ended waits for the thread's next system call: it is interrupted for nothing. Since 5.19.
	 */
	int code = ring_make(&ring->uring, jobs, IORING_SETUP_COOP_TASKRUN);

	ring->store = NULL;
	if (code == -EINVAL)
		code = ring_make(&ring->uring, jobs, 0);
	if (code < 0)
		return code;
	if ((code = ring_limit_workers(&ring->uring, workers)) < 0 ||
	    (code = ring_restrict(&ring->uring)) < 0 || (code = io_uring_enable_rings(&ring->uring)) < 0)
		io_uring_queue_exit(&ring->uring);
	return MIN(code, 0);
}

void blk_ring_close(struct blk_ring *ring)
{
	if (ring->store)
		blk_ring_store_put(ring->store, ring);
	else
		io_uring_queue_exit(&ring->uring);
}

int blk_ring_fd(const struct blk_ring *ring)
{
	return ring->uring.ring_fd;
}

void blk_ring_put(struct blk_ring *ring, struct blk_job *job, int fd)
{
	struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);

	switch (job->work) {
	case BLK_WORK_READ:
		io_uring_prep_readv(entry, fd, job->data->parts, job->data->count, job->offset);
		break;
	case BLK_WORK_WRITE:
		io_uring_prep_writev2(entry, fd, job->data->parts, job->data->count, job->offset,
				      job->safe ? RWF_DSYNC : 0);
		break;
	case BLK_WORK_FLUSH:
		io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
		break;
	case BLK_WORK_ALLOCATE:
	case BLK_WORK_ZEROS:
		io_uring_prep_fallocate(entry, fd, job->mode, (off_t)job->offset, (off_t)job->len);
		break;
	}
	io_uring_sqe_set_data(entry, job);
}

int blk_ring_submit(struct blk_ring *ring)
{
	while (io_uring_sq_ready(&ring->uring)) {
		int code = io_uring_submit(&ring->uring);

		if (code < 0 && code != -EINTR)
			return code;
	}
	return 0;
}

struct blk_job *blk_ring_take(struct blk_ring *ring, int *result)
{
	struct io_uring_cqe *entry;
	struct blk_job *job;

	/* Looks at memory only; what the kernel could not put there waits for a system call that nobody
	 * makes, so there is always room. */
	if (io_uring_cq_ready(&ring->uring) == 0 || io_uring_peek_cqe(&ring->uring, &entry) < 0)
		return NULL;
	job = io_uring_cqe_get_data(entry);
	*result = entry->res;
	io_uring_cqe_seen(&ring->uring, entry);
	return job;
}
