#include "vmm/storage/copy.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"

#define STEP      MIB(8)  /* between two reports */
#define BLOCK     KIB(64) /* zeros of this size become a hole */
#define STEP_TEXT "copying"

static bool all_zeros(const uint8_t *data, size_t size)
{
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

static int write_all(int fd, const uint8_t *data, size_t size, uint64_t at)
{
	while (size) {
		ssize_t put = pwrite(fd, data, size, (off_t)at);

		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			data += put;
			size -= (size_t)put;
			at += (uint64_t)put;
		}
	}
	return 0;
}

/* Zeros are not written: what is not written is a hole of the new file, which is zeros. */
static int copy_range(int from, int to, uint64_t start, uint64_t end)
{
	AUTO_FREE uint8_t *buffer = malloc(BLOCK);
	int code = buffer ? 0 : -ENOMEM;

	while (code == 0 && start < end) {
		ssize_t got = pread(from, buffer, MIN(BLOCK, end - start), (off_t)start);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		if (!all_zeros(buffer, (size_t)got))
			code = write_all(to, buffer, (size_t)got, start);
		start += (uint64_t)got;
	}
	return code;
}

/* The next stretch of data from start on; false when only a hole is left. A file without SEEK_DATA, such as a
 * block device, is all data. */
static bool next_data(int from, uint64_t start, uint64_t size, uint64_t *begin, uint64_t *end)
{
	off_t data = lseek(from, (off_t)start, SEEK_DATA);
	off_t hole;

	if (data < 0 && errno == ENXIO)
		return false;
	*begin = data < 0 ? start : (uint64_t)data;
	hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
	*end = MIN(hole < 0 ? size : (uint64_t)hole, size);
	return *begin < size;
}

int copy_sparse(const char *from_name, int from, int to, uint64_t size, struct progress *progress,
		struct error *err)
{
	uint64_t at = 0, begin, end;
	int code = 0;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (ftruncate(to, (off_t)size) < 0)
		return error_set(err, -errno, "%s: cannot make room for a copy of %llu bytes: %m", from_name,
				 (unsigned long long)size);
	while (code == 0 && at < size && next_data(from, at, size, &begin, &end)) {
		at = MIN(end, begin + STEP);
		code = copy_range(from, to, begin, at);
		progress_report_bytes(progress, STEP_TEXT, at, size);
	}
	return code < 0 ? error_set(err, code, "%s: cannot copy: %s", from_name, strerror(-code)) : 0;
}
