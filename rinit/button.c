#include "rinit/button.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/netlink.h"

/* The kernel's drivers/acpi/event.c, which has no header for user space */
#define ACPI_FAMILY_NAME     "acpi_event"
#define ACPI_GROUP_NAME      "acpi_mc_group"
#define ACPI_ATTRIBUTE_EVENT 1
#define ACPI_CLASS_POWER     "button/power"

struct acpi_event {
	char device_class[20];
	char bus_id[15];
	uint32_t type;
	uint32_t data;
};

#define GENERIC_HEADER (sizeof(struct nlmsghdr) + GENL_HDRLEN)

static void button_ready(struct loop_source *source, uint32_t events)
{
	struct button *button = CONTAINER_OF(source, struct button, source);
	char message[1024];
	ssize_t length = recv(source->fd, message, sizeof(message), MSG_DONTWAIT);
	const struct acpi_event *event;

	(void)events;
	if (length < (ssize_t)GENERIC_HEADER)
		return;
	event = netlink_find(message + GENERIC_HEADER, (size_t)length - GENERIC_HEADER, ACPI_ATTRIBUTE_EVENT,
			     sizeof(*event), NULL);
	if (event && !strncmp(event->device_class, ACPI_CLASS_POWER, strlen(ACPI_CLASS_POWER)))
		button->pressed(button);
}

/* Groups are attributes in attributes in an attribute. Returns the group's id, 0 when there is none. */
static uint32_t group_find(const char *attributes, size_t length)
{
	size_t groups_length, group_length;
	const char *groups = netlink_find(attributes, length, CTRL_ATTR_MCAST_GROUPS, 0, &groups_length);
	const void *name, *id;
	uint32_t number = 0;

	for (uint16_t i = 1; groups; i++) {
		const char *group = netlink_find(groups, groups_length, i, 0, &group_length);

		if (!group)
			break;
		name = netlink_find(group, group_length, CTRL_ATTR_MCAST_GRP_NAME, sizeof(ACPI_GROUP_NAME),
				    NULL);
		id = netlink_find(group, group_length, CTRL_ATTR_MCAST_GRP_ID, sizeof(number), NULL);
		if (name && id && !memcmp(name, ACPI_GROUP_NAME, sizeof(ACPI_GROUP_NAME)))
			memcpy(&number, id, sizeof(number));
	}
	return number;
}

static int group_join(int fd)
{
	struct genlmsghdr get_family = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	struct netlink_message message;
	char answer[4096];
	ssize_t length;
	uint32_t group;
	int rc;

	netlink_begin(&message, GENL_ID_CTRL, 0, &get_family, sizeof(get_family));
	netlink_put(&message, CTRL_ATTR_FAMILY_NAME, ACPI_FAMILY_NAME, sizeof(ACPI_FAMILY_NAME));
	rc = netlink_send(fd, &message);
	if (rc)
		return rc;
	length = recv(fd, answer, sizeof(answer), 0);
	if (length < (ssize_t)GENERIC_HEADER || ((struct nlmsghdr *)answer)->nlmsg_type == NLMSG_ERROR)
		return -ENOENT;
	group = group_find(answer + GENERIC_HEADER, (size_t)length - GENERIC_HEADER);
	if (!group)
		return -ENOENT;
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? -errno : 0;
}

int button_open(struct button *button, struct loop *loop, void (*pressed)(struct button *button))
{
	AUTO_CLOSE int fd = netlink_open(NETLINK_GENERIC, 0);
	int rc = fd < 0 ? fd : group_join(fd);

	if (rc)
		return rc;
	*button = (struct button){.source = {.fd = TAKE_FD(fd), .ready = button_ready}, .pressed = pressed};
	return loop_add(loop, &button->source, EPOLLIN);
}
