#include "devmodel/virtio/vhost_user_message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/util.h"

union rights {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int) * VHOST_USER_FDS_MAX)];
};

_Static_assert(VHOST_USER_FDS_MAX <= DESCRIPTORS_MAX, "they go with one message");

int vhost_user_send(int fd, struct vhost_user_message *message, const int *fds, unsigned count)
{
	size_t len = sizeof(message->header) + message->header.size;
	struct iovec iov = {.iov_base = message, .iov_len = len};
	ssize_t sent;

	message->header.flags |= VHOST_USER_VERSION;
	do
		sent = descriptors_send(fd, &iov, 1, fds, count, MSG_DONTWAIT);
	while (sent == -EINTR);
	if (sent < 0)
		return (int)sent;
	return (size_t)sent == len ? 0 : -EAGAIN; /* it does not read: a message of ours is small */
}

/* Whether any came; they are closed. */
static bool descriptors_close(struct msghdr *header)
{
	bool any = header->msg_flags & MSG_CTRUNC;

	for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
		size_t count =
			item->cmsg_type == SCM_RIGHTS ? (item->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
		int fd;

		for (size_t i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(item) + i * sizeof(fd), sizeof(fd));
			close(fd);
			any = true;
		}
	}
	return any;
}

/* How many bytes the message has, as far as that is known by now; 0: it cannot be one. */
static size_t message_length(const struct vhost_user_inbox *inbox)
{
	const struct vhost_user_header *header = &inbox->message.header;

	if (inbox->have < sizeof(*header))
		return sizeof(*header);
	if ((header->flags & VHOST_USER_VERSION_OF) != VHOST_USER_VERSION ||
	    header->size > sizeof(inbox->message.payload))
		return 0;
	return sizeof(*header) + header->size;
}

static int receive_part(int fd, struct vhost_user_inbox *inbox, size_t len)
{
	union rights rights;
	struct iovec iov = {.iov_base = (uint8_t *)&inbox->message + inbox->have,
			    .iov_len = len - inbox->have};
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)};
	ssize_t got;

	do
		got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
	if (descriptors_close(&header))
		return -EPROTO;
	if (got == 0)
		return -EPIPE;
	inbox->have += (size_t)got;
	return 1;
}

int vhost_user_receive(int fd, struct vhost_user_inbox *inbox)
{
	for (;;) {
		size_t len = message_length(inbox);
		int code;

		if (len == 0)
			return -EPROTO;
		if (inbox->have == len) /* no header alone: its message's length was looked up again */
			return 1;
		code = receive_part(fd, inbox, len);
		if (code <= 0)
			return code;
	}
}

void vhost_user_inbox_clear(struct vhost_user_inbox *inbox)
{
	inbox->have = 0;
}
