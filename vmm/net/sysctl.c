#include "vmm/net/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"

#define FOLDER "/proc/sys/net/"

int sysctl_read(const char *path)
{
	AUTO_CLOSE int fd = -1;
	char file[PATH_MAX];
	char text[32] = "";

	snprintf(file, sizeof(file), FOLDER "%s", path);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	return atoi(text);
}

int sysctl_write(const char *path, int value, struct error *err)
{
	AUTO_CLOSE int fd = -1;
	char file[PATH_MAX];
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", value);

	snprintf(file, sizeof(file), FOLDER "%s", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		return error_set(err, errno ? -errno : -EIO, "%s: cannot write %d: %m", file, value);
	return 0;
}
