/*
 * A message for everybody who is logged in, as wall(1). Who that is, processes know better than utmp(5),
 * which small systems do not have: every terminal that is the controlling one of some process gets it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/rinitctl.h"

#define TERMINALS_MAX 256

/* tty_nr of proc(5)'s stat: the seventh word, five behind the name; 0 when it has none. */
static unsigned int terminal_of(const char *pid)
{
	char path[64], line[512];
	AUTO_CLOSE int fd = -1;
	const char *at;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (size <= 0)
		return 0;
	line[size] = '\0';
	at = strrchr(line, ')');
	for (int word = 0; at && word < 5; word++)
		at = strchr(at + 1, ' ');
	return at ? (unsigned int)strtol(at, NULL, 10) : 0;
}

static void terminal_write(const char *path, dev_t device, const char *text, size_t length)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) || !S_ISCHR(status.st_mode) || status.st_rdev != device)
		return;
	if (write(fd, text, length) < 0)
		return; /* a terminal that is stopped, or gone: nobody waits for it */
}

/* Its name is what /sys says, or a number below /dev/pts. */
static void terminal_tell(unsigned int number, const char *text, size_t length)
{
	unsigned int first = major(number), second = minor(number);
	char path[PATH_MAX], link[64], target[PATH_MAX] = "";
	const char *name;

	if (first >= 136 && first < 144) { /* the kernel's devices.txt: pseudoterminals */
		snprintf(path, sizeof(path), "/dev/pts/%u", (first - 136) * 256 + second);
	} else {
		snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", first, second);
		name = readlink(link, target, sizeof(target) - 1) > 0 ? strrchr(target, '/') : NULL;
		if (!name)
			return;
		snprintf(path, sizeof(path), "/dev%s", name);
	}
	terminal_write(path, makedev(first, second), text, length);
}

void wall(const char *text)
{
	unsigned int told[TERMINALS_MAX];
	size_t count = 0;
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	char message[2048], host[64] = "", now[32];
	time_t seconds = time(NULL);
	int length;

	gethostname(host, sizeof(host) - 1);
	strftime(now, sizeof(now), "%F %T", localtime(&seconds));
	length = snprintf(message, sizeof(message), "\a\r\nTo everybody on %s, at %s:\r\n\r\n%s\r\n\r\n",
			  host, now, text);
	while (processes && (entry = readdir(processes)) && count < TERMINALS_MAX) {
		unsigned int number =
			*entry->d_name >= '0' && *entry->d_name <= '9' ? terminal_of(entry->d_name) : 0;
		size_t i = 0;

		while (i < count && told[i] != number)
			i++;
		if (!number || i < count)
			continue;
		told[count++] = number;
		terminal_tell(number, message, MIN((size_t)length, sizeof(message) - 1));
	}
	if (processes)
		closedir(processes);
}
