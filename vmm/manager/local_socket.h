/*
 * A unix socket of the manager's that clients of this host connect to (unix(7)): mode 0660 and of the group
 * rastos where root made it and there is that group, else its owner's alone. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

#define LOCAL_SOCKET_GROUP "rastos"

/* That group, looked up once: to do so may take as many instructions as a small guest's start. */
struct local_group {
	bool known;
	gid_t gid;
};

struct local_group local_group_find(void);

/* A socket that listens at path, or a negative errno; one that a killed manager left there is replaced.
 * everyone: anybody may connect, and is looked at then. what: "control socket", for the sentence. */
int local_socket_listen(const char *what, const char *path, const struct local_group *group, bool everyone,
			struct error *err);
