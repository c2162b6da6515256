/*
 * The running half of the manager: the actions of service.h's table, processes and their output. Owned by the
 * loop's thread.
 */
#pragma once

#include "rinit/manager.h"

/* Gives the unit's table the event and does the action that comes of it. */
void unit_event(struct unit *unit, enum service_event event);
/* SIGKILL to everything it has, whatever KillMode= says; nothing is fine. */
void service_kill(struct unit *unit);
/* The signal to all its processes ('a'), the main one ('m') or the command beside it ('c'); false: there is
 * none. */
bool service_signal(struct unit *unit, char who, int number);
/* Counts a start: false, with a line in the log, when StartLimitBurst= is reached. */
bool service_may_start(struct unit *unit);

/* ---- service_process.c ---- */

/*
 * Runs the command; what it needs besides follows from the state. 0, or a negative errno that has been
 * logged. Everything that may wait for a file happens in the child, which then is not waited for: run.setup
 * is a pipe that ends when the program is executed, or when the child has said why not.
 */
int service_spawn(struct unit *unit, const struct command *command, pid_t *pid);
/* To be called behind it: service_executed may be called at once. */
void service_setup_watch(struct unit *unit);
/* What the child has said so far; at the pipe's end service_executed is called. */
void service_setup_drain(struct unit *unit);
void service_setup_close(struct unit *unit);
/* What it has said so far, into the log. */
void service_output_drain(struct unit *unit);
/* The folders of RuntimeDirectory=, with all that is in them. */
void service_directories_remove(const struct unit *unit);

/* The newest child's program runs, or run.not_run: it will not. */
void service_executed(struct unit *unit);

/* ---- for service_notify.c ---- */

/* The process is the main one from now on. */
void service_main_is(struct unit *unit, pid_t pid);
/* Another span for the timer that runs. */
void service_timer_extend(struct unit *unit, uint64_t ms);
void service_watchdog_start(struct unit *unit);
struct unit *unit_by_pid(const struct manager *manager, pid_t pid);
/* A number from /proc/PID/stat (proc(5)), behind the name; 0 when there is no such process. */
enum {
	PROCESS_NAME = 2,
	PROCESS_PARENT = 4,
	PROCESS_START_TIME = 22, /* in clock ticks since the boot */
};
unsigned long long process_stat(pid_t pid, int field);
pid_t process_parent(pid_t pid);

/* ---- manager.c's, for the actions ---- */

/* Looked at by the next manager_drain: may it start or stop now? */
void unit_queue(struct unit *unit);
/* It is up or down: those that wait for that are looked at. */
void unit_settled(struct unit *unit);
/* Every callback from the loop ends here: events queue units, units make events. */
void manager_drain(struct manager *manager);
