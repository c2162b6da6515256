#include "devmodel/virtio/blk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/iov.h"

#define BOUNCE_SIZE KIB(256)
#define ZEROS_SIZE  KIB(64)

/* The smallest piece that the kernel reads: statx(2) does not say it of every file system. 0: none of ours.
 */
static unsigned probe_align(int fd, void *buffer)
{
	for (unsigned align = BLK_FILE_ALIGN_MIN; align <= BLK_FILE_ALIGN_MAX; align *= 2) {
		if (pread(fd, buffer, align, 0) >= 0)
			return align;
	}
	return 0;
}

int blk_file_init(struct blk_file *file, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	void *bounce = NULL;

	*file = (struct blk_file){.fd = fd};
	if (flags < 0 || !(flags & O_DIRECT))
		return MIN(flags, 0);
	if (posix_memalign(&bounce, BLK_FILE_ALIGN_MAX, BOUNCE_SIZE) != 0)
		return -ENOMEM;
	file->align = probe_align(fd, bounce);
	if (!file->align) {
		free(bounce);
		return -EINVAL;
	}
	file->bounce = bounce;
	return 0;
}

void blk_file_close(struct blk_file *file)
{
	close(file->fd);
	free(file->bounce);
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
typedef ssize_t (*move_fn)(int fd, const struct iovec *iov, int count, off_t offset, int flags);

static ssize_t move_in(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	(void)flags;
	return preadv(fd, iov, count, offset);
}

static ssize_t move_out(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	return pwritev2(fd, iov, count, offset, flags);
}

static ssize_t move(const struct blk_file *file, move_fn call, const struct iovec *iov, unsigned count,
		    uint64_t offset, int flags)
{
	ssize_t moved;

	do
		moved = call(file->fd, iov, (int)count, (off_t)offset, flags);
	while (moved < 0 && errno == EINTR);
	if (moved == 0)
		return -ENODATA;
	return moved < 0 ? -errno : moved;
}

static int move_all(const struct blk_file *file, move_fn call, struct blk_slice *data, uint64_t offset,
		    int flags)
{
	while (data->len) {
		ssize_t moved = move(file, call, data->parts, data->count, offset, flags);

		if (moved < 0)
			return (int)moved;
		offset += (uint64_t)moved;
		blk_slice_skip(data, (size_t)moved);
	}
	return 0;
}

/* --- O_DIRECT --- */

static bool slice_aligned(const struct blk_slice *slice, unsigned align)
{
	for (unsigned i = 0; i < slice->count; i++) {
		const struct iovec *part = &slice->parts[i];

		if (((uintptr_t)part->iov_base | part->iov_len) & (align - 1))
			return false;
	}
	return true;
}

static int bounce_read(struct blk_file *file, struct blk_slice *data, uint64_t offset)
{
	while (data->len) {
		struct iovec piece = {file->bounce, MIN(data->len, BOUNCE_SIZE)};
		ssize_t moved = move(file, move_in, &piece, 1, offset, 0);

		if (moved < 0)
			return (int)moved;
		iov_scatter(data->parts, data->count, 0, file->bounce, (size_t)moved);
		offset += (uint64_t)moved;
		blk_slice_skip(data, (size_t)moved);
	}
	return 0;
}

static int bounce_write(struct blk_file *file, struct blk_slice *data, uint64_t offset, int flags)
{
	while (data->len) {
		struct iovec piece = {file->bounce, MIN(data->len, BOUNCE_SIZE)};
		ssize_t moved;

		iov_gather(data->parts, data->count, 0, file->bounce, piece.iov_len);
		moved = move(file, move_out, &piece, 1, offset, flags);
		if (moved < 0)
			return (int)moved;
		offset += (uint64_t)moved;
		blk_slice_skip(data, (size_t)moved);
	}
	return 0;
}

static bool whole_blocks(const struct blk_file *file, uint64_t offset, uint64_t len)
{
	return !file->align || ((offset | len) & (file->align - 1)) == 0;
}

/* --- The calls --- */

int blk_file_read(struct blk_file *file, struct blk_slice *data, uint64_t offset)
{
	if (!whole_blocks(file, offset, data->len))
		return -EINVAL;
	if (file->align && !slice_aligned(data, file->align))
		return bounce_read(file, data, offset);
	return move_all(file, move_in, data, offset, 0);
}

int blk_file_write(struct blk_file *file, struct blk_slice *data, uint64_t offset, bool safe)
{
	int flags = safe ? RWF_DSYNC : 0;

	if (!whole_blocks(file, offset, data->len))
		return -EINVAL;
	if (file->align && !slice_aligned(data, file->align))
		return bounce_write(file, data, offset, flags);
	return move_all(file, move_out, data, offset, flags);
}

int blk_file_flush(struct blk_file *file)
{
	while (fdatasync(file->fd) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int file_allocate(const struct blk_file *file, int mode, uint64_t offset, uint64_t len)
{
	while (fallocate(file->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int blk_file_discard(struct blk_file *file, uint64_t offset, uint64_t len)
{
	return len ? file_allocate(file, FALLOC_FL_PUNCH_HOLE, offset, len) : 0;
}

/* For a file system that cannot do it by itself (tmpfs). */
static int write_zeros(struct blk_file *file, uint64_t offset, uint64_t len)
{
	void *zeros;
	int code = 0;

	if (posix_memalign(&zeros, BLK_FILE_ALIGN_MAX, ZEROS_SIZE) != 0)
		return -ENOMEM;
	memset(zeros, 0, ZEROS_SIZE);
	while (len && code == 0) {
		struct iovec part = {zeros, MIN(len, ZEROS_SIZE)};
		struct blk_slice slice = {&part, 1, part.iov_len};

		code = move_all(file, move_out, &slice, offset, 0);
		offset += MIN(len, ZEROS_SIZE);
		len -= MIN(len, ZEROS_SIZE);
	}
	free(zeros);
	return code;
}

int blk_file_zero(struct blk_file *file, uint64_t offset, uint64_t len, bool unmap)
{
	int code = -EOPNOTSUPP;

	if (!whole_blocks(file, offset, len))
		return -EINVAL;
	if (len == 0)
		return 0;
	if (unmap)
		code = file_allocate(file, FALLOC_FL_PUNCH_HOLE, offset, len);
	if (code == -EOPNOTSUPP)
		code = file_allocate(file, FALLOC_FL_ZERO_RANGE, offset, len);
	return code == -EOPNOTSUPP ? write_zeros(file, offset, len) : code;
}
