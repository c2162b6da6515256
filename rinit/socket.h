/*
 * Socket units (systemd.socket(5)): rinit listens, and starts the service when somebody comes. The service
 * gets the descriptors as sd_listen_fds(3) says, from 3 on, whatever it was started by. A part of the
 * manager.
 *
 * While the service runs the sockets are its own: rinit looks at them again when it is down.
 */
#pragma once

#include "rinit/manager.h"
#include "rinit/unit_read.h"

/* The order that a socket has by itself: before its service and sockets.target, after sysinit.target. 0 or
 * -ENOMEM */
int socket_relations(struct unit_config *config);
/* The service that it starts: Service=, or the one of its own name. */
void socket_service(const struct unit_config *config, char name[UNIT_NAME_MAX]);

struct sockaddr_storage;

/* Listens on all of it, or on nothing: 0 or a negative errno, which is logged. */
int socket_open(struct unit *unit);
void socket_close(struct unit *unit);
/* A unit has come up or gone down: its sockets are looked at, or left alone. */
void socket_unit_settled(struct unit *unit);

/* The descriptors of all its sockets, then those that it keeps here; and their names with colons between.
 * Both are the caller's to free. */
struct socket_list {
	int *fds;
	size_t sockets, count;
	char *names;
};
int socket_descriptors(const struct unit *service, struct socket_list *list);

/* ---- socket_accept.c ---- */

/*
 * Takes one connection and starts an instance for it, whose config and place in the set are freed when it has
 * ended. 0 also when the connection was turned away; a negative errno when there is no service to start.
 */
int socket_accept(struct unit *socket, int listener);
/* It is up, or down, or its output has ended. */
void socket_instance_settled(struct unit *unit);
/* Pure: who is at the other end, and that as a part of a name: "192.0.2.1:4711", "PORT-CID" of
 * vsock(7), or "PID-UID" of the same machine. */
struct ucred;
void socket_peer(const struct sockaddr_storage *address, const struct ucred *user,
		 struct unit_connection *connection, char *text, size_t size);
/* Pure: NAME@NUMBER-PEER.service, or NAME@NUMBER.service when that is too long. */
void socket_instance_name(const char *socket, unsigned int number, const char *peer,
			  char name[UNIT_NAME_MAX]);

/* ---- socket_parse.c ---- */

/* NULL when the key is not of [Socket]; valid until the next call. */
const struct unit_key *socket_key_find(struct unit_reader *reader, const struct ini_entry *entry);
/* When every line is read: is there something to listen on? */
int socket_check(const struct unit_config *config, const char *path, struct error *err);

/* Where to listen; pure. 0, or -EINVAL: neither a path, @name, port nor address with a port. */
int socket_address_parse(const char *text, struct sockaddr_storage *address, unsigned int *length);
/* The same for "FAMILY [GROUPS]", with the family's protocol. */
int socket_netlink_parse(const char *text, struct sockaddr_storage *address, unsigned int *length,
			 int *protocol);
