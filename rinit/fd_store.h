/*
 * Descriptors that a service keeps with rinit over its restarts: FDSTORE=1 (sd_notify(3)). It gets them back
 * behind its sockets (sd_listen_fds(3)), and they are dropped when it is stopped for good. There are at most
 * FileDescriptorStoreMax= of them, and of all services' together half of what PID 1 may open.
 *
 * Closing what a stranger has opened may wait for a network or a program: no descriptor is closed here, a
 * process beside PID 1 does that.
 */
#pragma once

#include "rinit/unit.h"

#define FD_NAME_MAX 255 /* characters */

struct stored_fd {
	struct loop_source source;
	struct unit *unit;
	struct stored_fd *next;
	bool watched;
	char name[];
};

/* Pure: may it stand in LISTEN_FDNAMES? */
bool fd_name_is_valid(const char *name);
/* Keeps the descriptors, or drops them: too many, or those that it has already. `poll`: one whose other end
 * hangs up is dropped. */
void fd_store_add(struct unit *unit, const int *fds, size_t count, const char *name, bool poll);
/* Those of the name; NULL: all. */
void fd_store_drop(struct unit *unit, const char *name);
