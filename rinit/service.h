/*
 * The life of a service, as one table: a state and an event give the next state and one action. Pure;
 * manager.c does what the actions say, and turns what happens in the world into events.
 *
 *      INACTIVE --start--> WAITING --go--> STARTING --ready--> RUNNING
 *         ^                   ^              |   \               |  \
 *         |                   +-- DELAY <----+----again----------+   stop
 *         |                                                      |     \
 *         +---- done ---- STOPPING <-----------------------------+------+
 *                           | timeout
 *                           +--> KILLING
 *
 * FAILED and EXITED (ended well and counts as active: RemainAfterExit, targets) are left by start and stop.
 */
#pragma once

#include <stdbool.h>

enum service_state {
	STATE_INACTIVE,
	STATE_WAITING,  /* for the units it comes after */
	STATE_STARTING, /* has a process, is not ready */
	STATE_RUNNING,
	STATE_EXITED,
	STATE_STOPPING, /* was told to end */
	STATE_KILLING,  /* and did not */
	STATE_DELAY,    /* until it is restarted */
	STATE_FAILED,
	STATE_COUNT,
};

enum service_event {
	EVENT_START,
	EVENT_STOP,
	EVENT_GO,      /* what it waited for has happened */
	EVENT_SKIP,    /* its turn, but a condition does not hold */
	EVENT_READY,   /* it serves; a target: it is reached */
	EVENT_NEXT,    /* a command ended well and there is another one */
	EVENT_DONE,    /* its process ended and that is that */
	EVENT_REMAIN,  /* its process ended well and it counts as active */
	EVENT_FAIL,    /* its process ended badly or could not be started */
	EVENT_AGAIN,   /* its process ended and it shall be restarted */
	EVENT_TIMEOUT, /* its timer */
	EVENT_COUNT,
};

enum service_action {
	ACTION_NONE,
	ACTION_QUEUE,   /* look whether it can go */
	ACTION_SPAWN,   /* run the first command */
	ACTION_NEXT,    /* run the next one */
	ACTION_REACHED, /* settled: up */
	ACTION_ENDED,   /* settled: down */
	ACTION_FAILED,  /* settled: down, and it should not be */
	ACTION_STOP,    /* tell it to end, and start the stop timer */
	ACTION_GIVE_UP, /* the same after a start that took too long */
	ACTION_KILL,    /* SIGKILL */
	ACTION_DELAY,   /* start the restart timer */
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
