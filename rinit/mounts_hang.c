#include "rinit/mounts_hang.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

#define MOUNTS_MAX (1024 * 1024) /* of text; with more, better safe */

bool mount_type_may_hang(const char *type)
{
	static const char kinds[] = "nfs\0cifs\0smb\0fuse\0"
				    "9p\0virtiofs\0ceph\0afs\0autofs\0coda\0gfs2\0ocfs2\0lustre\0";

	for (const char *kind = kinds; *kind; kind += strlen(kind) + 1)
		if (!strncmp(type, kind, strlen(kind)))
			return true;
	return false;
}

/* proc(5), /proc/PID/mountinfo: the type stands behind " - ". */
static bool mountinfo_may_hang(const char *text)
{
	while ((text = strstr(text, " - "))) {
		text += strlen(" - ");
		if (mount_type_may_hang(text))
			return true;
	}
	return false;
}

static bool mountinfo_read(int fd)
{
	AUTO_FREE char *text = malloc(MOUNTS_MAX + 1);
	size_t length = 0;
	ssize_t got;

	if (!text)
		return true;
	while ((got = pread(fd, text + length, MOUNTS_MAX - length, (off_t)length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	return length == MOUNTS_MAX || mountinfo_may_hang(text);
}

bool mounts_may_hang(void)
{
	static int fd = -1;
	static bool may;
	struct pollfd changed = {.events = POLLPRI};

	if (fd < 0) {
		fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
		may = fd < 0 || mountinfo_read(fd);
	}
	changed.fd = fd;
	if (poll(&changed, 1, 0) > 0 && changed.revents & POLLPRI)
		may = mountinfo_read(fd);
	return may;
}
