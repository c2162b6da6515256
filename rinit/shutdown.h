/*
 * The end, in order: services in reverse order (each bounded by its TimeoutStopSec), SIGTERM to whatever is
 * left, then SIGKILL, file systems unmounted or remounted read-only, disks synchronized, and the kernel told;
 * a container exits.
 */
#pragma once

#include <stdbool.h>

#include "rinit/loop.h"
#include "rinit/manager.h"

enum shutdown_kind {
	SHUTDOWN_POWEROFF,
	SHUTDOWN_REBOOT,
	SHUTDOWN_HALT,
};

enum shutdown_phase {
	PHASE_UP,
	PHASE_SERVICES,
	PHASE_TERMINATE,
	PHASE_KILL,
	PHASE_DONE, /* no process is left but us */
};

struct shutdown {
	struct loop *loop;
	struct manager *manager;
	enum shutdown_kind kind;
	enum shutdown_phase phase;
	struct loop_timer timer; /* of the phase */
};

void shutdown_init(struct shutdown *shutdown, struct loop *loop, struct manager *manager);
/* Returns false when a shutdown is under way already. */
bool shutdown_begin(struct shutdown *shutdown, enum shutdown_kind kind);
/* To be called when children have ended; none_left: there are no more. Stops the loop when all is done. */
void shutdown_advance(struct shutdown *shutdown, bool none_left);
/* After the loop: file systems and the kernel. Does not return. */
void shutdown_finish(struct shutdown *shutdown, bool container) __attribute__((noreturn));
const char *shutdown_name(enum shutdown_kind kind);
