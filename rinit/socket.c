#include "rinit/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include "rinit/fd_store.h"
#include "rinit/load.h"
#include "rinit/log.h"

#define BACKLOG_DEFAULT 4096
#define TRIGGER_BURST   20
#define ACCEPT_BURST    150 /* systemd.socket(5), PollLimitBurst= */

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
		snprintf(name, UNIT_NAME_MAX, "%.*s%s.service",
			 (int)(length - MIN(length, strlen(".socket"))), config->name,
			 config->socket.accept ? "@" : "");
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
	const struct socket_config *config = &unit->config.socket;
	unsigned int burst = config->trigger_burst >= 0 ? (unsigned int)config->trigger_burst
			     : config->accept           ? ACCEPT_BURST
							: TRIGGER_BURST;
	uint64_t now = clock_ms();

	if (now - unit->run.limit_begin_ms > config->trigger_ms) {
		unit->run.limit_begin_ms = now;
		unit->run.limit_count = 0;
	}
	return burst && config->trigger_ms && ++unit->run.limit_count > burst;
}

static void pause_over(struct loop_timer *timer)
{
	listeners_watch(CONTAINER_OF(timer, struct unit, run.timer), true);
}

/* Who comes in crowds, and is served, waits for the interval's end; what was asked for is a limit for good.
 */
static void triggered_too_often(struct unit *unit, const char *service)
{
	if (unit->config.socket.accept && unit->config.socket.trigger_burst < 0) {
		unit->run.timer.expired = pause_over;
		loop_timer_set(unit->manager->loop, &unit->run.timer, unit->config.socket.trigger_ms);
	} else {
		log_warning("%s: %s does not take who comes: left alone until it is restarted",
			    unit->config.name, service);
	}
}

/* Somebody is there. The service finds them when it is up; until it is down again nobody here looks. */
static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct unit *unit = CONTAINER_OF(source, struct unit_listener, source)->unit;
	bool accept = unit->config.socket.accept, too_often = triggers_too_often(unit);
	struct unit *service = NULL;
	char name[UNIT_NAME_MAX];

	(void)events;
	if (!accept || too_often || unit->run.stopping)
		listeners_watch(unit, false);
	if (unit->run.stopping)
		return;
	socket_service(&unit->config, name);
	if (too_often)
		triggered_too_often(unit, name);
	else if (accept ? socket_accept(unit, source->fd) : manager_look_up(unit->manager, name, &service)) {
		listeners_watch(unit, false);
		log_warning("%s: somebody is there, and there is no %s to start", unit->config.name, name);
	} else if (!accept)
		manager_start(unit->manager, service);
}

