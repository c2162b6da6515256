#include "rinit/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/credentials.h"
#include "rinit/load.h"
#include "rinit/log.h"

#define BACKLOG_DEFAULT     4096
#define TRIGGER_INTERVAL_MS 2000
#define TRIGGER_BURST       20

/* One descriptor that is listened on. */
struct unit_listener {
	struct loop_source source;
	struct unit *unit;
	char *path; /* of a file that it has made; NULL: none */
	bool watched;
};

void socket_service(const struct unit_config *config, char name[UNIT_NAME_MAX])
{
	size_t length = strlen(config->name);

	if (config->socket.service)
		snprintf(name, UNIT_NAME_MAX, "%s", config->socket.service);
	else
		snprintf(name, UNIT_NAME_MAX, "%.*s.service", (int)(length - MIN(length, strlen(".socket"))),
			 config->name);
}

int socket_relations(struct unit_config *config)
{
	char service[UNIT_NAME_MAX];
	int rc;

	socket_service(config, service);
	rc = string_list_add(&config->before, service);
	if (!rc && config->default_dependencies)
		rc = string_list_add(&config->before, "sockets.target");
	if (!rc && config->default_dependencies)
		rc = string_list_add(&config->after, "sysinit.target");
	return rc;
}

/* ---- listening ---- */

static void listeners_watch(struct unit *unit, bool watch)
{
	for (size_t i = 0; i < unit->run.listener_count; i++) {
		struct unit_listener *listener = &unit->run.listeners[i];

		if (listener->watched == watch)
			continue;
		listener->watched = watch;
		if (watch)
			loop_add(unit->manager->loop, &listener->source, EPOLLIN);
		else
			loop_remove(unit->manager->loop, &listener->source);
	}
}

/* A service that ends without having taken what came would be started for ever. */
static bool triggers_too_often(struct unit *unit)
{
	uint64_t now = clock_ms();

	if (now - unit->run.limit_begin_ms > TRIGGER_INTERVAL_MS) {
		unit->run.limit_begin_ms = now;
		unit->run.limit_count = 0;
	}
	return ++unit->run.limit_count > TRIGGER_BURST;
}

/* Somebody is there. The service finds them when it is up; until it is down again nobody here looks. */
static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct unit *unit = CONTAINER_OF(source, struct unit_listener, source)->unit;
	struct unit *service = NULL;
	char name[UNIT_NAME_MAX];

	(void)events;
	listeners_watch(unit, false);
	if (unit->run.stopping)
		return;
	socket_service(&unit->config, name);
	if (triggers_too_often(unit))
		log_warning("%s: %s does not take who comes: left alone until it is restarted",
			    unit->config.name, name);
	else if (manager_look_up(unit->manager, name, &service))
		log_warning("%s: somebody is there, and there is no service to start", unit->config.name);
	else
		manager_start(unit->manager, service);
}

static void directories_for(const char *path, unsigned int mode)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		mkdir(folder, mode);
	}
}

static int owner_set(const struct socket_config *config, const char *path)
{
	const struct service_config who = {.user = config->user, .group = config->group};
	struct credentials credentials;
	int rc = 0;

	if (config->user || config->group) {
		rc = credentials_read(&who, &credentials);
		if (!rc && chown(path, config->user ? credentials.uid : 0, credentials.gid))
			rc = -errno;
	}
	return !rc && chmod(path, config->mode) ? -errno : rc;
}

/* A socket of an earlier life is in the way; anything else is somebody's. */
static void leftover_remove(const char *path)
{
	struct stat status;

	if (!lstat(path, &status) && S_ISSOCK(status.st_mode))
		unlink(path);
}

static int socket_make(const struct socket_config *config, int type, const char *text)
{
	struct sockaddr_storage address;
	unsigned int length;
	int on = 1, rc = socket_address_parse(text, &address, &length);
	AUTO_CLOSE int fd = rc ? -1 : socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return rc ? rc : -errno;
	if (address.ss_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.ss_family == AF_INET6 && *text == 0x5b)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)); // HACK
	if (config->pass_credentials)
		setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (*text == '/') {
		directories_for(text, config->directory_mode);
		leftover_remove(text);
	}
	if (bind(fd, (struct sockaddr *)&address, length))
		return -errno;
	if (*text == '/')
		rc = owner_set(config, text);
	if (!rc && type != SOCK_DGRAM && listen(fd, config->backlog ? config->backlog : BACKLOG_DEFAULT))
		rc = -errno;
	return rc ? rc : TAKE_FD(fd);
}

