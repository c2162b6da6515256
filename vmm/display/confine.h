/*
 * How rastos-display closes itself in. It starts in namespaces of its own, as a user that nobody else is
 * (jail_spawn), and gives up the rest here: the keeper its root and privileges, a session also all system
 * calls but those that two sockets and memory need (filter_make.c).
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

#define CONFINE_SESSIONS 8 /* processes beside the keeper, at most */

/* The keeper; jail: it is in one that is to be closed. */
int confine_keeper(bool jail, struct error *err);
/* A session: before it meets its viewer. A negative errno. */
int confine_session(void);
