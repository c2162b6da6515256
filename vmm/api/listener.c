/* Where clients come in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "vmm/api/access.h"
#include "vmm/api/server.h"
#include "vmm/manager/local_socket.h"

#define ACCEPT_AGAIN_NS 200000000ULL
#define ACCEPTED_MAX    16 /* at a time; then it is others' turn in the loop */

/* Nothing was asked yet: the answer is to whatever is. Over TLS nobody could read it. */
static void turn_away(const struct api_listener *listener, int fd)
{
	static const char answer[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
		"Connection: close\r\nContent-Length: 180\r\n\r\n"
		"{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"unavailable\","
		"\"detail\":\"there are as many connections as can be served; try again when one has gone\"}    ";

	if (listener->daemon == &listener->api->plain &&
	    send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("api: a client went before it was turned away: %m");
	close(fd);
}

/* Takes fd over. */
static void take_client(struct api_listener *listener, int fd, const struct sockaddr *address, socklen_t len)
{
	struct api *api = listener->api;
	struct api_connection *connection = calloc(1, sizeof(*connection));
	uint32_t uid = 0;
	enum api_role role = listener->local ? access_of_socket(fd, &uid) : ROLE_NONE;
	struct api_peer *peer = peer_of(&api->peers, address, uid, monotonic_ns());

	if (!connection || !peer || api->connection_count >= API_CONNECTIONS_MAX ||
	    peer->connections >= API_PEER_CONNECTIONS_MAX) {
		log_limited(&api->turned_away, LOG_LEVEL_WARNING,
			    "api: a client is turned away: there are %u connections", api->connection_count);
		free(connection);
		turn_away(listener, fd);
		return;
	}
	*connection = (struct api_connection){
		.api = api,
		.daemon = listener->daemon,
		.peer = peer,
		.fd = fd,
		.local = listener->local,
		.role = role,
	};
	server_add(connection, address, len);
}

static void accept_again(struct loop_timer *timer)
{
	struct api *api = CONTAINER_OF(timer, struct api, accept_again);

	for (unsigned i = 0; i < api->listener_count; i++)
		loop_modify(api->loop, &api->listeners[i].source, EPOLLIN);
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct api_listener *listener = CONTAINER_OF(source, struct api_listener, source);
	struct api *api = listener->api;

	(void)events;
	for (unsigned i = 0; i < ACCEPTED_MAX; i++) {
		struct sockaddr_storage address = {0};
		socklen_t len = sizeof(address);
		int fd = accept4(source->fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take_client(listener, fd, (struct sockaddr *)&address, len);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN) { /* no descriptor is free: whoever waits must not keep us busy */
			log_limited(&api->turned_away, LOG_LEVEL_WARNING, "api: cannot take a client: %m");
			loop_modify(api->loop, source, 0);
			loop_timer_set(&api->accept_again, ACCEPT_AGAIN_NS, 0);
		}
		return;
	}
}

/* fd is taken over, or an error. */
static int listener_add(struct api *api, int fd, struct api_daemon *daemon, bool local, struct error *err)
{
	struct api_listener *listener = &api->listeners[api->listener_count];
	int code;

	if (fd < 0)
		return fd;
	*listener = (struct api_listener){
		.api = api,
		.daemon = daemon,
		.local = local,
		.source = {.fd = fd, .events = EPOLLIN, .ready = listener_ready},
	};
	api->listener_count++;
	code = loop_add(api->loop, &listener->source);
	return code < 0 ? error_set(err, code, "API: cannot watch a socket: %s", strerror(-code)) : 0;
}

int listeners_open(struct api *api, struct error *err)
{
	int code = loop_timer_init(api->loop, &api->accept_again, accept_again);

	if (code < 0)
		return error_set(err, code, "API: cannot make a timer: %s", strerror(-code));
	return listener_add(api, local_socket_listen("API socket", api->socket_path, false, err), &api->plain,
			    true, err);
}

void listeners_close(struct api *api)
{
	for (unsigned i = 0; i < api->listener_count; i++) {
		loop_remove(api->loop, &api->listeners[i].source);
		close(api->listeners[i].source.fd);
		if (api->listeners[i].local)
			unlink(api->socket_path);
	}
	api->listener_count = 0;
	loop_timer_close(api->loop, &api->accept_again);
}
