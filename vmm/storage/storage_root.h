/* The root of a storage daemon's process (storage_daemon.h), and the socket on which its daemons listen. */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"

struct storage_socket {
	int listener;
	char path[64]; /* where it is connected to */
};

/* Enters the root that the plan wants, and gives up all privileges; without a jail, it stays where it is. */
int storage_root_enter(const cJSON *plan, struct storage_socket *socket, struct error *err);
/* What it has left in the host's file system: something only without a jail. */
void storage_root_leave(const cJSON *plan, const struct storage_socket *socket);
/* A connection that waits to be accepted; those before it are dropped. A negative errno. */
int storage_socket_connect(const struct storage_socket *socket);
