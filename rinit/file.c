#include "rinit/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"

#define FILE_UNSIZED 4096 /* first guess */

/* Up to size bytes: /proc and /sys may hand out less at a time. */
static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t got = read(fd, data + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

ssize_t file_read(const char *path, char *text, size_t size)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	ssize_t length;

	text[0] = '\0';
	if (fd < 0 || fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
	length = read_all(fd, text, size);
	if (length < 0)
		return length;
	if ((size_t)length == size) {
		text[size - 1] = '\0';
		return -EFBIG;
	}
	text[length] = '\0';
	return length;
}

ssize_t file_read_line(const char *path, char *text, size_t size)
{
	ssize_t length = file_read(path, text, size);

	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
	return length;
}

int file_load(const char *path, size_t max, char **text, size_t *length)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	AUTO_FREE char *data = NULL;
	struct stat status;
	size_t room, used = 0;

	if (fd < 0 || fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
	if ((uint64_t)status.st_size > max)
		return -EFBIG;
	/* Those of /proc do not say how long they are. */
	room = status.st_size ? (size_t)status.st_size : MIN((size_t)FILE_UNSIZED, max + 1);
	for (;;) {
		char *more = realloc(data, room + 1);
		ssize_t got;

		if (!more)
			return -ENOMEM;
		data = more;
		got = read_all(fd, data + used, room - used);
		if (got < 0)
			return (int)got;
		used += (size_t)got;
		if (used < room || status.st_size)
			break;
		if (used > max)
			return -EFBIG;
		room = MIN(2 * room, max + 1);
	}
	data[used] = '\0';
	*length = used;
	*text = TAKE_PTR(data);
	return 0;
}

int write_all(int fd, const void *data, size_t length)
{
	for (const char *p = data; length;) {
		ssize_t written = write(fd, p, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		p += written;
		length -= (size_t)written;
	}
	return 0;
}

int file_write(const char *path, const char *text)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);

	return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}

static int ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length > tail && !strcmp(name + length - tail, suffix);
}

void file_each(const char *directory, const char *suffix, void (*each)(void *context, const char *path),
	       void *context)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && ends_with(entries[i]->d_name, suffix))
			each(context, path);
		free(entries[i]);
	}
	free(entries);
}
