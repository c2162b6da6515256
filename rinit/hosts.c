#include "rinit/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/file.h"

#define HOSTS_FILE "/etc/hosts"

bool hosts_is_missing(void)
{
	return access(HOSTS_FILE, F_OK) && errno == ENOENT;
}

void hosts_setup(void)
{
	static const char text[] = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
	AUTO_CLOSE int fd = -1;

	if (!hosts_is_missing())
		return;
	fd = open(HOSTS_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || write_all(fd, text, sizeof(text) - 1))
		fprintf(stderr, "<4>" HOSTS_FILE ": there is none, and it cannot be made: %m\n");
}
