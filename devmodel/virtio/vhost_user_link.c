/* Back ends that come and go. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/vhost_user_front.h"

#define NS_PER_MS 1000000ULL

/* --- A back end that is gone --- */

void vhost_user_link_reject(struct vhost_user *front)
{
	/* Of one that has died by itself he knows, who looks after it; when he is gone the channel's end says
	 * so. */
	if (front->channel.fd >= 0)
		send(front->channel.fd, &front->number, sizeof(front->number), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The lock is held. The end of the connection is the end of a process, or to be made that. */
static void link_drop(struct vhost_user *front)
{
	if (front->link.fd < 0)
		return;
	if (front->watched)
		loop_remove(front->loop, &front->link);
	close(front->link.fd);
	front->link.fd = -1;
	front->serving = front->stuck = false;
	front->gone = !front->reconnect || front->channel.fd < 0;
	vhost_user_link_reject(front);
	loop_timer_clear(&front->patience);
}

/* All that it has answered, or never will. */
static void tell_all(struct vhost_user *front)
{
	for (unsigned i = 0; i < front->queue_count; i++)
		front->answered(front->owner, i);
}

static void link_lost(struct vhost_user *front, const char *why)
{
	bool gone;

	pthread_mutex_lock(&front->lock);
	link_drop(front);
	gone = front->gone;
	log_limited(&front->log_limit, LOG_LEVEL_WARNING, "%s; %s", why,
		    gone ? front->when_gone : "the guest's requests wait for the next one");
	pthread_mutex_unlock(&front->lock);
	tell_all(front);
}

static void patience_ended(struct loop_timer *timer)
{
	struct vhost_user *front = CONTAINER_OF(timer, struct vhost_user, patience);
	struct error why;
	bool late;

	pthread_mutex_lock(&front->lock);
	late = front->link.fd >= 0 && front->awaited != VHOST_USER_NONE;
	error_set(&why, -ETIMEDOUT, "%s: its back end does not answer message %d", front->name,
		  (int)front->awaited);
	pthread_mutex_unlock(&front->lock);
	if (late)
		link_lost(front, why.text);
}

/* --- One that is there --- */

/* It serves from now on: first what the one before has left. The lock is held. */
static int link_serve(struct vhost_user *front, struct error *err)
{
	unsigned count = 0;
	uint64_t one = 1;

	for (unsigned i = 0; i < front->queue_count; i++) {
		if (write(front->queues[i].kick, &one, sizeof(one)) < 0)
			continue; /* it counts to 2^64: enough kicks are pending */
		count += front->queues[i].ring.busy;
	}
	front->serving = true;
	loop_timer_clear(&front->patience);
	if (count)
		log_limited(&front->log_limit, LOG_LEVEL_WARNING,
			    "%s: its back end is back; %u requests were put to it again", front->name, count);
	if (!front->fetch_again)
		return 0;
	front->fetch_again = false;
	return vhost_user_setup_fetch(front, err);
}

/* 0: nothing more came; 2: the configuration is there anew. */
static int link_take(struct vhost_user *front, struct error *err)
{
	bool changed = false;
	int code;

	while ((code = vhost_user_receive(front->link.fd, &front->inbox)) == 1) {
		code = vhost_user_setup_go_on(front, err);
		vhost_user_inbox_clear(&front->inbox);
		if (code < 0)
			return code;
		if (code == 1)
			code = link_serve(front, err);
		if (code < 0)
			return code;
		changed |= code == 2;
	}
	if (code < 0)
		return error_set(err, code, "%s: its back end %s", front->name,
				 code == -EPIPE ? "has ended" : "sends what is no message");
	return changed ? 2 : 0;
}

static void link_ready(struct loop_source *source, uint32_t events)
{
	struct vhost_user *front = CONTAINER_OF(source, struct vhost_user, link);
	struct error why;
	int code;

	(void)events;
	pthread_mutex_lock(&front->lock);
	code = front->link.fd < 0 ? 0 : link_take(front, &why);
	if (code == 2 && front->awaited == VHOST_USER_NONE)
		loop_timer_clear(&front->patience);
	pthread_mutex_unlock(&front->lock);
	if (code < 0)
		link_lost(front, why.text);
	if (code == 2 && front->changed)
		front->changed(front->owner);
}

/* What the one before has left of its own requests. */
static void backend_forget(struct vhost_user *front)
{
	uint8_t bytes[512];
	unsigned tries = 256; /* more than a socket holds of such messages */

	while (tries-- && recv(front->backend.fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		continue;
}

/* What its predecessor left is collected first, and the rest is put anew once it serves. The lock is held,
 * but for the first one, of which nobody hears yet. */
static int link_begin(struct vhost_user *front, int fd, struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < front->queue_count; i++) {
		vhost_user_ring_renew(&front->queues[i].ring);
		front->queues[i].broken = false;
	}
	backend_forget(front);
	front->link = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = link_ready};
	if (front->watched)
		code = loop_add(front->loop, &front->link);
	if (code < 0) {
		front->link.fd = -1;
		close(fd);
		return error_set(err, code, "%s: cannot watch its back end: %s", front->name,
				 strerror(-code));
	}
	if (front->watched)
		loop_timer_set(&front->patience, VHOST_USER_PATIENCE_MS * NS_PER_MS, 0);
	return vhost_user_setup_begin(front, err);
}

/* --- Requests of its own --- */

static void backend_request(struct vhost_user *front, struct error *err, int *code)
{
	struct vhost_user_message *message = &front->backend_inbox.message;
	struct vhost_user_message reply = {
		.header = {.type = message->header.type, .flags = VHOST_USER_REPLY, .size = sizeof(uint64_t)},
	};

	if (message->header.type != VHOST_USER_BACKEND_CONFIG_CHANGE)
		reply.payload.number = ENOTSUP;
	else if (!front->serving || front->awaited != VHOST_USER_NONE)
		front->fetch_again = true;
	else if ((*code = vhost_user_setup_fetch(front, err)) == 0)
		/* Not for a request that comes while an answer is waited for: who goes on asking has no more
		 * time to answer. */
		loop_timer_set(&front->patience, VHOST_USER_PATIENCE_MS * NS_PER_MS, 0);
	if (message->header.flags & VHOST_USER_NEED_REPLY)
		vhost_user_send(front->backend.fd, &reply, NULL,
				0); /* if it does not read, it does not read */
}

static void backend_ready(struct loop_source *source, uint32_t events)
{
	struct vhost_user *front = CONTAINER_OF(source, struct vhost_user, backend);
	struct error why;
	int code = 0;

	(void)events;
	pthread_mutex_lock(&front->lock);
	for (unsigned i = 0; i < 8 && code == 0; i++) { /* one that never stops is heard again later */
		code = vhost_user_receive(source->fd, &front->backend_inbox);
		if (code <= 0)
			break;
		code = 0;
		if (front->link.fd >= 0) /* else the last words of a dead one */
			backend_request(front, &why, &code);
		vhost_user_inbox_clear(&front->backend_inbox);
	}
	if (code < 0)
		vhost_user_inbox_clear(&front->backend_inbox);
	code = code < 0 && front->link.fd >= 0 ? code : 0;
	if (code == -EPROTO)
		error_set(&why, code, "%s: its back end sends what is no message", front->name);
	pthread_mutex_unlock(&front->lock);
	if (code < 0)
		link_lost(front, why.text);
}

/* --- The channel --- */

struct channel_message {
	union {
		uint32_t number;
		char text[256];
	};
};

/* The descriptor that came, or NO_CONNECTION and a text; -EAGAIN, -EPIPE. */
#define NO_CONNECTION (-1)

static int channel_read(int channel, struct channel_message *message)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} rights;
	struct iovec iov = {.iov_base = message->text, .iov_len = sizeof(message->text) - 1};
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof(rights)};
	ssize_t got = recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *item;
	int fd = NO_CONNECTION;

	_Static_assert(EAGAIN != 1 && EPIPE != 1, "no error is taken for it");
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -EPIPE;
	message->text[got] = '\0';
	item = CMSG_FIRSTHDR(&header);
	if (item && item->cmsg_type == SCM_RIGHTS && item->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(item), sizeof(fd));
	if (fd >= 0 && got != sizeof(message->number)) {
		close(fd);
		return -EAGAIN;
	}
	return got == 0 && fd < 0 ? -EPIPE : fd;
}

