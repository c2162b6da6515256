#include "rinit/notify.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/address.h"
#include "rinit/fd_store.h"
#include "rinit/log.h"
#include "rinit/manager.h"

#define NOTIFY_DATAGRAM_MAX 4096
#define NOTIFY_RETRY_MS     100
#define NOTIFY_RETRY_FOR_MS 10000

/* The line after this one, NULL at the end. */
static const char *next_line(const char *line)
{
	const char *newline = strchr(line, '\n');

	return newline && newline[1] ? newline + 1 : NULL;
}

bool notify_has(const char *text, const char *assignment)
{
	size_t length = strlen(assignment);

	for (const char *line = text; line; line = next_line(line))
		if (!strncmp(line, assignment, length) && (line[length] == '\n' || !line[length]))
			return true;
	return false;
}

bool notify_value(const char *text, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = next_line(line)) {
		if (strncmp(line, key, length) || line[length] != '=')
			continue;
		line += length + 1;
		snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
		return true;
	}
	return false;
}

/* ---- from services ---- */

#define NOTIFY_FDS_MAX 64 /* in one message; the kernel drops what is more */

struct notify_message {
	char text[NOTIFY_DATAGRAM_MAX];
	pid_t sender;
	int fds[NOTIFY_FDS_MAX];
	size_t fd_count;
};

/* False when there is none, or it is too long. With no place for descriptors the kernel drops them. */
static bool message_receive(int fd, int flags, bool with_fds, struct notify_message *message)
{
	union {
		struct cmsghdr header; /* aligns it */
		char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(message->fds))];
	} control;
	struct iovec part = {.iov_base = message->text, .iov_len = sizeof(message->text) - 1};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen =
					with_fds ? sizeof(control) : CMSG_SPACE(sizeof(struct ucred))};
	ssize_t length = recvmsg(fd, &header, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct ucred sender;

	message->sender = 0;
	message->fd_count = 0;
	for (size_t at = 0; length >= 0 && at < header.msg_controllen;) {
		const struct cmsghdr *one = (const struct cmsghdr *)(control.space + at);

		if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&sender, CMSG_DATA(one), sizeof(sender));
			message->sender = sender.pid;
		} else if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_RIGHTS) {
			message->fd_count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(message->fds, CMSG_DATA(one), message->fd_count * sizeof(int));
		}
		at += CMSG_ALIGN(one->cmsg_len);
	}
	message->text[MAX(length, 0)] = '\0';
	return length > 0 && !(header.msg_flags & MSG_TRUNC);
}

static void fds_keep(struct unit *unit, const struct notify_message *message)
{
	char name[FD_NAME_MAX + 2] = "", poll[2] = "";

	if (!notify_value(message->text, "FDNAME", name, sizeof(name)) || !fd_name_is_valid(name))
		strcpy(name, "stored"); /* sd_notify(3) */
	notify_value(message->text, "FDPOLL", poll, sizeof(poll));
	fd_store_add(unit, message->fds, message->fd_count, name, *poll != '0');
}

/* Takes one message a wake-up, so that a service that floods does not keep others waiting. Only of who may
 * hand over descriptors they are taken at all. */
static void notify_ready(struct loop_source *source, uint32_t events)
{
	struct notify_socket *notify = CONTAINER_OF(source, struct notify_socket, source);
	struct notify_message message;
	struct unit *keeper = NULL;

	(void)events;
	if (message_receive(source->fd, MSG_PEEK, false, &message) && notify_has(message.text, "FDSTORE=1"))
		keeper = manager_fd_keeper(notify->manager, message.sender);
	if (!message_receive(source->fd, 0, keeper != NULL, &message))
		return;
	if (keeper)
		fds_keep(keeper, &message);
	manager_notified(notify->manager, message.sender, message.text);
}

