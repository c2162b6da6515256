#include "vmm/image/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

int file_map_open(struct file_map *map, const char *what, const char *path, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *data;

	if (fd < 0 || fstat(fd, &status) != 0)
		return error_set(err, -errno, "%s %s: cannot open: %m", what, path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "%s %s: not a regular file", what, path);
	if (status.st_size == 0)
		return error_set(err, -EINVAL, "%s %s: is empty", what, path);
	if ((uint64_t)status.st_size > FILE_SIZE_LIMIT)
		return error_set(err, -EFBIG, "%s %s: larger than 1 GiB", what, path);
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return error_set(err, -errno, "%s %s: cannot map: %m", what, path);
	*map = (struct file_map){.data = data, .size = (size_t)status.st_size};
	return 0;
}

void file_map_close(struct file_map *map)
{
	if (map->data)
		munmap((void *)map->data, map->size);
	map->data = NULL;
}

static int write_all(int fd, const struct file_piece *piece)
{
	const char *at = piece->data;
	size_t left = piece->size;

	while (left) {
		ssize_t written = write(fd, at, left);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			at += written;
			left -= (size_t)written;
		}
	}
	return 0;
}

/* The new name is on the disk only when its folder is. */
static int folder_sync(const char *path)
{
	AUTO_FREE char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	AUTO_CLOSE int fd = -1;

	if (!folder)
		return -ENOMEM;
	if (slash)
		slash[slash == folder ? 1 : 0] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
}

static int file_write(const char *path, const struct file_piece *pieces, unsigned count)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int result;

	if (fd < 0)
		return -errno;
	for (unsigned i = 0; i < count; i++) {
		result = write_all(fd, &pieces[i]);
		if (result)
			return result;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

int file_replace(const char *path, const struct file_piece *pieces, unsigned count, struct error *err)
{
	AUTO_FREE char *temporary = NULL;
	int result;

	if (asprintf(&temporary, "%s.new.%d", path, (int)getpid()) < 0) {
		temporary = NULL;
		return error_set(err, -ENOMEM, "out of memory");
	}
	unlink(temporary); /* left by a process of our number that was killed */
	result = file_write(temporary, pieces, count);
	if (!result && rename(temporary, path) != 0)
		result = -errno;
	if (!result)
		result = folder_sync(path);
	if (!result)
		return 0;
	unlink(temporary);
	return error_set(err, result, "image %s: cannot write: %s", path, strerror(-result));
}