static int fifo_make(const struct socket_config *config, const char *path)
{
	struct stat status;
	int fd, rc;

	directories_for(path, config->directory_mode);
	if (mkfifo(path, config->mode) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	rc = fstat(fd, &status) || !S_ISFIFO(status.st_mode) ? -EEXIST : owner_set(config, path);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int listener_add(struct unit *unit, int fd, const char *text)
{
	struct unit_listener *listener = &unit->run.listeners[unit->run.listener_count++];

	*listener = (struct unit_listener){.source = {.fd = fd, .ready = listener_ready}, .unit = unit};
	return *text == '/' ? string_set(&listener->path, text) : 0;
}

static int listeners_open(struct unit *unit, const struct string_list *list, int type)
{
	int rc = 0;

	for (size_t i = 0; i < list->count && !rc; i++) {
		const char *text = list->items[i];
		int fd = type ? socket_make(&unit->config.socket, type, text)
			      : fifo_make(&unit->config.socket, text);

		rc = fd < 0 ? fd : listener_add(unit, fd, text);
		if (rc)
			log_warning("%s: cannot listen on %s: %s", unit->config.name, text, strerror(-rc));
	}
	return rc;
}

int socket_open(struct unit *unit)
{
	const struct socket_config *config = &unit->config.socket;
	size_t count =
		config->stream.count + config->datagram.count + config->packet.count + config->fifo.count;
	const struct unit *service;
	char name[UNIT_NAME_MAX];
	int rc;

	socket_service(&unit->config, name);
	service = unit_set_find(&unit->manager->units, name);
	unit->run.limit_count = 0;

	unit->run.listeners = calloc(count, sizeof(*unit->run.listeners));
	unit->run.listener_count = 0;
	rc = unit->run.listeners ? listeners_open(unit, &config->stream, SOCK_STREAM) : -ENOMEM;
	if (!rc)
		rc = listeners_open(unit, &config->datagram, SOCK_DGRAM);
	if (!rc)
		rc = listeners_open(unit, &config->packet, SOCK_SEQPACKET);
	if (!rc)
		rc = listeners_open(unit, &config->fifo, 0);
	if (rc)
		socket_close(unit);
	else if (!service || !service_has_process(service->run.state))
		listeners_watch(unit, true);
	return rc;
}

void socket_close(struct unit *unit)
{
	listeners_watch(unit, false);
	for (size_t i = 0; i < unit->run.listener_count; i++) {
		struct unit_listener *listener = &unit->run.listeners[i];

		close(listener->source.fd);
		if (listener->path && unit->config.socket.remove_on_stop)
			unlink(listener->path);
		free(listener->path);
	}
	free(unit->run.listeners);
	unit->run.listeners = NULL;
	unit->run.listener_count = 0;
}

/* ---- the service ---- */

static bool is_socket_of(const struct unit *unit, const struct unit *service)
{
	char name[UNIT_NAME_MAX];

	if (unit->config.kind != UNIT_SOCKET || !unit->run.listener_count)
		return false;
	socket_service(&unit->config, name);
	return unit_set_find(&unit->manager->units, name) == service;
}

void socket_unit_settled(struct manager *manager, const struct unit *unit)
{
	for (size_t i = 0; unit->config.kind == UNIT_SERVICE && i < manager->units.count; i++)
		if (is_socket_of(manager->units.items[i], unit))
			listeners_watch(manager->units.items[i],
					unit->run.state == STATE_INACTIVE &&
						!manager->units.items[i]->run.stopping);
}

int socket_descriptors(const struct unit *service, int **descriptors, size_t *count, char **names)
{
	const struct unit_set *set = &service->manager->units;
	size_t length = 0;
	FILE *stream = open_memstream(names, &length);

	*count = 0;
	*descriptors = NULL;
	for (size_t i = 0; stream && i < set->count; i++) {
		const struct unit *unit = set->items[i];

		for (size_t j = 0; is_socket_of(unit, service) && j < unit->run.listener_count; j++) {
			int *more = realloc(*descriptors, (*count + 1) * sizeof(*more));

			if (!more)
				break;
			*descriptors = more;
			more[(*count)++] = unit->run.listeners[j].source.fd;
			fprintf(stream, "%s%s", length || *count > 1 ? ":" : "",
				unit->config.socket.name ? unit->config.socket.name : unit->config.name);
		}
	}
	return !stream || fclose(stream) ? -ENOMEM : 0;
}
