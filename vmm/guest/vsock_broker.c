#include "vmm/guest/vsock_broker.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/descriptors.h"

struct request {
	uint32_t number;
	uint32_t port;
};

struct answer {
	uint32_t number;
	int32_t code; /* 0 or a negative errno */
};

/* Room for one descriptor beside a message. */
union rights {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int vsock_broker_connect(const char *path, uint32_t port)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = -1;
	int len;

	if (!path)
		return -ECONNREFUSED;
	len = snprintf(address.sun_path, sizeof(address.sun_path), "%s_%u", path, port);
	if (len < 0 || (size_t)len >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* --- The guest's side --- */

/* One answer, and the descriptor that came with it or -1. */
static int answer_receive(int fd, struct answer *answer, int *received)
{
	union rights rights;
	struct iovec iov = {.iov_base = answer, .iov_len = sizeof(*answer)};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &rights,
		.msg_controllen = sizeof(rights),
	};
	const struct cmsghdr *cmsg;
	ssize_t got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	*received = -1;
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -ECONNREFUSED;
	cmsg = CMSG_FIRSTHDR(&header);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(received, CMSG_DATA(cmsg), sizeof(*received));
	return got == sizeof(*answer) ? 0 : -ECONNREFUSED;
}

/* Waits for the answer of that number; those that came too late for their own request are dropped. */
static int answer_wait(int fd, uint32_t number)
{
	int64_t until = (int64_t)monotonic_ms() + VSOCK_BROKER_MS;
	int64_t left;

	while ((left = until - (int64_t)monotonic_ms()) > 0) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		struct answer answer;
		int received = -1;
		int code;

		if (poll(&wait, 1, (int)left) <= 0)
			continue;
		code = answer_receive(fd, &answer, &received);
		if (code == 0 && answer.number == number && answer.code == 0 && received >= 0)
			return received;
		cleanup_close(&received);
		if (code == 0 && answer.number == number)
			return answer.code < 0 ? answer.code : -ECONNREFUSED;
		if (code < 0 && code != -EAGAIN)
			return code;
	}
	return -ECONNREFUSED;
}

int vsock_broker_ask(int fd, uint32_t *number, uint32_t port)
{
	struct request request = {.number = ++*number, .port = port};
	struct answer late;
	int received;

	while (fd >= 0 && answer_receive(fd, &late, &received) == 0)
		cleanup_close(&received);
	if (fd < 0 || send(fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(request))
		return -ECONNREFUSED;
	return answer_wait(fd, request.number);
}

/* --- The manager's side --- */

static int answer_send(int fd, const struct answer *answer, int connected)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)answer, .iov_len = sizeof(*answer)};
	ssize_t sent = descriptors_send(fd, &iov, 1, &connected, connected >= 0, MSG_DONTWAIT);

	return sent < 0 ? (int)sent : 0;
}

int vsock_broker_answer(int fd, const char *path)
{
	struct request request;
	struct answer answer;
	ssize_t got = recv(fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
	AUTO_CLOSE int connected = -1;
	int unread = 0;

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -errno;
	if (got == 0)
		return -EPIPE;
	if (got != sizeof(request))
		return 0;
	/* Descriptors in flight count for the manager: a guest process must not collect them there (unix(7)).
	 */
	if (ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0)
		return 0;
	connected = vsock_broker_connect(path, request.port);
	answer = (struct answer){.number = request.number, .code = connected < 0 ? connected : 0};
	if (answer_send(fd, &answer, connected) < 0)
		return 0; /* it hears nothing, and is refused when its time is over */
	return 0;
}
