#include "rinit/control.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/system.h"

/* ---- replies ---- */

void control_client_close(struct control_client *client)
{
	struct loop *loop = &client->control->system->loop;

	loop_timer_clear(loop, &client->timer);
	loop_remove(loop, &client->source);
	close(client->source.fd);
	free(client->reply);
	*client = (struct control_client){.control = client->control, .source.fd = -1};
}

/* For whoever follows: only its hanging up is of interest until there are new lines. */
static void client_idle(struct control_client *client)
{
	struct loop *loop = &client->control->system->loop;

	client->follow.idle = true;
	loop_timer_clear(loop, &client->timer);
	loop_modify(loop, &client->source, EPOLLIN);
}

/* It takes no more for now; how long has it taken nothing? */
static void client_full(struct control_client *client)
{
	struct loop *loop = &client->control->system->loop;

	loop_modify(loop, &client->source, EPOLLOUT);
	if (!client->timer.armed)
		loop_timer_set(loop, &client->timer, CONTROL_TIMEOUT_MS);
}

void control_reply_send(struct control_client *client)
{
	client->follow.idle = false;
	do {
		while (client->sent < client->length) {
			size_t part = MIN(client->length - client->sent, (size_t)CONTROL_PACKET_MAX);
			ssize_t sent = send(client->source.fd, client->reply + client->sent, part,
					    MSG_DONTWAIT | MSG_NOSIGNAL);

			if (sent < 0 && errno == EAGAIN) {
				client_full(client);
				return;
			}
			if (sent < 0) {
				control_client_close(client);
				return;
			}
			client->sent += (size_t)sent;
			if (client->follow.on)
				loop_timer_clear(&client->control->system->loop, &client->timer);
		}
	} while (client->follow.on && control_log_fill(client));
	if (client->follow.packet)
		client_idle(client);
	else
		control_client_close(client);
}

void control_reply_text(struct control_client *client, enum control_code code, const char *text,
			size_t length)
{
	char head[16];
	int used = snprintf(head, sizeof(head), "%d\n", (int)code);

	client->unit = NULL;
	client->reply = malloc((size_t)used + length);
	if (!client->reply) {
		control_client_close(client);
		return;
	}
	memcpy(client->reply, head, (size_t)used);
	if (length)
		memcpy(client->reply + used, text, length);
	client->length = (size_t)used + length;
	loop_timer_set(&client->control->system->loop, &client->timer, CONTROL_TIMEOUT_MS);
	control_reply_send(client);
}

void control_reply(struct control_client *client, enum control_code code, const char *format, ...)
{
	char text[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	control_reply_text(client, code, text, MIN((size_t)MAX(length, 0), sizeof(text) - 1));
}

/* ---- what clients cost ---- */

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void window_over(struct loop_timer *timer)
{
	struct control *control = CONTAINER_OF(timer, struct control, window);

	if (control->busy_us >= CONTROL_WINDOW_BUSY_US)
		loop_modify(&control->system->loop, &control->listener, EPOLLIN);
	control->busy_us = 0;
}

static void work_done(struct control *control, uint64_t began_us)
{
	bool was_busy = control->busy_us >= CONTROL_WINDOW_BUSY_US;

	control->busy_us += now_us() - began_us;
	if (!control->window.armed)
		loop_timer_set(&control->system->loop, &control->window, CONTROL_WINDOW_MS);
	if (!was_busy && control->busy_us >= CONTROL_WINDOW_BUSY_US)
		loop_modify(&control->system->loop, &control->listener, 0);
}

/* ---- clients ---- */

static void client_read(struct control_client *client)
{
	char text[CONTROL_REQUEST_MAX];
	ssize_t length = recv(client->source.fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);

	/* One request each: whoever hangs up or says more while it waits is done with. */
	if (length <= 0 || client->unit || client->follow.idle)
		control_client_close(client);
	else
		control_answer(client, text, (size_t)length);
}

static void client_ready(struct loop_source *source, uint32_t events)
{
	struct control_client *client = CONTAINER_OF(source, struct control_client, source);
	struct control *control = client->control;
	uint64_t began_us = now_us();

	(void)events;
	if (client->reply && !client->follow.idle)
		control_reply_send(client);
	else
		client_read(client);
	work_done(control, began_us);
}

static void client_timeout(struct loop_timer *timer)
{
	struct control_client *client = CONTAINER_OF(timer, struct control_client, timer);

	if (client->follow.on)
		control_log_dropped(client);
	control_client_close(client);
}

/* A free place; the last ones are root's. */
static struct control_client *client_place(struct control *control, bool root)
{
	struct control_client *place = NULL;
	size_t others = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i].source.fd < 0)
			place = &control->clients[i];
		else
			others += !control->clients[i].root;
	}
	return root || others < CONTROL_OTHERS_MAX ? place : NULL;
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct control *control = CONTAINER_OF(source, struct control, listener);
	uint64_t began_us = now_us();
	AUTO_CLOSE int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);
	struct control_client *client;

	(void)events;
	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	client = client_place(control, peer.uid == 0);
	if (client) { /* else there are too many: this one is told by the closed connection */
		*client = (struct control_client){
			.control = control,
			.root = peer.uid == 0,
			.source = {.fd = TAKE_FD(fd), .ready = client_ready},
			.timer.expired = client_timeout,
		};
		loop_add(&control->system->loop, &client->source, EPOLLIN);
		loop_timer_set(&control->system->loop, &client->timer, CONTROL_TIMEOUT_MS);
	}
	work_done(control, began_us);
}

int control_listen(struct control *control, struct system *system)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET_PATH};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	control->system = system;
	control->window.expired = window_over;
	control_log_init(control);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i].source.fd = -1;
	if (fd < 0)
		return -errno;
	unlink(address.sun_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || chmod(address.sun_path, 0666) ||
	    listen(fd, CONTROL_CLIENTS_MAX))
		return -errno;
	control->listener = (struct loop_source){.fd = TAKE_FD(fd), .ready = listener_ready};
	return loop_add(&system->loop, &control->listener, EPOLLIN);
}
