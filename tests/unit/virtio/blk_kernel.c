#include "tests/unit/virtio/blk_kernel.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/blk_ring.h"

struct blk_kernel kernel;

ssize_t __real_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __real_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fdatasync(int fd);
int __real_blk_ring_open(struct blk_ring *ring, unsigned jobs, unsigned workers);
int __wrap_blk_ring_open(struct blk_ring *ring, unsigned jobs, unsigned workers);
struct blk_job *__real_blk_ring_take(struct blk_ring *ring, int *result);
struct blk_job *__wrap_blk_ring_take(struct blk_ring *ring, int *result);

static bool kernel_fails(void)
{
	errno = kernel.interrupts ? EINTR : kernel.error;
	if (kernel.interrupts)
		kernel.interrupts--;
	return errno != 0;
}

/* The first part only, and no more than kernel.most of it. */
static struct iovec shortened(const struct iovec *iov, int count)
{
	while (count > 1 && iov->iov_len == 0) {
		iov++;
		count--;
	}
	return (struct iovec){.iov_base = iov->iov_base, .iov_len = MIN(iov->iov_len, kernel.most)};
}

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	struct iovec part;

#ifdef BLK_TEST_RING
	if (flags & RWF_NOWAIT) {
		errno = EAGAIN;
		return -1;
	}
#endif
	if (kernel_fails())
		return -1;
	kernel.read_into = iov->iov_base;
	if (!kernel.most)
		return __real_preadv2(fd, iov, count, offset, flags);
	part = shortened(iov, count);
	return __real_preadv2(fd, &part, 1, offset, flags);
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	struct iovec part;

	if (kernel_fails())
		return -1;
	kernel.write_flags = flags;
	if (!kernel.most)
		return __real_pwritev2(fd, iov, count, offset, flags);
	part = shortened(iov, count);
	return __real_pwritev2(fd, &part, 1, offset, flags);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	errno = kernel.allocate_error;
	return kernel.allocate_error && mode & kernel.allocate_mode ? -1
								    : __real_fallocate(fd, mode, offset, len);
}

int __wrap_fdatasync(int fd)
{
	(void)fd;
	if (kernel_fails())
		return -1;
	kernel.syncs++;
	return 0;
}

int __wrap_blk_ring_open(struct blk_ring *ring, unsigned jobs, unsigned workers)
{
	return kernel.no_ring ? -EPERM : __real_blk_ring_open(ring, jobs, workers);
}

/* Fails what the kernel has done. */
struct blk_job *__wrap_blk_ring_take(struct blk_ring *ring, int *result)
{
	struct blk_job *job = atomic_load(&kernel.busy) ? NULL : __real_blk_ring_take(ring, result);

	if (!job)
		return NULL;
	kernel.rung++;
	if (kernel_fails())
		*result = -errno;
	else if (kernel.ring_error)
		*result = -kernel.ring_error;
	else if (job->work == BLK_WORK_ALLOCATE && job->mode & kernel.allocate_mode && kernel.allocate_error)
		*result = -kernel.allocate_error;
	else if (*result > 0 && kernel.most)
		*result = (int)MIN((size_t)*result, kernel.most);
	if (job->work == BLK_WORK_READ)
		kernel.read_into = job->data->parts->iov_base;
	if (*result >= 0 && job->work == BLK_WORK_FLUSH)
		kernel.syncs++;
	if (*result >= 0 && job->work == BLK_WORK_WRITE)
		kernel.write_flags = job->safe ? RWF_DSYNC : 0;
	return job;
}
