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
	const char *root;         /* of the folders that units are in; NULL: there are none. See load.h */
	struct unit_paths *paths; /* while units are looked for */
	struct unit *sockets;     /* that listen; see socket.h */
	struct loop_timer instances_over;
	unsigned int stored_count; /* of all units: see fd_store.h */
	struct string_list told;   /* warnings about units that were said already */
	/* Somebody's wish to know; may be NULL. A unit has settled, down or up. */
	void (*settled)(struct manager *manager, struct unit *unit);
	/* The same; its state has changed, and what follows from that has not been done yet. */
	void (*moved)(struct manager *manager, struct unit *unit, enum service_state from);
};

void manager_init(struct manager *manager, struct loop *loop);

/* A unit of rinit's own making; NULL when there is no memory, which is logged. */
struct unit *manager_add_unit(struct manager *manager, const char *name);
struct unit *manager_add_target(struct manager *manager, const char *name, bool held);
struct unit *manager_add_service(struct manager *manager, const char *name, const char *description);
/* Reads every service of /etc/rinit, below root; what is wrong with them is logged. From then on units are
 * looked for in root's folders. */
void manager_load(struct manager *manager, const char *root);
/* Which units the boot wants: the default target, the enabled ones but those whose WantedBy= names only other
 * targets, and what these need. Then the order. */
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
/* Everything that has not started yet does not. */
void manager_cancel_waiting(struct manager *manager);
/* Kills what is still there of services, and forgets the order. */
void manager_kill_all(struct manager *manager);
/* No service has a process, and none is to be started or stopped. */
bool manager_is_idle(const struct manager *manager);

/* A child ended; true when it was a unit's process. */
bool manager_child_ended(struct manager *manager, pid_t pid, int status);
/* The unit that the process may hand descriptors over for (FDSTORE=1), or NULL. */
struct unit *manager_fd_keeper(struct manager *manager, pid_t from);
/* sd_notify(3) text from a process. */
void manager_notified(struct manager *manager, pid_t from, const char *text);

/* By its ExecReload=, when there is one and it is active. */
void manager_reload(struct manager *manager, struct unit *unit);

/* ---- service_verdict.c: pure ---- */

/* What the end of one of its processes means, by itself. */
enum service_result service_result(const struct service_config *config, enum command_kind kind, int status);
/* At the end of everything: OVER, FAIL or AGAIN. */
enum service_event service_verdict(const struct service_config *config, const struct unit_run *run);
/* As $SERVICE_RESULT has it. */
const char *service_result_name(enum service_result result);
/* How long until the next restart: the configured delay, doubled for each restart in a row, bounded. */
uint64_t service_restart_delay(const struct service_config *config, unsigned int restarts);
void exit_describe(int status, char *text, size_t size);
