#include "vmm/guest/console_hub.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

#define ESCAPE_KEY   0x1d /* Ctrl-] */
#define INPUT_BUFFER 256

struct hub_client {
	struct console_hub *hub; /* NULL: this place is free */
	bool terminal;
	bool in_polled, out_polled; /* epoll refuses regular files: those are always ready */
	struct loop_source in, out; /* fd -1: none */
	uint64_t cursor;            /* the next byte of the stream to write */
	uint64_t lost;              /* bytes it was too slow for and has not been told of */
	size_t input_used, input_len;
	uint8_t input[INPUT_BUFFER];
};

struct console_hub {
	struct console_hub_config config;
	struct chardev_backend backend;
	struct chardev_frontend *frontend;
	struct loop_source readable; /* eventfd: the device takes input again */
	bool device_waits;           /* it was refused some output */
	uint64_t head;               /* bytes that ever came */
	struct hub_client clients[HUB_CLIENTS_MAX];
	uint8_t ring[HUB_RING];
};

static void client_remove(struct hub_client *client)
{
	struct loop *loop = client->hub->config.loop;

	if (client->in.fd >= 0 && client->in_polled)
		loop_remove(loop, &client->in);
	if (client->out.fd >= 0 && client->out_polled)
		loop_remove(loop, &client->out);
	if (client->in.fd >= 0)
		close(client->in.fd);
	if (client->out.fd >= 0)
		close(client->out.fd);
	client->hub = NULL;
}

/* A slow client continues with the oldest byte that is still there, once it has taken the notice; false until
 * then. */
