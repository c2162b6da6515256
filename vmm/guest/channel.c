#include "vmm/guest/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"

#define INPUT_BUFFER 4096

struct channel {
	struct chardev_backend backend;
	char *name;
	struct loop *loop;
	struct loop_source listener; /* fd -1: none */
	struct loop_source client;   /* fd -1: no program is there */
	bool leaving;                /* the program is gone; what it sent is still on its way */
	bool input_ended;
	struct loop_source told; /* eventfd: the device takes input again, or guest_open changed */
	_Atomic bool guest_open;
	bool guest_was_open;
	struct virtio_device *device;
	struct chardev_frontend *frontend;
	unsigned index;
	void (*changed)(void *owner);
	void *owner;
	size_t input_used, input_len;
	uint8_t input[INPUT_BUFFER];
};

/* --- The program --- */

/* Programs are taken while there is room for one. */
static void listener_update(struct channel *channel)
{
	bool ready = channel->device && (channel->client.fd < 0 || channel->leaving);

	if (channel->listener.fd >= 0)
		loop_modify(channel->loop, &channel->listener, ready ? EPOLLIN : 0);
}

/* A program that is gone says so for ever: it is not listened to any more. */
static void client_leaves(struct channel *channel)
{
	if (channel->leaving)
		return;
	channel->leaving = true;
	loop_remove(channel->loop, &channel->client);
	listener_update(channel);
}

static void client_drop(struct channel *channel)
{
	if (channel->client.fd < 0)
		return;
	client_leaves(channel);
	close(channel->client.fd);
	channel->client.fd = -1;
	channel->input_used = channel->input_len = 0;
	if (!channel->device)
		return;
	virtio_channels_set_open(channel->device, channel->index, false);
	channel->frontend->writable(channel->frontend); /* what waited for it is dropped */
	listener_update(channel);
}

static void client_watch(struct channel *channel, uint32_t events, bool wanted)
{
	uint32_t now = wanted ? channel->client.events | events : channel->client.events & ~events;

	if (!channel->leaving)
		loop_modify(channel->loop, &channel->client, now);
}

/* True when all that was read of the program is the guest's. */
static bool client_give(struct channel *channel)
{
	if (channel->input_used < channel->input_len)
		channel->input_used +=
			channel->frontend->input(channel->frontend, channel->input + channel->input_used,
						 channel->input_len - channel->input_used);
	return channel->input_used == channel->input_len;
}

/* 1: there is something; 0: not now; -1: the end. */
static int client_read(struct channel *channel)
{
	ssize_t got;

	do
		got = recv(channel->client.fd, channel->input, sizeof(channel->input), MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 && errno == EAGAIN ? 0 : -1;
	channel->input_used = 0;
	channel->input_len = (size_t)got;
	return 1;
}

/* Passes on what the program sends, as far as the guest takes it. One that has only ended its sending still
 * reads. */
static void client_pump(struct channel *channel)
{
	int more = 1;

	while (channel->client.fd >= 0 && client_give(channel) && !channel->input_ended &&
	       (more = client_read(channel)) > 0)
		;
	if (channel->client.fd < 0)
		return;
	channel->input_ended |= more < 0;
	if (channel->leaving && channel->input_used == channel->input_len && more <= 0)
		client_drop(channel);
	else
		client_watch(channel, EPOLLIN,
			     channel->input_used == channel->input_len && !channel->input_ended);
}

static void client_ready(struct loop_source *source, uint32_t events)
{
	struct channel *channel = CONTAINER_OF(source, struct channel, client);

	if (events & EPOLLOUT) {
		client_watch(channel, EPOLLOUT, false);
		channel->frontend->writable(channel->frontend);
	}
	if (events & (EPOLLHUP | EPOLLERR)) {
		client_leaves(channel);
		/* Nobody of the guest is there who could take the rest. */
		if (!channel_guest_open(channel)) {
			client_drop(channel);
			return;
		}
	}
	client_pump(channel);
}

static int client_take(struct channel *channel, int fd)
{
	int code;

	client_drop(channel); /* one that has left already */
	channel->client = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = client_ready};
	code = loop_add(channel->loop, &channel->client);
	if (code < 0) {
		channel->client.fd = -1;
		return code;
	}
	channel->leaving = false;
	channel->input_ended = false;
	listener_update(channel);
	virtio_channels_set_open(channel->device, channel->index, true);
	return 0;
}

