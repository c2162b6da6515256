/* Where clients come in. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/api/problem.h"
#include "vmm/api/server.h"
#include "vmm/manager/local_socket.h"

#define BACKLOG         1024
#define ACCEPT_AGAIN_NS 200000000ULL
#define ACCEPTED_MAX    16 /* at a time; then it is others' turn in the loop */

/* Nothing was asked yet: the answer is to whatever is. Over TLS nobody could read it. */
static void turn_away(const struct api_listener *listener, int fd)
{
	const struct problem problem = {
		.status = MHD_HTTP_SERVICE_UNAVAILABLE,
		.detail = "there are as many connections as can be served; try again when one has gone",
	};
	cJSON *json = problem_to_json(&problem);
	AUTO_FREE char *body = cJSON_PrintUnformatted(json);
	char answer[1024];

	cJSON_Delete(json);
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 503 Service Unavailable\r\nContent-Type: " PROBLEM_TYPE "\r\nRetry-After: 1\r\n"
		 "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
		 body ? strlen(body) : 0, body ? body : "");
	if (listener->daemon == &listener->api->plain &&
	    send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("api: a client went before it was turned away: %m");
	close(fd);
}

/* One that has gone without a word shall not keep its place for hours. */
static void keep_alive(int fd)
{
	int on = 1, idle_s = 60, every_s = 15, times = 4;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

/* Takes fd over. */
static void take_client(struct api_listener *listener, int fd, const struct sockaddr *address, socklen_t len)
{
	struct api *api = listener->api;
	struct api_connection *connection = calloc(1, sizeof(*connection));
	uint32_t uid = 0;
	enum api_role role = listener->local ? access_of_socket(&api->access, fd, &uid) : ROLE_NONE;
	struct api_peer *peer = peer_of(&api->peers, address, uid, monotonic_ns());

	if (!connection || !peer || api->connection_count >= API_CONNECTIONS_MAX ||
	    peer->connections >= API_PEER_CONNECTIONS_MAX) {
		log_limited(&api->turned_away, LOG_LEVEL_WARNING,
			    "api: a client is turned away: there are %u connections", api->connection_count);
		free(connection);
		turn_away(listener, fd);
		return;
	}
	if (!listener->local)
		keep_alive(fd);
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

static int listen_at(const struct api_address *address, struct error *err)
{
	AUTO_CLOSE int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (address->address.ss_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	}
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address->address, address->len) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return error_set(err, -errno, "API: cannot listen at %s: %m", address->text);
	return TAKE_FD(fd);
}

/* Anybody may connect when the settings say who has which role: the socket's group is one. */
static int listen_local(struct api *api, struct error *err)
{
	const struct api_settings *settings = &api->manager->settings->api;
	bool everyone = false;

	for (unsigned role = ROLE_READ; role < ROLE_COUNT; role++)
		everyone = everyone || settings->groups[role];
	return local_socket_listen("API socket", api->socket_path, &api->manager->local_group, everyone, err);
}

int listeners_open(struct api *api, struct error *err)
{
	const struct api_settings *settings = &api->manager->settings->api;
	struct api_daemon *daemon = settings->certificate ? &api->tls : &api->plain;
	int code = loop_timer_init(api->loop, &api->accept_again, accept_again);

	if (code < 0)
		return error_set(err, code, "API: cannot make a timer: %s", strerror(-code));
	code = listener_add(api, listen_local(api, err), &api->plain, true, err);
	for (unsigned i = 0; code == 0 && i < settings->listen_count; i++)
		code = listener_add(api, listen_at(&settings->listen[i], err), daemon, false, err);
	return code;
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