static void directories_for(const char *path, unsigned int mode)
{
	char folder[PATH_MAX];

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

/* A socket, or a link, of an earlier life is in the way; anything else is somebody's. */
static void leftover_remove(const char *path, mode_t type)
{
	struct stat status;

	if (!lstat(path, &status) && (status.st_mode & S_IFMT) == type)
		unlink(path);
}

/* An option of another family has nothing to say here. */
static void options_set(const struct unit *unit, int fd, int family)
{
	const struct socket_config *config = &unit->config.socket;
	bool internet = family == AF_INET || family == AF_INET6;

	for (size_t i = 0; i < config->option_count; i++) {
		const struct socket_option *option = &config->options[i];
		const void *value = &option->value;
		int name = option->name;

		if (option->level != SOL_SOCKET &&
		    (!internet || (option->level == IPPROTO_IPV6 && family == AF_INET)))
			continue;
		if (!setsockopt(fd, option->level, name, value, sizeof(int)))
			continue;
		/* Who may not exceed the system's maximum gets that. */
		if (errno == EPERM && (name == SO_RCVBUFFORCE || name == SO_SNDBUFFORCE))
			setsockopt(fd, SOL_SOCKET, name == SO_RCVBUFFORCE ? SO_RCVBUF : SO_SNDBUF, value,
				   sizeof(int));
		else if (errno != ENOPROTOOPT && errno != EOPNOTSUPP)
			log_warning("%s: option %d of level %d cannot be set: %m", unit->config.name, name,
				    option->level);
	}
}

static int socket_make(const struct unit *unit, enum listen_kind kind, const char *text)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW};
	const struct socket_config *config = &unit->config.socket;
	struct sockaddr_storage address;
	unsigned int length;
	int protocol = 0, on = 1, rc;
	AUTO_CLOSE int fd = -1;

	rc = kind == LISTEN_NETLINK ? socket_netlink_parse(text, &address, &length, &protocol)
				    : socket_address_parse(text, &address, &length);
	if (rc)
		return rc;
	/* What is accepted from is ours; the others are the service's, which says by itself how it waits. */
	fd = socket(address.ss_family, types[kind] | SOCK_CLOEXEC | (config->accept ? SOCK_NONBLOCK : 0),
		    protocol);
	if (fd < 0)
		return -errno;
	if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	options_set(unit, fd, address.ss_family);
	if (*text == '/') {
		directories_for(text, config->directory_mode);
		leftover_remove(text, S_IFSOCK);
	}
	if (bind(fd, (struct sockaddr *)&address, length))
		return -errno;
	if (*text == '/')
		rc = owner_set(config, text);
	if (!rc && (kind == LISTEN_STREAM || kind == LISTEN_PACKET) &&
	    listen(fd, config->backlog ? config->backlog : BACKLOG_DEFAULT))
		rc = -errno;
	return rc ? rc : TAKE_FD(fd);
}

