#include "rinit/uevent.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"

#define UEVENT_GROUP_KERNEL 1 /* udev's own messages have group 2 */
#define UEVENT_MESSAGE_MAX  8192
#define UEVENT_BUFFER_SIZE  (1024 * 1024) /* a boot's worth of events */
#define UEVENT_BATCH        64

bool uevent_parse(const char *message, size_t length, struct uevent *event)
{
	const struct {
		const char *key;
		const char **value;
	} wanted[] = {
		{"ACTION=", &event->action},     {"SUBSYSTEM=", &event->subsystem},
		{"MODALIAS=", &event->modalias}, {"DEVNAME=", &event->devname},
		{"MAJOR=", &event->major},       {"MINOR=", &event->minor},
		{"DEVMODE=", &event->devmode},   {"SYNTH_UUID=", &event->synthetic},
	};
	const char *end = message + length;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		*wanted[i].value = "";
	if (!length || end[-1] != '\0' || !strchr(message, '@'))
		return false;
	for (const char *line = message; line < end; line += strlen(line) + 1)
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			if (!strncmp(line, wanted[i].key, strlen(wanted[i].key)))
				*wanted[i].value = line + strlen(wanted[i].key);
	return *event->action != '\0';
}

void uevent_node(const struct uevent *event, const char *folder)
{
	mode_t mode = *event->devmode ? (mode_t)strtoul(event->devmode, NULL, 8) & 0777 : 0600;
	mode_t type = strcmp(event->subsystem, "block") ? S_IFCHR : S_IFBLK;
	dev_t device = makedev((unsigned int)atoi(event->major), (unsigned int)atoi(event->minor));
	char path[PATH_MAX];

	if (!*event->devname || !*event->major || strstr(event->devname, "..") ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", folder, event->devname) >= sizeof(path))
		return;
	if (!strcmp(event->action, "remove"))
		unlink(path);
	if (strcmp(event->action, "add") != 0)
		return;
	for (char *slash = path + strlen(folder); (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		mkdir(path, 0755);
	}
	if (!mknod(path, type | mode, device))
		chmod(path, mode); /* whatever the umask */
}

void uevents_again(void)
{
	static const char *const folders[] = {"/sys/dev/block", "/sys/dev/char"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		DIR *folder = opendir(folders[i]);
		const struct dirent *entry;
		char path[PATH_MAX];

		while (folder && (entry = readdir(folder))) {
			snprintf(path, sizeof(path), "%s/%s/uevent", folders[i], entry->d_name);
			file_write(path, "add");
		}
		if (folder)
			closedir(folder);
	}
}

static void uevents_ready(struct loop_source *source, uint32_t ready)
{
	struct uevents *uevents = CONTAINER_OF(source, struct uevents, source);
	char message[UEVENT_MESSAGE_MAX];

	(void)ready;
	for (int i = 0; i < UEVENT_BATCH; i++) {
		struct sockaddr_nl sender = {0};
		socklen_t size = sizeof(sender);
		ssize_t length = recvfrom(source->fd, message, sizeof(message) - 1, MSG_DONTWAIT,
					  (struct sockaddr *)&sender, &size);
		struct uevent event;

		if (length < 0)
			return;
		message[length] = '\0';
		if (sender.nl_pid == 0 && uevent_parse(message, (size_t)length, &event)) /* 0: the kernel */
			uevents->seen(uevents, &event);
	}
}

int uevents_open(struct uevents *uevents, struct loop *loop,
		 void (*seen)(struct uevents *, const struct uevent *))
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = UEVENT_GROUP_KERNEL};
	AUTO_CLOSE int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	int size = UEVENT_BUFFER_SIZE;

	*uevents = (struct uevents){.loop = loop, .seen = seen, .source = {.fd = -1, .ready = uevents_ready}};
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		   sizeof(size)); /* what fails leaves the smaller default */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	uevents->source.fd = TAKE_FD(fd);
	return loop_add(loop, &uevents->source, EPOLLIN);
}
