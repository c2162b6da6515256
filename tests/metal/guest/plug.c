/*
 * Has a device come to a guest that runs, or go, in the manager's place: speaks to the guest's process as
 * vmm/guest/process.h says.
 *
 *      plug SOCKET disk ID FILE
 *      plug SOCKET network ID TAP MAC
 *      plug SOCKET remove ID               asks until the guest has let it go
 *      plug SOCKET list
 *
 * Prints what the guest's process says; ends with 0 once the device is there, or gone, with 1 when it is
 * refused.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_AGAIN_MS 3000
#define HEADER_SIZE  12 /* of virtio_net, as vmm/net/tap.c sets it */

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s", path);
	return fd;
}

static void tell(int peer, const char *text, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} rights = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {(void *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&rights.header), &fd, sizeof(fd));
		message.msg_control = &rights;
		message.msg_controllen = sizeof(rights);
	}
	if (sendmsg(peer, &message, 0) < 0)
		err(1, "cannot tell the guest's process");
}

/* Whether the device is as it should be, in the next message; 0 when none came in time. */
static int hear(int peer, const char *id, bool wanted)
{
	struct pollfd ready = {.fd = peer, .events = POLLIN};
	static char text[65536];
	char name[128];
	ssize_t size;

	if (poll(&ready, 1, ASK_AGAIN_MS) <= 0)
		return 0;
	size = recv(peer, text, sizeof(text) - 1, 0);
	if (size <= 0)
		errx(1, "the guest's process has hung up");
	text[size] = '\0';
	puts(text);
	fflush(stdout);
	if (strstr(text, "device-refused"))
		exit(1);
	snprintf(name, sizeof(name), "\"device\":\"%s\"", id);
	return strstr(text, "\"devices\"") && !strstr(text, name) == !wanted;
}

static int open_disk(const char *path, unsigned long long *size)
{
	int fd = open(path, O_RDWR);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		err(1, "%s", path);
	*size = (unsigned long long)status.st_size;
	if (S_ISBLK(status.st_mode) && ioctl(fd, BLKGETSIZE64, size) < 0)
		err(1, "%s", path);
	return fd;
}

static int open_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	int size = HEADER_SIZE;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		err(1, "%s", name);
	return fd;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	const char *id = argc > 3 ? argv[3] : "";
	bool wanted = strcmp(what, "remove") != 0;
	unsigned long long size;
	char text[1024];
	int fd = -1;
	int peer;

	if (strcmp(what, "disk") == 0 && argc == 5) {
		fd = open_disk(argv[4], &size);
		snprintf(text, sizeof(text),
			 "{\"op\":\"device-add\",\"device\":\"%s\",\"kind\":\"disk\",\"size\":%llu,"
			 "\"definition\":{\"path\":\"%s\",\"id\":\"%s\"}}",
			 id, size, argv[4], id);
	} else if (strcmp(what, "network") == 0 && argc == 6) {
		fd = open_tap(argv[4]);
		snprintf(text, sizeof(text),
			 "{\"op\":\"device-add\",\"device\":\"%s\",\"kind\":\"network\","
			 "\"definition\":{\"type\":\"tap\",\"device\":\"%s\",\"mac\":\"%s\"}}",
			 id, argv[4], argv[5]);
	} else if (strcmp(what, "remove") == 0 && argc == 4) {
		snprintf(text, sizeof(text), "{\"op\":\"device-remove\",\"device\":\"%s\"}", id);
	} else if (strcmp(what, "list") == 0 && argc == 3) {
		peer = dial(argv[1]);
		hear(peer, "", true);
		return 0;
	} else {
		errx(2, "usage: plug SOCKET disk ID FILE | network ID TAP MAC | remove ID | list");
	}
	peer = dial(argv[1]);
	hear(peer, id, wanted); /* how things are, which every new manager is told */
	tell(peer, text, fd);
	while (!hear(peer, id, wanted)) {
		if (!wanted)
			tell(peer, text, -1);
	}
	return 0;
}
