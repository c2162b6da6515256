#include "rinit/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"

#define NETLINK_ALIGN(length) ALIGN_UP((size_t)(length), (size_t)NLMSG_ALIGNTO)
#define ATTRIBUTE_HEADER      NETLINK_ALIGN(sizeof(struct nlattr))
#define MESSAGE_TOO_LONG      UINT32_MAX

int netlink_open(int protocol, uint32_t groups)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return TAKE_FD(fd);
}

void netlink_begin(struct netlink_message *message, uint16_t type, uint16_t flags, const void *fixed,
		   size_t size)
{
	memset(message, 0, sizeof(*message));
	message->header = (struct nlmsghdr){
		.nlmsg_len = (uint32_t)(sizeof(message->header) + NETLINK_ALIGN(size)),
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
	};
	memcpy(message->payload, fixed, size);
}

void netlink_put(struct netlink_message *message, uint16_t type, const void *data, size_t size)
{
	struct nlattr head = {.nla_len = (uint16_t)(ATTRIBUTE_HEADER + size), .nla_type = type};
	size_t at = message->header.nlmsg_len;

	if (at > sizeof(*message) || size > sizeof(*message) ||
	    sizeof(*message) - at < ATTRIBUTE_HEADER + NETLINK_ALIGN(size)) {
		message->header.nlmsg_len = MESSAGE_TOO_LONG;
		return;
	}
	memcpy((char *)message + at, &head, sizeof(head));
	memcpy((char *)message + at + ATTRIBUTE_HEADER, data, size);
	message->header.nlmsg_len = (uint32_t)(at + ATTRIBUTE_HEADER + NETLINK_ALIGN(size));
}

int netlink_send(int fd, struct netlink_message *message)
{
	if (message->header.nlmsg_len == MESSAGE_TOO_LONG)
		return -EMSGSIZE;
	return send(fd, message, message->header.nlmsg_len, 0) < 0 ? -errno : 0;
}

int netlink_talk(int fd, struct netlink_message *message)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[2048]; /* our message again */
	} answer;
	ssize_t length;
	int rc;

	message->header.nlmsg_flags |= NLM_F_ACK;
	rc = netlink_send(fd, message);
	if (rc)
		return rc;
	length =
		recv(fd, &answer, sizeof(answer), 0); /* it is there already: the kernel acts within send() */
	if (length < 0)
		return -errno;
	if ((size_t)length < offsetof(typeof(answer), rest) || answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

const void *netlink_find(const void *attributes, size_t length, uint16_t type, size_t size, size_t *found)
{
	const char *at = attributes;

	while (length >= ATTRIBUTE_HEADER) {
		struct nlattr head;
		size_t whole;

		memcpy(&head, at, sizeof(head));
		if (head.nla_len < ATTRIBUTE_HEADER || head.nla_len > length)
			return NULL;
		if ((head.nla_type & NLA_TYPE_MASK) == type && head.nla_len - ATTRIBUTE_HEADER >= size) {
			if (found)
				*found = head.nla_len - ATTRIBUTE_HEADER;
			return at + ATTRIBUTE_HEADER;
		}
		whole = MIN(NETLINK_ALIGN(head.nla_len), length);
		at += whole;
		length -= whole;
	}
	return NULL;
}