static int file_make(const struct socket_config *config, bool fifo, const char *path)
{
	AUTO_CLOSE int fd = -1;
	struct stat status;
	int rc;

	if (fifo)
		directories_for(path, config->directory_mode);
	if (fifo && mkfifo(path, config->mode) && errno != EEXIST)
		return -errno;
	fd = open(path, (fifo || config->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW |
				O_NOCTTY);
	if (fd < 0 || fstat(fd, &status))
		return -errno;
	if (fifo)
		rc = S_ISFIFO(status.st_mode) ? owner_set(config, path) : -EEXIST;
	else
		rc = S_ISCHR(status.st_mode) || S_ISREG(status.st_mode) ? 0 : -EINVAL;
	fcntl(fd, F_SETFL, 0); /* it only was not to wait for the other end */
	return rc ? rc : TAKE_FD(fd);
}

static void symlinks_make(const struct unit *unit, const char *path)
{
	const struct string_list *links = &unit->config.socket.symlinks;

	for (size_t i = 0; i < links->count; i++) {
		directories_for(links->items[i], unit->config.socket.directory_mode);
		leftover_remove(links->items[i], S_IFLNK);
		if (symlink(path, links->items[i]))
			log_warning("%s: cannot make the link %s: %m", unit->config.name, links->items[i]);
	}
}

static int listener_add(struct unit *unit, int fd, const char *path)
{
	struct unit_listener *listener = &unit->run.listeners[unit->run.listener_count++];

	*listener = (struct unit_listener){.source = {.fd = fd, .ready = listener_ready}, .unit = unit};
	return path ? string_set(&listener->path, path) : 0;
}

static int listener_open(struct unit *unit, const char *item)
{
	enum listen_kind kind = (enum listen_kind)(*item - '0');
	const char *text = item + 1, *path = *text == '/' && kind != LISTEN_SPECIAL ? text : NULL;
	int fd = kind >= LISTEN_FIFO ? file_make(&unit->config.socket, kind == LISTEN_FIFO, text)
				     : socket_make(unit, kind, text);
	int rc = fd < 0 ? fd : listener_add(unit, fd, path);

	if (rc)
		log_warning("%s: cannot listen on %s: %s", unit->config.name, text, strerror(-rc));
	else if (path)
		symlinks_make(unit, path);
	return rc;
}

int socket_open(struct unit *unit)
{
	const struct string_list *list = &unit->config.socket.listen;
	struct unit **last = &unit->manager->sockets;
	const struct unit *service;
	char name[UNIT_NAME_MAX];
	int rc;

	socket_close(unit); /* a restart's */
	socket_service(&unit->config, name);
	service = unit_set_find(&unit->manager->units, name);
	unit->run.limit_count = 0;

	unit->run.listeners = calloc(list->count, sizeof(*unit->run.listeners));
	unit->run.listener_count = 0;
	rc = unit->run.listeners ? 0 : -ENOMEM;
	while (*last)
		last = &(*last)->run.next_socket;
	unit->run.next_socket = NULL;
	*last = unit;
	for (size_t i = 0; i < list->count && !rc; i++)
		rc = listener_open(unit, list->items[i]);
	if (rc)
		socket_close(unit);
	else if (!service || !service_has_process(service->run.state))
		listeners_watch(unit, true);
	return rc;
}

void socket_close(struct unit *unit)
{
	const struct socket_config *config = &unit->config.socket;
	struct unit **at = &unit->manager->sockets;

	while (*at && *at != unit)
		at = &(*at)->run.next_socket;
	if (!*at)
		return;
	*at = unit->run.next_socket;
	loop_timer_clear(unit->manager->loop, &unit->run.timer);
	listeners_watch(unit, false);
	for (size_t i = 0; i < unit->run.listener_count; i++) {
		struct unit_listener *listener = &unit->run.listeners[i];

		close(listener->source.fd);
		if (listener->path && config->remove_on_stop)
			unlink(listener->path);
		free(listener->path);
	}
	for (size_t i = 0; config->remove_on_stop && i < config->symlinks.count; i++)
		leftover_remove(config->symlinks.items[i], S_IFLNK);
	free(unit->run.listeners);
	unit->run.listeners = NULL;
	unit->run.listener_count = 0;
}

/* ---- the service ---- */

static bool is_socket_of(const struct unit *unit, const struct unit *service)
{
	char name[UNIT_NAME_MAX];

	if (unit->config.socket.accept)
		return false;
	if (string_list_has(&service->config.service.sockets, unit->config.name))
		return true;
	socket_service(&unit->config, name);
	return unit_set_find(&unit->manager->units, name) == service;
}

void socket_unit_settled(struct unit *unit)
{
	for (struct unit *one = unit->manager->sockets; one; one = one->run.next_socket)
		if (unit->config.kind == UNIT_SERVICE && is_socket_of(one, unit))
			listeners_watch(one, unit->run.state == STATE_INACTIVE && !one->run.stopping);
	if (unit->run.connection)
		socket_instance_settled(unit);
}

static int descriptor_add(struct socket_list *list, FILE *names, int fd, const char *name)
{
	int *more = realloc(list->fds, (list->count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	list->fds = more;
	more[list->count++] = fd;
	fprintf(names, "%s%s", list->count > 1 ? ":" : "", name);
	return 0;
}

int socket_descriptors(const struct unit *service, struct socket_list *list)
{
	const struct unit_connection *connection = service->run.connection;
	size_t length = 0;
	FILE *names = open_memstream(&list->names, &length);
	int rc = 0;

	if (!names)
		return -ENOMEM;
	if (connection && connection->fd >= 0)
		rc = descriptor_add(list, names, connection->fd, "connection");
	for (const struct unit *unit = service->manager->sockets; unit; unit = unit->run.next_socket) {
		const char *name = unit->config.socket.name ? unit->config.socket.name : unit->config.name;

		for (size_t i = 0; !rc && is_socket_of(unit, service) && i < unit->run.listener_count; i++)
			rc = descriptor_add(list, names, unit->run.listeners[i].source.fd, name);
	}
	list->sockets = list->count;
	for (const struct stored_fd *one = service->run.stored; one && !rc; one = one->next)
		rc = descriptor_add(list, names, one->source.fd, one->name);
	return fclose(names) ? -ENOMEM : rc;
}
