#include "vmm/config/file.h"

#include <dirent.h>
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

#define TEXT_SUFFIX  ".json"
#define FRESH_SUFFIX ".new" /* of one that is not in its place yet */

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

static int write_whole(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t wrote = write(fd, text, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		text += wrote;
		len -= (size_t)wrote;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int folder_open(const char *path)
{
	AUTO_FREE char *copy = strdup(path);

	return copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int file_write_text(const char *what, const char *path, const char *text, mode_t mode, struct error *err)
{
	AUTO_CLOSE int folder = folder_open(path); /* now: afterwards nothing may be missing */
	AUTO_FREE char *fresh = NULL;
	AUTO_CLOSE int fd = -1;
	int code;

	if (folder < 0)
		return error_set(err, -errno, "%s %s: cannot write: %m", what, path);
	if (asprintf(&fresh, "%s" FRESH_SUFFIX, path) < 0)
		return error_set(err, -ENOMEM, "%s %s: out of memory", what, path);
	unlink(fresh); /* of a process that was killed in here */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return error_set(err, -errno, "%s %s: cannot write: %m", what, path);
	code = write_whole(fd, text, strlen(text));
	if (code == 0 && rename(fresh, path) < 0)
		code = -errno;
	if (code == 0) /* so that the new name is on the disk, too */
		return fsync(folder) < 0 ? error_set(err, -errno, "%s %s: cannot sync: %m", what, path) : 0;
	unlink(fresh);
	return error_set(err, code, "%s %s: cannot write: %s", what, path, strerror(-code));
}

void file_sweep(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len > strlen(TEXT_SUFFIX) + strlen(FRESH_SUFFIX) && entry->d_name[0] != '.' &&
		    strcmp(entry->d_name + len - strlen(TEXT_SUFFIX FRESH_SUFFIX),
			   TEXT_SUFFIX FRESH_SUFFIX) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

int file_make_folder(const char *what, const char *path, mode_t mode, struct error *err)
{
	AUTO_FREE char *part = NULL;

	if (mkdir(path, mode) == 0 || errno == EEXIST) /* as nearly always */
		return 0;
	part = strdup(path);
	if (!part)
		return error_set(err, -ENOMEM, "%s %s: out of memory", what, path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return error_set(err, -errno, "%s %s: cannot make %s: %m", what, path, part);
		*slash = '/';
	}
	return mkdir(path, mode) < 0 && errno != EEXIST
		       ? error_set(err, -errno, "%s %s: cannot make: %m", what, path)
		       : 0;
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
