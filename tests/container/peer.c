/*
 * peer: what the container tests' services do that a shell can't. Static, so that it runs in their roots.
 *
 *   peer fdstore LINES FILE...   tells $NOTIFY_SOCKET the lines (\n between) and hands over these files
 *   peer flood COUNT FILE        hands the file over so often, each time opened anew
 *   peer own NAME                owns the name on the system's D-Bus; gives it up at SIGUSR1, and goes on
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
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

/* ---- D-Bus, by hand: not with rinit's own code, which this shall test ---- */

struct bytes {
	uint8_t data[1024];
	size_t length;
};

static void align(struct bytes *bytes, size_t to)
{
	while (bytes->length % to)
		bytes->data[bytes->length++] = 0;
}

static void number(struct bytes *bytes, uint32_t value)
{
	align(bytes, 4);
	memcpy(bytes->data + bytes->length, &value, 4);
	bytes->length += 4;
}

static void string(struct bytes *bytes, const char *text)
{
	number(bytes, (uint32_t)strlen(text));
	strcpy((char *)bytes->data + bytes->length, text);
	bytes->length += strlen(text) + 1;
}

static void field(struct bytes *bytes, uint8_t code, const char *type, const char *value)
{
	align(bytes, 8);
	bytes->data[bytes->length++] = code;
	bytes->data[bytes->length++] = 1;
	bytes->data[bytes->length++] = (uint8_t)*type;
	bytes->data[bytes->length++] = 0;
	if (*type != 'g') {
		string(bytes, value);
		return;
	}
	bytes->data[bytes->length++] = (uint8_t)strlen(value);
	strcpy((char *)bytes->data + bytes->length, value);
	bytes->length += strlen(value) + 1;
}

/* Calls the bus, and waits for the answer to that call: true when it is no error. */
static int call(int fd, uint32_t serial, const char *member, const char *name, int has_flags)
{
	struct bytes body = {0}, message = {.data = {'l', 1, 0, 1}, .length = 4};
	uint32_t fields;
	uint8_t answer[4096];

	if (name)
		string(&body, name);
	if (has_flags)
		number(&body, 4); /* DBUS_NAME_FLAG_DO_NOT_QUEUE */
	number(&message, (uint32_t)body.length);
	number(&message, serial);
	number(&message, 0);
	field(&message, 1, "o", "/org/freedesktop/DBus");
	field(&message, 6, "s", "org.freedesktop.DBus");
	field(&message, 2, "s", "org.freedesktop.DBus");
	field(&message, 3, "s", member);
	if (name)
		field(&message, 8, "g", has_flags ? "su" : "s");
	fields = (uint32_t)message.length - 16;
	memcpy(message.data + 12, &fields, 4);
	align(&message, 8);
	if (write(fd, message.data, message.length) < 0 || write(fd, body.data, body.length) < 0)
		return 0;
	for (;;) { /* answers and signals may come in any order; each is read whole */
		uint32_t length, array;

		if (recv(fd, answer, 16, MSG_WAITALL) != 16)
			return 0;
		memcpy(&length, answer + 4, 4);
		memcpy(&array, answer + 12, 4);
		length += (array + 7) & ~7U;
		if (length > sizeof(answer) - 16 ||
		    recv(fd, answer + 16, length, MSG_WAITALL) != (ssize_t)length)
			return 0;
		if (answer[1] == 3)
			fprintf(stderr, "peer: %s: the bus refuses\n", member);
		if (answer[1] == 2 || answer[1] == 3)
			return answer[1] == 2;
	}
}

static int own(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/dbus/system_bus_socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), number_of;
	const char *hello = "\0AUTH EXTERNAL 30\r\n";
	char text[256];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fail(address.sun_path);
	if (write(fd, hello, 19) < 0 || read(fd, text, sizeof(text)) < 3 || memcmp(text, "OK ", 3) != 0 ||
	    write(fd, "BEGIN\r\n", 7) < 0)
		return fail("handshake");
	if (!call(fd, 1, "Hello", NULL, 0) || !call(fd, 2, "RequestName", name, 1))
		return fail(name);
	puts("owned");
	fflush(stdout);
	sigwait(&set, &number_of);
	if (!call(fd, 3, "ReleaseName", name, 0))
		return fail(name);
	puts("released");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "fdstore"))
		return fdstore(argv[2], argv + 3);
	if (argc == 4 && !strcmp(argv[1], "flood"))
		return flood(strtol(argv[2], NULL, 10), argv[3]);
	if (argc == 3 && !strcmp(argv[1], "own"))
		return own(argv[2]);
	fputs("usage: see peer.c\n", stderr);
	return 2;
}
