/*
 * The life of a service, as one table: a state and an event give the next state and one action. Pure;
 * service_run.c does what the actions say, and turns what happens in the world into events.
 *
 *   INACTIVE --start--> WAITING --go--> START_PRE --> STARTING --> START_POST --> RUNNING
 *      ^                   ^                |             |             |          |   ^
 *      |                 DELAY              +------+------+-- broke ----+----------+   v
 *      |                   ^                       |                            | RELOADING
 *      |                   | again                 v                       stop |
 *      +------ over --- STOP_POST <--- gone --- STOPPING <------ STOP <---------+
 *                                                  | timeout
 *                                                  +--> KILLING
 *
 * Every way down leads through STOPPING and STOP_POST; a state with nothing to do is passed through at once.
 * FAILED and EXITED (ended well and counts as active: RemainAfterExit, targets) are left by start and stop.
 */
#pragma once

#include <stdbool.h>

enum service_state {
	STATE_INACTIVE,
	STATE_WAITING,    /* for the units it comes after */
	STATE_START_PRE,  /* ExecCondition=, ExecStartPre= */
	STATE_STARTING,   /* has its process, is not ready */
	STATE_START_POST, /* ExecStartPost= */
	STATE_RUNNING,
	STATE_RELOADING, /* ExecReload=, or it said RELOADING=1 */
	STATE_EXITED,
	STATE_STOP,      /* ExecStop=; from here to STATE_STOP_POST it is on its way down */
	STATE_STOPPING,  /* its processes were told to end */
	STATE_ABORTING,  /* the same, for a missed watchdog */
	STATE_KILLING,   /* and did not */
	STATE_STOP_POST, /* ExecStopPost= */
	STATE_DELAY,     /* until it is restarted */
	STATE_FAILED,
	STATE_COUNT,
};

enum service_event {
	EVENT_START,
	EVENT_STOP,
	EVENT_GO,       /* what it waited for has happened */
	EVENT_SKIP,     /* its turn, but a condition does not hold */
	EVENT_READY,    /* it serves; a target: it is reached */
	EVENT_NEXT,     /* a command ended well and there is another one */
	EVENT_DONE,     /* the state's commands have ended; its process runs */
	EVENT_REMAIN,   /* its process ended well and it counts as active */
	EVENT_END,      /* its process ended well and that is that */
	EVENT_BROKE,    /* its process ended badly or could not be started */
	EVENT_FAIL,     /* a command did; at the end: it shall count as failed */
	EVENT_GONE,     /* no process is left that should not be */
	EVENT_OVER,     /* at the end: that is that; of a failure: somebody has seen it */
	EVENT_AGAIN,    /* at the end: it shall be restarted */
	EVENT_RELOAD,   /* somebody asks for it */
	EVENT_RELOADS,  /* it says that it does by itself */
	EVENT_WATCHDOG, /* it missed its watchdog */
	EVENT_TIMEOUT,  /* its timer */
	EVENT_COUNT,
};

enum service_action {
	ACTION_NONE,
	ACTION_QUEUE,    /* look whether it can go */
	ACTION_BEGIN,    /* a new start: its group, its folders; then as COMMANDS */
	ACTION_COMMANDS, /* run the first of the state's commands */
	ACTION_NEXT,     /* run the next one */
	ACTION_SPAWN,    /* run the first ExecStart= */
	ACTION_REACHED,  /* settled: up */
	ACTION_RELOADED, /* up as before */
	ACTION_STAYED,   /* the same, and it should have stopped */
	ACTION_ENDED,    /* settled: down */
	ACTION_FAILED,   /* settled: down, and it should not be */
	ACTION_TERM,     /* tell its processes to end, and start the stop timer */
	ACTION_GIVE_UP,  /* the same after something took too long */
	ACTION_ABORT,    /* the same with the watchdog's signal */
	ACTION_KILL,     /* SIGKILL */
	ACTION_LEAVE,    /* even that did not help; then as COMMANDS */
	ACTION_DELAY,    /* start the restart timer */
};

struct service_step {
	enum service_state next;
	enum service_action action;
};

/* An event that a state does not know leaves the state as it is, with no action. */
struct service_step service_step(enum service_state state, enum service_event event);

const char *service_state_name(enum service_state state);
/* Neither on its way up nor down. */
bool service_is_settled(enum service_state state);
bool service_is_active(enum service_state state);
bool service_has_process(enum service_state state);