int notify_listen(struct notify_socket *notify, struct loop *loop, struct manager *manager)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = NOTIFY_SOCKET_PATH};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	unlink(address.sun_path);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    chmod(address.sun_path,
		  0666)) /* services of other users; who may say what is decided by the sender */
		return -errno;
	notify->manager = manager;
	notify->source = (struct loop_source){.fd = TAKE_FD(fd), .ready = notify_ready};
	return loop_add(loop, &notify->source, EPOLLIN);
}

/* ---- to the host ---- */

int notify_address_parse(const char *text, struct notify_address *address)
{
	struct sockaddr_un unix_address = {.sun_family = AF_UNIX};
	size_t length = strlen(text);

	*address = (struct notify_address){0};
	if (!strncmp(text, "vsock:", 6))
		return text[6] == ':' ? -EINVAL /* everybody cannot be told */
				      : vsock_parse(text + 6, &address->address, &address->length);
	if ((*text != '/' && *text != '@') || length < 2 || length >= sizeof(unix_address.sun_path))
		return -EINVAL;
	memcpy(unix_address.sun_path, text, length);
	if (*text == '@')
		unix_address.sun_path[0] = '\0';
	memcpy(&address->address, &unix_address, sizeof(unix_address));
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return 0;
}

static void host_close(struct notify_host *host)
{
	if (host->source.fd < 0)
		return;
	loop_remove(host->loop, &host->source);
	close(host->source.fd);
	host->source.fd = -1;
}

/* The driver is not there yet (its module is being loaded), or the device has not found its host. */
static bool worth_retrying(int error)
{
	return error == EAFNOSUPPORT || error == ENODEV || error == ENETUNREACH || error == EADDRNOTAVAIL ||
	       error == ETIMEDOUT || error == ECONNRESET;
}

static void host_failed(struct notify_host *host, int error)
{
	host_close(host);
	if (worth_retrying(error) && clock_ms() < host->deadline_ms)
		loop_timer_set(host->loop, &host->retry, NOTIFY_RETRY_MS);
	else
		log_warning("cannot tell the host that %.*s: %s", (int)strcspn(host->message, "\n"),
			    host->message, strerror(error));
}

static void host_connected(struct loop_source *source, uint32_t events)
{
	struct notify_host *host = CONTAINER_OF(source, struct notify_host, source);
	socklen_t size = sizeof(int);
	int error = 0;

	(void)events;
	getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (!error && send(source->fd, host->message, strlen(host->message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		error = errno;
	if (error)
		host_failed(host, error);
	else
		host_close(host);
}

static void host_try(struct notify_host *host)
{
	int family = host->address.address.ss_family;
	int type = family == AF_UNIX ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	host_close(host);
	if (fd < 0) {
		host_failed(host, errno);
		return;
	}
	host->source = (struct loop_source){.fd = fd, .ready = host_connected};
	loop_add(host->loop, &host->source, EPOLLOUT);
	if (connect(fd, (struct sockaddr *)&host->address.address, host->address.length) &&
	    errno != EINPROGRESS)
		host_failed(host, errno);
}

static void host_retry(struct loop_timer *timer)
{
	host_try(CONTAINER_OF(timer, struct notify_host, retry));
}

void notify_host_init(struct notify_host *host, struct loop *loop, const struct notify_address *address)
{
	*host = (struct notify_host){
		.loop = loop, .address = *address, .source.fd = -1, .retry.expired = host_retry};
}

void notify_host_send(struct notify_host *host, const char *message)
{
	if (!host->address.length)
		return;
	snprintf(host->message, sizeof(host->message), "%s", message);
	loop_timer_clear(host->loop, &host->retry);
	host->deadline_ms = clock_ms() + NOTIFY_RETRY_FOR_MS;
	host_try(host);
}

void notify_host_flush(struct notify_host *host, uint64_t timeout_ms)
{
	uint64_t deadline = clock_ms() + timeout_ms;

	for (uint64_t now = clock_ms(); host->source.fd >= 0 && now < deadline; now = clock_ms())
		loop_step(host->loop, (int)(deadline - now));
}
