#include "vmm/api/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/api/api.h"
#include "vmm/api/exchange.h"

#define NS_PER_SECOND 1000000000ULL
#define SWEEP_NS      NS_PER_SECOND
#define ROUNDS_MAX    8 /* then it is others' turn in the loop */

/* --- libmicrohttpd in the loop --- */

static void daemon_run(struct api_daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms = 1;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		MHD_run(daemon->mhd);
		if (MHD_get_timeout(daemon->mhd, &timeout_ms) == MHD_NO || timeout_ms > 0)
			return;
	}
	server_kick(daemon);
}

static void daemon_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	daemon_run(CONTAINER_OF(source, struct api_daemon, source));
}

static void daemon_again(struct loop_timer *timer)
{
	daemon_run(CONTAINER_OF(timer, struct api_daemon, again));
}

void server_kick(struct api_daemon *daemon)
{
	loop_timer_set(&daemon->again, 0, 0);
}

static void log_message(void *owner, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void log_message(void *owner, const char *format, va_list args)
{
	char text[256];

	(void)owner;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("api: %s", text);
}

/* Targets are taken apart as they come: path.c. */
static size_t leave_escaped(void *owner, struct MHD_Connection *connection, char *text)
{
	(void)owner;
	(void)connection;
	return strlen(text);
}

/* --- Connections --- */

void connection_allow(struct api_connection *connection, unsigned seconds)
{
	connection->deadline_ns = seconds ? monotonic_ns() + seconds * NS_PER_SECOND : 0;
}

void connection_shutdown(struct api_connection *connection)
{
	connection->deadline_ns = 0;
	shutdown(connection->fd, SHUT_RDWR);
}

static void sweep(struct loop_timer *timer)
{
	struct api *api = CONTAINER_OF(timer, struct api, sweep);
	uint64_t now = monotonic_ns();

	for (struct api_connection *connection = api->connections; connection; connection = connection->next) {
		if (connection->deadline_ns && now >= connection->deadline_ns)
			connection_shutdown(connection);
	}
}

static void connection_free(struct api_connection *connection)
{
	struct api *api = connection->api;
	struct api_connection **place = &api->connections;

	while (*place && *place != connection)
		place = &(*place)->next;
	if (*place)
		*place = connection->next;
	connection->peer->connections--;
	if (--api->connection_count == 0)
		loop_timer_clear(&api->sweep);
	free(connection);
}

static void connection_noticed(void *owner, struct MHD_Connection *mhd, void **context,
			       enum MHD_ConnectionNotificationCode code)
{
	struct api_daemon *daemon = owner;

	(void)mhd;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = TAKE_PTR(daemon->api->arriving);
	} else {
		connection_free(*context);
		*context = NULL;
	}
}

void server_add(struct api_connection *connection, const struct sockaddr *address, socklen_t len)
{
	struct api *api = connection->api;

	connection->next = api->connections;
	api->connections = connection;
	connection->peer->connections++;
	if (api->connection_count++ == 0)
		loop_timer_set(&api->sweep, SWEEP_NS, SWEEP_NS);
	connection_allow(connection, API_IDLE_S);
	api->arriving = connection;
	if (MHD_add_connection(connection->daemon->mhd, connection->fd, address, len) == MHD_NO && api->arriving)
		connection_free(TAKE_PTR(api->arriving)); /* its descriptor was closed, and no notice of it comes */
}

/* --- Opening and closing --- */

static int daemon_open(struct api *api, struct api_daemon *daemon, struct error *err)
{
	const union MHD_DaemonInfo *info;
	int code;

	daemon->mhd = MHD_start_daemon(
		MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
			MHD_USE_ERROR_LOG,
		0, NULL, NULL, exchange_handle, api, MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
		API_CONNECTIONS_MAX, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, connection_noticed, daemon, MHD_OPTION_URI_LOG_CALLBACK,
		exchange_begin, NULL, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, NULL, MHD_OPTION_END);
	info = daemon->mhd ? MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return error_set(err, -EIO, "API: libmicrohttpd does not start");
	daemon->source = (struct loop_source){.fd = info->epoll_fd, .events = EPOLLIN, .ready = daemon_ready};
	code = loop_add(api->loop, &daemon->source);
	return code < 0 ? error_set(err, code, "API: cannot watch its connections: %s", strerror(-code)) : 0;
}

static void daemon_close(struct api_daemon *daemon)
{
	if (!daemon->mhd)
		return;
	loop_remove(daemon->api->loop, &daemon->source);
	loop_timer_close(daemon->api->loop, &daemon->again);
	MHD_stop_daemon(daemon->mhd);
	daemon->mhd = NULL;
}

int server_open(struct api *api, struct error *err)
{
	int code = loop_timer_init(api->loop, &api->sweep, sweep);

	if (code == 0)
		code = loop_timer_init(api->loop, &api->plain.again, daemon_again);
	if (code < 0)
		return error_set(err, code, "API: cannot make a timer: %s", strerror(-code));
	return daemon_open(api, &api->plain, err);
}

void server_close(struct api *api)
{
	exchanges_abandon(api);
	daemon_close(&api->plain);
	daemon_close(&api->tls);
	loop_timer_close(api->loop, &api->sweep);
}