static void channel_end(struct vhost_user *front)
{
	pthread_mutex_lock(&front->lock);
	loop_remove(front->loop, &front->channel);
	close(front->channel.fd);
	front->channel.fd = -1;
	front->gone |= front->link.fd < 0;
	pthread_mutex_unlock(&front->lock);
	tell_all(front);
}

static void channel_ready(struct loop_source *source, uint32_t events)
{
	struct vhost_user *front = CONTAINER_OF(source, struct vhost_user, channel);
	struct error why;
	struct channel_message message;
	int fd = channel_read(source->fd, &message);
	int code;

	(void)events;
	if (fd == -EPIPE)
		channel_end(front);
	if (fd == NO_CONNECTION)
		log_limited(&front->log_limit, LOG_LEVEL_WARNING, "%s: %s", front->name, message.text);
	if (fd < 0)
		return;
	pthread_mutex_lock(&front->lock);
	link_drop(front);
	pthread_mutex_unlock(&front->lock);
	tell_all(front); /* before the ring is begun anew */
	pthread_mutex_lock(&front->lock);
	front->gone = false;
	front->number = message.number;
	code = link_begin(front, fd, &why);
	pthread_mutex_unlock(&front->lock);
	if (code < 0)
		link_lost(front, why.text);
}

/* --- The first one --- */

