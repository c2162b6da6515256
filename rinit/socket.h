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

/* Listens on all of it, or on nothing: 0 or a negative errno, which is logged. */
int socket_open(struct unit *unit);
void socket_close(struct unit *unit);
/* A unit has come up or gone down: its sockets are looked at, or left alone. */
void socket_unit_settled(struct manager *manager, const struct unit *unit);

/* The descriptors of all its sockets, and their names with colons between; both are the caller's to free. */
int socket_descriptors(const struct unit *service, int **descriptors, size_t *count, char **names);

/* ---- socket_parse.c ---- */

/* NULL when the key is not of [Socket]. */
const struct unit_key *socket_key_find(const struct ini_entry *entry);
/* When every line is read: is there something to listen on? */
int socket_check(const struct unit_config *config, const char *path, struct error *err);

/* Where to listen; pure. 0, or -EINVAL: neither a path, @name, port nor address with a port. */
struct sockaddr_storage;
int socket_address_parse(const char *text, struct sockaddr_storage *address, unsigned int *length);
