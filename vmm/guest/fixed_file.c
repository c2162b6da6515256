#include "vmm/guest/fixed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

int fixed_file_open(const char *path, size_t size, bool clear, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat status;
	int code;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(err, -errno, "%s: cannot open: %m", path);
	if ((clear || status.st_size != (off_t)size) && ftruncate(fd, 0) < 0)
		return error_set(err, -errno, "%s: cannot empty: %m", path);
	code = posix_fallocate(fd, 0, (off_t)size);
	return code ? error_set(err, -code, "%s: cannot take %zu KiB for it: %s", path, size / 1024,
				strerror(code))
		    : TAKE_FD(fd);
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