static int wait_readable(int fd, uint64_t until)
{
	uint64_t now = monotonic_ms();
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return now < until && poll(&wait, 1, (int)(until - now)) > 0 ? 0 : -ETIMEDOUT;
}

/* The next connection; what was said of those that did not come is the reason if none does. */
static int first_connection(struct vhost_user *front, uint64_t until, struct error *err)
{
	struct channel_message message;
	int fd = NO_CONNECTION;

	error_set(err, -EPIPE, "%s: its back end has ended", front->name);
	while (fd < 0) {
		if (wait_readable(front->channel.fd, until) < 0)
			return error_set(err, -ETIMEDOUT, "%s: its back end does not start", front->name);
		fd = channel_read(front->channel.fd, &message);
		if (fd == NO_CONNECTION)
			error_set(err, -EIO, "%s: %s", front->name, message.text);
		if (fd == -EPIPE)
			return -EPIPE;
	}
	front->number = message.number;
	return fd;
}

static int first_setup(struct vhost_user *front, uint64_t until, struct error *err)
{
	int code = 0;

	while (code >= 0 && !front->serving) {
		if (wait_readable(front->link.fd, until) < 0)
			return error_set(err, -ETIMEDOUT, "%s: its back end does not answer message %d",
					 front->name, (int)front->awaited);
		code = link_take(front, err);
	}
	return MIN(code, 0);
}

int vhost_user_link_prepare(struct vhost_user *front, struct error *err)
{
	int code = loop_timer_init(front->loop, &front->patience, patience_ended);
	int ends[2];

	if (code < 0) {
		front->patience.source.fd = -1;
		return error_set(err, code, "%s: cannot make a timer: %s", front->name, strerror(-code));
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set(err, -errno, "%s: cannot make a socket for its back end: %m", front->name);
	front->backend = (struct loop_source){.fd = ends[0], .events = EPOLLIN, .ready = backend_ready};
	front->backend_theirs = ends[1];
	return 0;
}

/* -EAGAIN: it has died meanwhile, and there may be another. */
static int first_try(struct vhost_user *front, uint64_t until, struct error *err)
{
	int fd = first_connection(front, until, err);
	int code;

	if (fd < 0)
		return fd;
	code = link_begin(front, fd, err);
	if (code == 0)
		code = first_setup(front, until, err);
	if (code != -EPIPE || !front->reconnect)
		return code;
	link_drop(front);
	return -EAGAIN;
}

int vhost_user_link_watch(struct vhost_user *front, struct error *err)
{
	int code;

	front->channel.events = EPOLLIN;
	front->channel.ready = channel_ready;
	front->watched = true;
	code = loop_add(front->loop, &front->channel);
	if (code == 0)
		code = loop_add(front->loop, &front->backend);
	for (unsigned i = 0; i < front->queue_count && code == 0; i++)
		code = loop_add(front->loop, &front->queues[i].call);
	if (code == 0)
		code = loop_add(front->loop, &front->link);
	return code < 0 ? error_set(err, code, "%s: cannot watch its back end: %s", front->name,
				    strerror(-code))
			: 0;
}

int vhost_user_link_open(struct vhost_user *front, struct error *err)
{
	uint64_t until = monotonic_ms() + VHOST_USER_PATIENCE_MS;
	int code;

	do
		code = first_try(front, until, err);
	while (code == -EAGAIN);
	if (code < 0)
		return code;
	front->gone = false;
	return 0;
}

/* The end of the channel comes once the back end has put everything away, and ended. */
static void channel_close(struct vhost_user *front)
{
	uint64_t until = monotonic_ms() + VHOST_USER_PATIENCE_MS;
	struct channel_message message;
	int fd;

	if (front->watched)
		loop_remove(front->loop, &front->channel);
	shutdown(front->channel.fd, SHUT_WR);
	while (wait_readable(front->channel.fd, until) == 0) {
		fd = channel_read(front->channel.fd, &message);
		if (fd >= 0)
			close(fd);
		if (fd == -EPIPE)
			break;
	}
}

static void source_close(struct vhost_user *front, struct loop_source *source)
{
	if (source->fd < 0)
		return;
	if (front->watched)
		loop_remove(front->loop, source);
	close(source->fd);
	source->fd = -1;
}

void vhost_user_link_close(struct vhost_user *front)
{
	source_close(front, &front->link);
	if (front->channel.fd >= 0)
		channel_close(front);
	source_close(front, &front->channel);
	source_close(front, &front->backend);
	cleanup_close(&front->backend_theirs);
	if (front->patience.source.fd >= 0)
		loop_timer_close(front->loop, &front->patience);
}