static bool client_catch_up(struct hub_client *client)
{
	uint64_t oldest = client->hub->head > HUB_RING ? client->hub->head - HUB_RING : 0;
	char notice[64];
	int len;

	if (client->cursor < oldest) {
		client->lost += oldest - client->cursor;
		client->cursor = oldest;
	}
	if (client->lost == 0)
		return true;
	len = snprintf(notice, sizeof(notice), "\r\n[%llu bytes left out]\r\n",
		       (unsigned long long)client->lost);
	if (send(client->out.fd, notice, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN)
		return false;
	client->lost = 0;
	return true;
}

/* Writes what the client will take; false when the client is gone. */
static bool client_write(struct hub_client *client)
{
	struct console_hub *hub = client->hub;

	bool ready = client->terminal || client_catch_up(client);

	while (ready && client->cursor < hub->head) {
		size_t start = client->cursor % HUB_RING;
		size_t len = MIN(HUB_RING - start, (size_t)(hub->head - client->cursor));
		ssize_t wrote = write(client->out.fd, hub->ring + start, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno != EAGAIN) {
			client_remove(client);
			return false;
		}
		if (wrote <= 0)
			break;
		client->cursor += (uint64_t)wrote;
	}
	if (client->out_polled)
		loop_modify(hub->config.loop, &client->out,
			    !ready || client->cursor < hub->head ? EPOLLOUT : 0);
	return true;
}

/* Bytes that may come without overtaking the terminal. */
static size_t hub_room(const struct console_hub *hub)
{
	uint64_t slowest = hub->head;

	for (unsigned i = 0; i < HUB_CLIENTS_MAX; i++) {
		const struct hub_client *client = &hub->clients[i];

		if (client->hub && client->terminal && client->cursor < slowest)
			slowest = client->cursor;
	}
	return HUB_RING - (size_t)(hub->head - slowest);
}

/* Takes `take` bytes, for which there is room, and hands it to the clients. */
static void hub_take(struct console_hub *hub, const uint8_t *data, size_t take)
{
	for (size_t done = 0; done < take;) {
		size_t start = hub->head % HUB_RING;
		size_t part = MIN(take - done, HUB_RING - start);

		memcpy(hub->ring + start, data + done, part);
		hub->head += part;
		done += part;
	}
	if (hub->config.log)
		console_log_add(hub->config.log, data, take);
	for (unsigned i = 0; i < HUB_CLIENTS_MAX; i++) {
		if (hub->clients[i].hub)
			client_write(&hub->clients[i]);
	}
}

/* Refuses only while the terminal is behind: its EPOLLOUT is then sure to come, and to tell the device. */
static size_t hub_output(struct chardev_backend *backend, const uint8_t *data, size_t len)
{
	struct console_hub *hub = CONTAINER_OF(backend, struct console_hub, backend);
	size_t taken = 0;
	size_t room;

	if (hub->head == 0 && len > 0 && hub->config.first_output)
		hub->config.first_output(hub->config.owner);
	while (taken < len && (room = hub_room(hub)) > 0) {
		size_t take = MIN(len - taken, room);

		hub_take(hub, data + taken, take);
		taken += take;
	}
	hub->device_waits = taken < len;
	return taken;
}

static void hub_tell_writable(struct console_hub *hub)
{
	if (!hub->device_waits || !hub->frontend || hub_room(hub) == 0)
		return;
	hub->device_waits = false;
	hub->frontend->writable(hub->frontend);
}

static void client_out_ready(struct loop_source *source, uint32_t events)
{
	struct hub_client *client = CONTAINER_OF(source, struct hub_client, out);
	struct console_hub *hub = client->hub;

	if (events & EPOLLOUT)
		client_write(client);
	else
		client_remove(client);
	hub_tell_writable(hub);
}

/* Hands buffered input to the device; true when all of it went. */
static bool client_give_input(struct hub_client *client)
{
	struct chardev_frontend *frontend = client->hub->frontend;

	if (client->input_used < client->input_len && frontend)
		client->input_used += frontend->input(frontend, client->input + client->input_used,
						      client->input_len - client->input_used);
	return client->input_used == client->input_len;
}

/* Takes Ctrl-] out of the terminal's input. */
static void client_scan_escape(struct hub_client *client)
{
	struct console_hub *hub = client->hub;
	size_t kept = 0;

	for (size_t i = 0; i < client->input_len; i++) {
		if (client->input[i] == ESCAPE_KEY)
			hub->config.escape(hub->config.owner);
		else
			client->input[kept++] = client->input[i];
	}
	client->input_len = kept;
}

/* read(2), but never waits: a terminal that could not be opened anew, or a socket, is in blocking mode. */
static ssize_t client_fetch(struct hub_client *client)
{
	struct pollfd wait = {.fd = client->in.fd, .events = POLLIN};

	if (client->in_polled && poll(&wait, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return read(client->in.fd, client->input, sizeof(client->input));
}

/* Reads until there is no more or the device takes no more. */
static void client_read(struct hub_client *client)
{
	struct console_hub *hub = client->hub;

	while (client_give_input(client)) {
		ssize_t got = client_fetch(client);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN) {
			if (client->in_polled)
				loop_modify(hub->config.loop, &client->in, EPOLLIN);
			return;
		}
		if (got <= 0 && !client->terminal) {
			client_remove(client);
			return;
		}
		if (got <= 0) { /* the end of the terminal's input is not the end of its output */
			if (client->in_polled)
				loop_remove(hub->config.loop, &client->in);
			close(client->in.fd);
			client->in.fd = -1;
			return;
		}
		client->input_used = 0;
		client->input_len = (size_t)got;
		if (client->terminal && hub->config.escape)
			client_scan_escape(client);
		if (client->in_polled) { /* others' turn; epoll calls again */
			client_give_input(client);
			break;
		}
	}
	if (client->in_polled)
		loop_modify(hub->config.loop, &client->in,
			    client->input_used < client->input_len ? 0 : EPOLLIN);
}

static void client_in_ready(struct loop_source *source, uint32_t events)
{
	struct hub_client *client = CONTAINER_OF(source, struct hub_client, in);

	/* While input waits for the device nothing but a hang-up arrives here. */
	if (!(events & EPOLLIN) && client->input_used < client->input_len)
		client_remove(client);
	else
		client_read(client);
}

static void hub_readable(struct chardev_backend *backend)
{
	struct console_hub *hub = CONTAINER_OF(backend, struct console_hub, backend);
	uint64_t one = 1;

	if (write(hub->readable.fd, &one, sizeof(one)) < 0)
		return; /* full: it is already told */
}

static void hub_pump_input(struct console_hub *hub)
{
	for (unsigned i = 0; i < HUB_CLIENTS_MAX; i++) {
		if (hub->clients[i].hub && hub->clients[i].in.fd >= 0)
			client_read(&hub->clients[i]);
	}
}

static void readable_ready(struct loop_source *source, uint32_t events)
{
	struct console_hub *hub = CONTAINER_OF(source, struct console_hub, readable);
	uint64_t count;

	(void)events;
	if (read(source->fd, &count, sizeof(count)) == sizeof(count))
		hub_pump_input(hub);
}

struct console_hub *console_hub_create(const struct console_hub_config *config, struct error *err)
{
	struct console_hub *hub = calloc(1, sizeof(*hub));
	int code;

	if (!hub) {
		error_set(err, -ENOMEM, "console: out of memory");
		return NULL;
	}
	hub->config = *config;
	hub->backend = (struct chardev_backend){.output = hub_output, .readable = hub_readable};
	hub->readable = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = readable_ready,
	};
	code = hub->readable.fd < 0 ? -errno : loop_add(config->loop, &hub->readable);
	if (code < 0) {
		error_set(err, code, "console: cannot make its event: %s", strerror(-code));
		if (hub->readable.fd >= 0)
			close(hub->readable.fd);
		free(hub);
		return NULL;
	}
	return hub;
}

void console_hub_destroy(struct console_hub *hub)
{
	if (!hub)
		return;
	for (unsigned i = 0; i < HUB_CLIENTS_MAX; i++) {
		if (hub->clients[i].hub)
			client_remove(&hub->clients[i]);
	}
	loop_remove(hub->config.loop, &hub->readable);
	close(hub->readable.fd);
	free(hub);
}

struct chardev_backend *console_hub_backend(struct console_hub *hub)
{
	return &hub->backend;
}

void console_hub_connect(struct console_hub *hub, struct chardev_frontend *frontend)
{
	hub->frontend = frontend;
	hub_pump_input(hub);
}

static struct hub_client *client_place(struct console_hub *hub)
{
	for (unsigned i = 0; i < HUB_CLIENTS_MAX; i++) {
		if (!hub->clients[i].hub)
			return &hub->clients[i];
	}
	return NULL;
}

/* Adds a source to the loop; *polled is false for a file that is always ready. */
static int client_poll(struct console_hub *hub, struct loop_source *source, bool *polled)
{
	int code = source->fd >= 0 ? loop_add(hub->config.loop, source) : -EPERM;

	*polled = code == 0;
	return code == -EPERM ? 0 : code;
}

/* Takes both descriptors over, on failure too. */
static int client_add(struct console_hub *hub, int in_fd, int out_fd, bool terminal, struct error *err)
{
	struct hub_client *client = client_place(hub);
	int code;

	if (!client) {
		if (in_fd >= 0)
			close(in_fd);
		if (out_fd >= 0)
			close(out_fd);
		return error_set(err, -EBUSY, "console: %d clients are connected, no more are possible",
				 HUB_CLIENTS_MAX);
	}
	*client = (struct hub_client){
		.hub = hub,
		.terminal = terminal,
		.in = {.fd = in_fd, .events = EPOLLIN, .ready = client_in_ready},
		.out = {.fd = out_fd, .events = 0, .ready = client_out_ready},
		.cursor = hub->head > HUB_RING ? hub->head - HUB_RING : 0,
	};
	code = client_poll(hub, &client->in, &client->in_polled);
	if (code == 0)
		code = client_poll(hub, &client->out, &client->out_polled);
	if (code < 0) {
		client_remove(client);
		return error_set(err, code, "console: cannot watch a client: %s", strerror(-code));
	}
	if (client_write(client) && !client->in_polled && in_fd >= 0)
		client_read(client);
	return 0;
}

int console_hub_add_client(struct console_hub *hub, int fd, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);
	int out;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		int code = error_set(err, -errno, "console: client is not usable: %m");

		close(fd);
		return code;
	}
	out = fcntl(fd, F_DUPFD_CLOEXEC,
		    0); /* epoll knows a descriptor once: reading and writing get one each */
	if (out < 0) {
		int code = error_set(err, -errno, "console: cannot take a client: %m");

		close(fd);
		return code;
	}
	return client_add(hub, fd, out, false, err);
}