int channel_add_client(struct channel *channel, int fd, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);
	int code;

	if (!channel->device || (channel->client.fd >= 0 && !channel->leaving))
		return error_set(err, -EBUSY, "channel %s: another program is connected", channel->name);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_set(err, -errno, "channel %s: client is not usable: %m", channel->name);
	code = client_take(channel, fd);
	return code < 0 ? error_set(err, code, "channel %s: cannot watch a client: %s", channel->name,
				    strerror(-code))
			: 0;
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct channel *channel = CONTAINER_OF(source, struct channel, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0 && client_take(channel, fd) < 0)
		close(fd);
}

/* --- The device --- */

static size_t channel_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct channel *channel = CONTAINER_OF(backend, struct channel, backend);
	ssize_t sent;

	if (channel->client.fd < 0 || channel->leaving)
		return len;
	do
		sent = send(channel->client.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return len; /* it is gone, and its end is about to be seen */
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < len)
		client_watch(channel, EPOLLOUT, true);
	return (size_t)sent;
}

static void channel_tell(struct channel *channel)
{
	uint64_t one = 1;

	if (write(channel->told.fd, &one, sizeof(one)) < 0)
		return; /* full: it is already told */
}

static void channel_readable(struct chardev_backend *backend)
{
	channel_tell(CONTAINER_OF(backend, struct channel, backend));
}

static void channel_opened(struct chardev_backend *backend, bool open)
{
	struct channel *channel = CONTAINER_OF(backend, struct channel, backend);

	atomic_store(&channel->guest_open, open);
	channel_tell(channel);
}

static void told_ready(struct loop_source *source, uint32_t events)
{
	struct channel *channel = CONTAINER_OF(source, struct channel, told);
	bool open = channel_guest_open(channel);
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) != sizeof(count))
		return;
	if (channel->guest_was_open != open && channel->changed)
		channel->changed(channel->owner);
	channel->guest_was_open = open;
	if (channel->client.fd >= 0 && channel->leaving && !open)
		client_drop(channel);
	else if (channel->client.fd >= 0)
		client_pump(channel);
}

/* --- The whole --- */

static int channel_attach(struct channel *channel, int listen_fd)
{
	int code;

	channel->told = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = told_ready,
	};
	code = channel->told.fd < 0 ? -errno : loop_add(channel->loop, &channel->told);
	if (code < 0 || listen_fd < 0)
		return code;
	channel->listener = (struct loop_source){.fd = listen_fd, .events = 0, .ready = listener_ready};
	code = loop_add(channel->loop, &channel->listener);
	if (code < 0) {
		channel->listener.fd = -1;
		loop_remove(channel->loop, &channel->told);
	}
	return code;
}

struct channel *channel_create(const char *name, int listen_fd, struct loop *loop, struct error *err)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	int code = channel ? 0 : -ENOMEM;

	if (code == 0) {
		channel->backend =
			(struct chardev_backend){.output = channel_output, .readable = channel_readable};
		channel->loop = loop;
		channel->listener.fd = channel->client.fd = channel->told.fd = -1;
		channel->name = strdup(name);
		code = channel->name ? channel_attach(channel, listen_fd) : -ENOMEM;
	}
	if (code == 0)
		return channel;
	error_set(err, code, "channel %s: cannot be made: %s", name, strerror(-code));
	if (channel && channel->told.fd >= 0)
		close(channel->told.fd);
	if (channel)
		free(channel->name);
	free(channel);
	return NULL;
}

void channel_destroy(struct channel *channel)
{
	if (!channel)
		return;
	channel->device = NULL;
	client_drop(channel);
	if (channel->listener.fd >= 0) {
		loop_remove(channel->loop, &channel->listener);
		close(channel->listener.fd);
	}
	loop_remove(channel->loop, &channel->told);
	close(channel->told.fd);
	free(channel->name);
	free(channel);
}

struct virtio_channel channel_describe(struct channel *channel)
{
	return (struct virtio_channel){
		.name = channel->name,
		.backend = &channel->backend,
		.opened = channel_opened,
	};
}

void channel_connect(struct channel *channel, struct virtio_device *device, unsigned index)
{
	channel->device = device;
	channel->index = index;
	channel->frontend = device ? virtio_channels_frontend(device, index) : NULL;
	if (!device)
		client_drop(channel);
	listener_update(channel);
}

const char *channel_name(const struct channel *channel)
{
	return channel->name;
}

bool channel_guest_open(const struct channel *channel)
{
	return atomic_load(&channel->guest_open);
}

void channel_watch(struct channel *channel, void (*changed)(void *owner), void *owner)
{
	channel->changed = changed;
	channel->owner = owner;
}
