#include "vmm/api/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/api/api.h"
#include "vmm/api/exchange.h"
#include "vmm/api/follow.h"
#include "vmm/api/half_closed.h"
#include "vmm/config/file.h"

#define NS_PER_SECOND 1000000000ULL
#define SWEEP_NS      NS_PER_SECOND
#define TLS_FILE_MAX  65536
#define TLS_VERSIONS  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define ROUNDS_MAX    8 /* then it is others' turn in the loop */

/* --- libmicrohttpd in the loop --- */

static void daemon_run(struct api_daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms = 1;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		daemon->api->http.MHD_run(daemon->mhd);
		if (daemon->api->http.MHD_get_timeout(daemon->mhd, &timeout_ms) == MHD_NO || timeout_ms > 0)
			return;
	}
	server_kick(daemon);
}

static void daemon_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	daemon_run(CONTAINER_OF(source, struct api_daemon, source));
}

static void daemon_again(struct loop_source *source, uint32_t events)
{
	eventfd_t count;

	(void)events;
	eventfd_read(source->fd, &count);
	daemon_run(CONTAINER_OF(source, struct api_daemon, again));
}

void server_kick(struct api_daemon *daemon)
{
	eventfd_write(daemon->again.fd, 1);
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

	follow_tick(api);
	for (struct api_connection *connection = api->connections; connection;
	     connection = connection->next) {
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

/* --- Opening and closing --- */

/* with_tls: the options of TLS, which follow the others. */
static struct MHD_Daemon *daemon_start(struct api *api, struct api_daemon *daemon, bool with_tls)
{
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, api->tls_files[0]},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, api->tls_files[1]},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_VERSIONS},
		{api->tls_files[2] ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, api->tls_files[2]},
		{MHD_OPTION_END, 0, NULL},
	};

	if (!with_tls)
		tls[0].option = MHD_OPTION_END;
	return api->http.MHD_start_daemon(
		MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
			MHD_USE_ERROR_LOG | (with_tls ? MHD_USE_TLS : 0),
		0, NULL, NULL, exchange_handle, NULL, MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)API_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
		API_CONNECTIONS_MAX, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_NOTIFY_CONNECTION, connection_noticed, daemon, MHD_OPTION_URI_LOG_CALLBACK,
		exchange_begin, &api->http, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, NULL, MHD_OPTION_ARRAY,
		tls, MHD_OPTION_END);
}

static int daemon_open(struct api *api, struct api_daemon *daemon, bool with_tls, struct error *err)
{
	const union MHD_DaemonInfo *info;
	int code;

	daemon->again = (struct loop_source){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = EPOLLIN, .ready = daemon_again};
	code = daemon->again.fd < 0 ? -errno : loop_add(api->loop, &daemon->again);
	if (code < 0)
		return error_set(err, code, "API: cannot make an eventfd: %s", strerror(-code));
	daemon->mhd = daemon_start(api, daemon, with_tls);
	if (!daemon->mhd && with_tls)
		return error_set(
			err, -EINVAL,
			"API: TLS does not start: are certificate, key and client_ca PEM files, and do the first two belong together?");
	info = daemon->mhd ? api->http.MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return error_set(err, -EIO, "API: libmicrohttpd does not start");
	daemon->source = (struct loop_source){.fd = info->epoll_fd, .events = EPOLLIN, .ready = daemon_ready};
	code = loop_add(api->loop, &daemon->source);
	return code < 0 ? error_set(err, code, "API: cannot watch its connections: %s", strerror(-code)) : 0;
}

static int read_tls_files(struct api *api, const struct api_settings *settings, struct error *err)
{
	const char *const paths[API_TLS_FILES] = {settings->certificate, settings->key, settings->client_ca};
	int code = 0;

	for (unsigned i = 0; code == 0 && i < API_TLS_FILES; i++) {
		if (paths[i])
			code = file_read_text("API", paths[i], TLS_FILE_MAX, &api->tls_files[i], err);
	}
	/* Without one libmicrohttpd would start, and let nobody in. */
	if (code == 0 && settings->client_ca && !strstr(api->tls_files[2], "-----BEGIN CERTIFICATE-----"))
		return error_set(err, -EINVAL, "API %s: has no certificate", settings->client_ca);
	return code;
}

static void daemon_close(struct api_daemon *daemon)
{
	if (daemon->again.fd >= 0) {
		loop_remove(daemon->api->loop, &daemon->again);
		close(TAKE_FD(daemon->again.fd));
	}
	if (!daemon->mhd)
		return;
	loop_remove(daemon->api->loop, &daemon->source);
	daemon->api->http.MHD_stop_daemon(daemon->mhd);
	daemon->mhd = NULL;
}

static void server_stop(struct api *api)
{
	daemon_close(&api->plain);
	daemon_close(&api->tls);
	http_library_close(&api->http);
}

/* Library and daemons: all or nothing. */
static int server_start(struct api *api, struct error *err)
{
	const struct api_settings *settings = &api->manager->settings->api;
	int code = http_library_open(&api->http, err);

	if (code == 0)
		code = daemon_open(api, &api->plain, false, err);
	if (code == 0 && settings->certificate && settings->listen_count) {
		code = read_tls_files(api, settings, err);
		if (code == 0)
			code = daemon_open(api, &api->tls, true, err);
	}
	if (code < 0)
		server_stop(api);
	return code;
}

/* The library costs as much as the rest of a manager's start. Who has set nothing up, and could have nothing
 * wrong, pays for it when the first client comes. */
int server_open(struct api *api, struct error *err)
{
	int code = loop_timer_init(api->loop, &api->sweep, sweep);

	if (code < 0)
		return error_set(err, code, "API: cannot make a timer: %s", strerror(-code));
	return api->manager->settings->api.listen_count ? server_start(api, err) : 0;
}

/* --- Clients --- */

void server_add(struct api_connection *connection, const struct sockaddr *address, socklen_t len)
{
	struct api *api = connection->api;
	struct error err;

	if (!connection->daemon->mhd && server_start(api, &err) < 0) {
		log_limited(&api->turned_away, LOG_LEVEL_WARNING, "%s", err.text);
		close(connection->fd);
		free(connection);
		return;
	}
	connection->next = api->connections;
	api->connections = connection;
	connection->peer->connections++;
	if (api->connection_count++ == 0)
		loop_timer_set(&api->sweep, SWEEP_NS, SWEEP_NS);
	connection_allow(connection, API_IDLE_S);
	api->arriving = connection;
	if (api->http.MHD_add_connection(connection->daemon->mhd, connection->fd, address, len) == MHD_NO &&
	    api->arriving)
		connection_free(
			TAKE_PTR(api->arriving)); /* its descriptor was closed, and no notice of it comes */
}

/* Who was answered already shall have the answer: whoever asked for the end of the manager. */
static void daemon_flush(struct api_daemon *daemon)
{
	for (unsigned round = 0; daemon->mhd && round < ROUNDS_MAX; round++)
		daemon->api->http.MHD_run(daemon->mhd);
}

void server_close(struct api *api)
{
	daemon_flush(&api->plain);
	daemon_flush(&api->tls);
	exchanges_abandon(api);
	server_stop(api);
	half_closed_end_all(api);
	loop_timer_close(api->loop, &api->sweep);
	for (unsigned i = 0; i < API_TLS_FILES; i++)
		free(api->tls_files[i]);
}
