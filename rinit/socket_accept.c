/* Accept=yes: each connection has a service of its own, an instance of the template with the socket's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/load.h"
#include "rinit/fd_store.h"
#include "rinit/log.h"
#include "rinit/service_run.h"
#include "rinit/socket.h"

/* RFC 5952: the longest row of zeros, of two at least, is "::". */
static void six_print(const uint8_t bytes[16], char *text, size_t size)
{
	size_t best = 8, longest = 1, used = 0;

	for (size_t first = 0; first < 8; first++) {
		size_t length = 0;

		while (first + length < 8 && !bytes[2 * (first + length)] && !bytes[2 * (first + length) + 1])
			length++;
		if (length > longest) {
			best = first;
			longest = length;
		}
	}
	for (size_t i = 0; i < 8; i++) {
		if (i == best) {
			used += (size_t)snprintf(text + used, size - used, "::");
			i += longest - 1;
			continue;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%x",
					 i && i != best + longest ? ":" : "",
					 bytes[2 * i] << 8 | bytes[2 * i + 1]);
	}
}

void socket_peer(const struct sockaddr_storage *address, const struct ucred *user,
		 struct unit_connection *connection, char *text, size_t size)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	const struct sockaddr_vm *vsock = (const struct sockaddr_vm *)address;
	bool is_six = address->ss_family == AF_INET6, is_vsock = address->ss_family == AF_VSOCK;
	const uint8_t *bytes = (const uint8_t *)&four->sin_addr;

	if (!is_six && address->ss_family != AF_INET) {
		snprintf(connection->address, sizeof(connection->address), "%u",
			 is_vsock ? vsock->svm_cid : user->uid);
		connection->port = 0;
		snprintf(text, size, "%u-%s", is_vsock ? vsock->svm_port : (unsigned int)user->pid,
			 connection->address);
		return;
	}
	connection->port = ntohs(is_six ? six->sin6_port : four->sin_port);
	if (is_six && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		bytes = &six->sin6_addr.s6_addr[12];
		is_six = false;
	}
	if (is_six)
		six_print(six->sin6_addr.s6_addr, connection->address, sizeof(connection->address));
	else
		snprintf(connection->address, sizeof(connection->address), "%u.%u.%u.%u", bytes[0], bytes[1],
			 bytes[2], bytes[3]);
	snprintf(text, size, "%s:%u", connection->address, connection->port);
}

void socket_instance_name(const char *socket, unsigned int number, const char *peer, char name[UNIT_NAME_MAX])
{
	int length = (int)strlen(socket) - (int)strlen(".socket");

	if (snprintf(name, UNIT_NAME_MAX, "%.*s@%u-%s.service", length, socket, number, peer) >=
	    UNIT_NAME_MAX)
		snprintf(name, UNIT_NAME_MAX, "%.*s@%u.service", MIN(length, UNIT_NAME_MAX - 20), socket,
			 number);
}

/* Is there no place left, for anybody or for those of its address? */
static const char *limit_reached(const struct unit *socket, const struct unit_connection *connection)
{
	const struct socket_config *config = &socket->config.socket;
	const struct unit_set *set = &socket->manager->units;
	int all = 0, same = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct unit_connection *other = set->items[i]->run.connection;

		if (!other || other->socket != socket)
			continue;
		all++;
		same += !strcmp(other->address, connection->address);
	}
	if (all >= config->max_connections)
		return "MaxConnections";
	return config->max_connections_per_source && same >= config->max_connections_per_source
		       ? "MaxConnectionsPerSource"
		       : NULL;
}

static bool is_refused(struct unit *socket, const struct unit_connection *connection)
{
	const char *limit = limit_reached(socket, connection);

	if (limit && !socket->run.refuses)
		log_warning("%s: %s= is reached: who comes from %s is turned away", socket->config.name,
			    limit, connection->port ? connection->address : "here");
	socket->run.refuses = limit != NULL;
	return limit != NULL;
}

static int instance_start(struct unit *socket, struct unit_connection **connection, const char *peer)
{
	struct manager *manager = socket->manager;
	char name[UNIT_NAME_MAX];
	struct unit *unit;
	int rc;

	socket_instance_name(socket->config.name, socket->run.accepted++, peer, name);
	rc = manager_look_up(manager, name, &unit);
	if (rc || unit->run.connection || unit->masked)
		return rc ? rc : -EEXIST;
	unit->run.connection = TAKE_PTR(*connection);
	unit->config.boot = BOOT_BACKGROUND; /* the boot does not wait until it has gone */
	string_list_add(&unit->config.after, socket->config.name);
	manager_start(manager, unit);
	return 0;
}

int socket_accept(struct unit *socket, int listener)
{
	struct sockaddr_storage address = {0};
	struct ucred user = {0};
	socklen_t length = sizeof(address), size = sizeof(user);
	AUTO_CLOSE int fd = -1;
	AUTO_FREE struct unit_connection *connection = calloc(1, sizeof(*connection));
	char peer[INET6_ADDRSTRLEN + 8];
	int rc;

	/* It may have been opened for a service, before Accept= was changed. */
	fcntl(listener, F_SETFL, O_NONBLOCK);
	fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
	if (fd < 0 || !connection)
		return 0; /* who has gone again; or there is no room for now */
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &size);
	socket_peer(&address, &user, connection, peer, sizeof(peer));
	connection->socket = socket;
	connection->fd = fd;
	if (is_refused(socket, connection))
		return 0;
	rc = instance_start(socket, &connection, peer);
	if (!connection)
		TAKE_FD(fd);
	return rc;
}

/* ---- the end of an instance ---- */

static bool is_over(const struct unit *unit)
{
	return unit->run.connection && unit->run.output.fd < 0 &&
	       (unit->run.state == STATE_INACTIVE || unit->run.state == STATE_FAILED);
}

static void instance_free(struct unit *unit)
{
	fd_store_drop(unit, NULL);
	unit_set_remove(&unit->manager->units, unit);
}

/* From the loop, where nobody has one of them in hand. */
static void instances_free(struct loop_timer *timer)
{
	struct manager *manager = CONTAINER_OF(timer, struct manager, instances_over);

	for (size_t i = manager->units.count; i-- > 0;)
		if (is_over(manager->units.items[i]) && !manager->units.items[i]->run.queued)
			instance_free(manager->units.items[i]);
}

void socket_instance_settled(struct unit *unit)
{
	struct unit_connection *connection = unit->run.connection;

	/* Its program has it; when that is done the other end shall see it. We wait for nobody to read the
	 * rest. */
	if (connection->fd >= 0) {
		setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &(struct linger){0}, sizeof(struct linger));
		close(connection->fd);
	}
	connection->fd = -1;
	if (is_over(unit)) {
		loop_timer_clear(unit->manager->loop, &unit->run.timer);
		loop_timer_clear(unit->manager->loop, &unit->run.watchdog);
		unit->manager->instances_over.expired = instances_free;
		loop_timer_set(unit->manager->loop, &unit->manager->instances_over, 0);
	}
}
