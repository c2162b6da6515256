/*
 * Runs units: turns process exits, timers, notifications and requests into the events of service.h's table,
 * and does what its actions say. Owned by the loop's thread.
 */
#pragma once

#include "rinit/unit.h"

struct manager {
	struct loop *loop;
	struct unit_set units;
	struct unit *default_target;
	struct string_list environment; /* of every service */
	struct unit **queue;            /* units to look at: may they start or stop now? */
	size_t queue_count;
	bool draining;
	/* Somebody's wish to know; may be NULL. A unit has settled, down or up. */
	void (*settled)(struct manager *manager, struct unit *unit);
	/* The same; its state has changed, and what follows from that has not been done yet. */
	void (*moved)(struct manager *manager, struct unit *unit, enum service_state from);
};

void manager_init(struct manager *manager, struct loop *loop);

/* A unit of rinit's own making; NULL when there is no memory, which is logged. */
struct unit *manager_add_target(struct manager *manager, const char *name, bool held);
struct unit *manager_add_service(struct manager *manager, const char *name, const char *description);
/* Reads DIRECTORY/NAME.service of every name; what is wrong with them is logged. */
void manager_load(struct manager *manager, const char *directory);
/* Which units the boot wants: all but those whose WantedBy= names only other targets. Then the order. */
void manager_resolve(struct manager *manager, const char *default_target);
/* Starts everything that is wanted. */
void manager_boot(struct manager *manager);

/* Whatever a held target stands for has happened. */
void manager_reached(struct manager *manager, const char *target);

/* With what it requires and wants. */
void manager_start(struct manager *manager, struct unit *unit);
/* Whatever it still waits for. */
void manager_start_now(struct manager *manager, struct unit *unit);
/* With what requires it. */
void manager_stop(struct manager *manager, struct unit *unit);
void manager_restart(struct manager *manager, struct unit *unit);
/* Everything, in reverse order. */
void manager_stop_all(struct manager *manager);
/* Kills what is still there of services, and forgets the order. */
void manager_kill_all(struct manager *manager);
/* No service has a process, and none is to be started or stopped. */
bool manager_is_idle(const struct manager *manager);

/* A child ended; true when it was a unit's process. */
bool manager_child_ended(struct manager *manager, pid_t pid, int status);
/* sd_notify(3) text from a process. */
void manager_notified(struct manager *manager, pid_t from, const char *text);

/* What a process's end means: pure, for the table. */
enum service_event unit_exit_event(const struct unit_config *config, const struct unit_run *run, int status);
/* How long until the next restart: the configured delay, doubled for each restart in a row, bounded. */
uint64_t unit_restart_delay(const struct unit_config *config, unsigned int restarts);