/*
 * The terminal's descriptors are shared with whoever started us: to write without blocking we open the same
 * terminal or pipe anew instead of changing the shared one. Regular files never block and keep the shared
 * offset.
 */
static int terminal_open(int fd, int flags)
{
	char path[64];
	struct stat status;
	int opened = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && (S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		opened = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	return opened >= 0 ? opened : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

int console_hub_add_terminal(struct console_hub *hub, int in_fd, int out_fd, struct error *err)
{
	return client_add(hub, terminal_open(in_fd, O_RDONLY), terminal_open(out_fd, O_WRONLY), true, err);
}

static bool terminal_pending(struct console_hub *hub, struct pollfd *wait)
{
	for (unsigned i = 0; i < HUB_CLIENTS_MAX; i++) {
		struct hub_client *client = &hub->clients[i];

		if (!client->hub || !client->terminal || !client_write(client) || client->cursor == hub->head)
			continue;
		*wait = (struct pollfd){.fd = client->out.fd, .events = POLLOUT};
		return true;
	}
	return false;
}

void console_hub_flush(struct console_hub *hub, int timeout_ms)
{
	struct timespec start, now;
	struct pollfd wait;
	int left = timeout_ms;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (left > 0 && terminal_pending(hub, &wait)) {
		poll(&wait, 1, left);
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = timeout_ms -
		       (int)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
	}
}

size_t console_hub_tail(const struct console_hub *hub, char *into, size_t len)
{
	size_t kept = MIN((size_t)hub->head, (size_t)HUB_RING);
	size_t have = MIN(len, kept);

	for (size_t i = 0; i < have; i++)
		into[i] = (char)hub->ring[(hub->head - have + i) % HUB_RING];
	return have;
}
