#include "vmm/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

int file_read_text(const char *what, const char *path, size_t max, char **text, struct error *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	AUTO_FREE char *buffer = NULL;
	struct stat status;
	size_t used = 0;

	if (fd < 0)
		return error_set(err, -errno, "%s %s: cannot open: %m", what, path);
	if (fstat(fd, &status) < 0)
		return error_set(err, -errno, "%s %s: cannot stat: %m", what, path);
	if (!S_ISREG(status.st_mode))
		return error_set(err, -EINVAL, "%s %s: is not a regular file", what, path);
	buffer = malloc(max + 1);
	if (!buffer)
		return error_set(err, -ENOMEM, "%s %s: out of memory", what, path);
	while (used < max + 1) {
		ssize_t got = read(fd, buffer + used, max + 1 - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, -errno, "%s %s: cannot read: %m", what, path);
		if (got == 0)
			break;
		used += (size_t)got;
	}
	if (used > max)
		return error_set(err, -EFBIG, "%s %s: is larger than %zu bytes", what, path, max);
	if (memchr(buffer, 0, used))
		return error_set(err, -EINVAL, "%s %s: is not text", what, path);
	buffer[used] = '\0';
	*text = TAKE_PTR(buffer);
	return 0;
}

char *file_path_join(const char *folder, const char *name)
{
	char *joined;

	if (*name == '/')
		return strdup(name);
	return asprintf(&joined, "%s/%s", folder, name) < 0 ? NULL : joined;
}

char *file_folder(const char *path)
{
	AUTO_FREE char *copy = strdup(path);

	if (!copy)
		return NULL;
	return realpath(dirname(copy), NULL);
}
