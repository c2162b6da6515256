#include "common/descriptors.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

ssize_t descriptors_send(int socket, const struct iovec *iov, size_t iov_count, const int *fds,
			 unsigned count, int flags)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} rights = {0};
	struct msghdr header = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = iov_count};
	ssize_t sent;

	if (count > DESCRIPTORS_MAX)
		return -E2BIG;
	if (count) {
		rights.header.cmsg_level = SOL_SOCKET;
		rights.header.cmsg_type = SCM_RIGHTS;
		rights.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&rights.header), fds, count * sizeof(int));
		header.msg_control = &rights;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	sent = sendmsg(socket, &header, flags | MSG_NOSIGNAL);
	return sent < 0 ? -errno : sent;
}
