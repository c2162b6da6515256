#include "devmodel/virtio/blk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/iov.h"

#define BOUNCE_SIZE KIB(256)
#define ZEROS_SIZE  KIB(64)

/* The smallest piece that the kernel reads: statx(2) does not say it of every file system. */
static int probe_align(int fd, void *buffer)
{
	for (int align = BLK_FILE_ALIGN_MIN; align <= BLK_FILE_ALIGN_MAX; align *= 2) {
		if (pread(fd, buffer, (size_t)align, 0) >= 0)
			return align;
	}
	return -EINVAL;
}

static int find_align(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	void *buffer;
	int align;

	if (flags < 0)
		return -errno;
	if (!(flags & O_DIRECT))
		return 0;
	if (posix_memalign(&buffer, BLK_FILE_ALIGN_MAX, BLK_FILE_ALIGN_MAX) != 0)
		return -ENOMEM;
	align = probe_align(fd, buffer);
	free(buffer);
	return align;
}

int blk_file_init(struct blk_file *file, int fd)
{
	struct statfs status;
	int align = find_align(fd);

	if (align < 0)
		return align;
	if (fstatfs(fd, &status) < 0)
		return -errno;
	*file = (struct blk_file){
		.fd = fd,
		.align = (unsigned)align,
		.in_memory = status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC,
	};
	return 0;
}

void blk_file_close(struct blk_file *file)
{
	free(file->bounce);
	file->bounce = NULL;
}

void blk_slice_skip(struct blk_slice *slice, size_t bytes)
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

/* --- Moving bytes --- */

/* One call: as much as the kernel moves of it. */
static ssize_t move(const struct blk_file *file, bool write, const struct iovec *iov, unsigned count,
		    uint64_t offset, int flags)
{
	ssize_t moved;

	do
		moved = write ? pwritev2(file->fd, iov, (int)count, (off_t)offset, flags)
			      : preadv2(file->fd, iov, (int)count, (off_t)offset, flags);
	while (moved < 0 && errno == EINTR);
	if (moved == 0)
		return -ENODATA;
	return moved < 0 ? -errno : moved;
}

static void job_skip(struct blk_job *job, size_t bytes)
{
	job->offset += bytes;
	blk_slice_skip(job->data, bytes);
}

static int move_all(const struct blk_file *file, struct blk_job *job, int flags)
{
	while (job->data->len) {
		ssize_t moved = move(file, job->work == BLK_WORK_WRITE, job->data->parts, job->data->count,
				     job->offset, flags);

		if (moved < 0)
			return (int)moved;
		job_skip(job, (size_t)moved);
	}
	return 0;
}

/* --- O_DIRECT --- */

static bool slice_aligned(const struct blk_slice *slice, unsigned align)
{
	for (unsigned i = 0; i < slice->count; i++) {
		const struct iovec *part = &slice->parts[i];

		if (part->iov_len && ((uintptr_t)part->iov_base | part->iov_len) & (align - 1))
			return false;
	}
	return true;
}

bool blk_file_takes(const struct blk_file *file, const struct blk_job *job)
{
	return !file->align || !job->data || slice_aligned(job->data, file->align);
}

static bool whole_blocks(const struct blk_file *file, uint64_t offset, uint64_t len)
{
	return !file->align || ((offset | len) & (file->align - 1)) == 0;
}

static int bounce_make(struct blk_file *file)
{
	void *bounce;

	if (file->bounce)
		return 0;
	if (posix_memalign(&bounce, BLK_FILE_ALIGN_MAX, BOUNCE_SIZE) != 0)
		return -ENOMEM;
	file->bounce = bounce;
	return 0;
}

static int move_bounced(struct blk_file *file, struct blk_job *job, int flags)
{
	bool write = job->work == BLK_WORK_WRITE;
	struct blk_slice *data = job->data;
	int code = bounce_make(file);

	while (code == 0 && data->len) {
		struct iovec piece = {file->bounce, MIN(data->len, BOUNCE_SIZE)};
		ssize_t moved;

		if (write)
			iov_gather(data->parts, data->count, 0, file->bounce, piece.iov_len);
		moved = move(file, write, &piece, 1, job->offset, flags);
		if (moved < 0)
			return (int)moved;
		if (!write)
			iov_scatter(data->parts, data->count, 0, file->bounce, (size_t)moved);
		job_skip(job, (size_t)moved);
	}
	return code;
}

/* --- The jobs --- */

static int file_move(struct blk_file *file, struct blk_job *job)
{
	int flags = job->safe ? RWF_DSYNC : 0;

	if (!whole_blocks(file, job->offset, job->data->len))
		return -EINVAL;
	return blk_file_takes(file, job) ? move_all(file, job, flags) : move_bounced(file, job, flags);
}

static int file_flush(const struct blk_file *file)
{
	while (fdatasync(file->fd) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int file_allocate(const struct blk_file *file, const struct blk_job *job)
{
	while (fallocate(file->fd, job->mode, (off_t)job->offset, (off_t)job->len) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int file_write_zeros(const struct blk_file *file, const struct blk_job *job)
{
	uint64_t done = 0;
	void *zeros;
	int code = 0;

	if (posix_memalign(&zeros, BLK_FILE_ALIGN_MAX, ZEROS_SIZE) != 0)
		return -ENOMEM;
	memset(zeros, 0, ZEROS_SIZE);
	while (done < job->len && code == 0) {
		struct iovec part = {zeros, MIN(job->len - done, ZEROS_SIZE)};
		struct blk_slice slice = {&part, 1, part.iov_len};
		struct blk_job piece = {.work = BLK_WORK_WRITE, .offset = job->offset + done, .data = &slice};

		done += part.iov_len;
		code = move_all(file, &piece, 0);
	}
	free(zeros);
	return code;
}

int blk_file_do(struct blk_file *file, struct blk_job *job)
{
	switch (job->work) {
	case BLK_WORK_READ:
	case BLK_WORK_WRITE:
		return file_move(file, job);
	case BLK_WORK_FLUSH:
		return file_flush(file);
	case BLK_WORK_ALLOCATE:
		return file_allocate(file, job);
	case BLK_WORK_ZEROS:
		return whole_blocks(file, job->offset, job->len) ? file_write_zeros(file, job) : -EINVAL;
	}
	return -EINVAL;
}

int blk_file_try(struct blk_file *file, struct blk_job *job)
{
	bool write = job->work == BLK_WORK_WRITE;
	bool *cannot = write ? &file->cannot_try_write : &file->cannot_try_read;
	int code;

	if (*cannot)
		return -EAGAIN;
	code = move_all(file, job, RWF_NOWAIT);
	if (code != -EOPNOTSUPP)
		return code;
	*cannot = true;
	return -EAGAIN;
}
