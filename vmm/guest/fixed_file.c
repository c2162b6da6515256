#include "vmm/guest/fixed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define PAGE_BYTES 4096

int fixed_file_open(const char *path, size_t size, bool clear, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat status;
	int code;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(err, -errno, "%s: cannot open: %m", path);
	if (clear || status.st_size != (off_t)size) {
		if (status.st_size > 0 && ftruncate(fd, 0) < 0)
			return error_set(err, -errno, "%s: cannot empty: %m", path);
		status.st_size = 0;
	}
	if (status.st_size == 0 && ftruncate(fd, (off_t)size) < 0)
		return error_set(err, -errno, "%s: cannot set its size: %m", path);
	code = posix_fallocate(fd, (off_t)size - PAGE_BYTES, PAGE_BYTES);
	return code ? error_set(err, -code, "%s: cannot make: %s", path, strerror(code)) : TAKE_FD(fd);
}

void *fixed_file_map(int fd, size_t size, struct error *err)
{
	AUTO_CLOSE int taken = fd;
	struct stat status;
	void *memory;

	if (fstat(taken, &status) < 0 || status.st_size != (off_t)size) {
		error_set(err, -EINVAL, "a guest's file is not of the size that it must have");
		return NULL;
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, taken, 0);
	if (memory == MAP_FAILED) {
		error_set(err, -errno, "cannot map a guest's file: %m");
		return NULL;
	}
	return memory;
}

int fixed_file_reserve(void *at, size_t len)
{
	uintptr_t start = (uintptr_t)at & ~(uintptr_t)(PAGE_BYTES - 1);

	if (madvise((void *)start, (uintptr_t)at + len - start, MADV_POPULATE_WRITE) == 0 || errno == EINVAL)
		return 0;
	return errno == EFAULT ? -ENOSPC : -errno; /* EFAULT: what would be SIGBUS */
}
