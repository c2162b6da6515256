/*
 * peer: what the container tests' services do that a shell can't. Static, so that it runs in their roots.
 *
 *   peer fdstore LINES FILE...   tells $NOTIFY_SOCKET the lines (\n between) and hands over these files
 *   peer flood COUNT FILE        hands the file over so often, each time opened anew
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_MAX 16

static int fail(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	return 1;
}

static int notify(const char *text, const int *fds, size_t count)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	union {
		struct cmsghdr header; /* aligns it */
		char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_name = &address,
				 .msg_namelen = sizeof(address),
				 .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = count ? &control : NULL,
				 .msg_controllen = count ? CMSG_SPACE(count * sizeof(int)) : 0};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path ? path : "");
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	if (fd < 0 || sendmsg(fd, &message, 0) < 0)
		return fail("cannot notify");
	close(fd);
	return 0;
}

/* Waits until everything that was said before has been heard (sd_notify(3), BARRIER=1): who has ended cannot
 * be known any more. */
static int barrier(void)
{
	char byte;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) || notify("BARRIER=1", &ends[1], 1))
		return fail("no barrier");
	close(ends[1]);
	return read(ends[0], &byte, 1) ? fail("barrier") : 0;
}

/* "\n" written out becomes a line's end. */
static void unescape(char *text)
{
	for (char *at; (at = strstr(text, "\\n"));) {
		*at = '\n';
		memmove(at + 1, at + 2, strlen(at + 2) + 1);
	}
}

static int fdstore(char *text, char *const *files)
{
	int fds[FDS_MAX];
	size_t count = 0;

	unescape(text);
	for (; *files && count < FDS_MAX; files++) {
		fds[count] = open(*files, O_RDWR | O_CLOEXEC);
		if (fds[count++] < 0)
			return fail(*files);
	}
	return notify(text, fds, count) || barrier();
}

static int flood(long count, const char *file)
{
	while (count-- > 0) {
		int fd = open(file, O_RDWR | O_CLOEXEC);

		if (fd < 0)
			return fail(file);
		if (notify("FDSTORE=1\nFDNAME=flood", &fd, 1))
			return 1;
		close(fd);
	}
	return barrier();
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "fdstore"))
		return fdstore(argv[2], argv + 3);
	if (argc == 4 && !strcmp(argv[1], "flood"))
		return flood(strtol(argv[2], NULL, 10), argv[3]);
	fputs("usage: see peer.c\n", stderr);
	return 2;
}
