/*
 * A guest's life, as a table: what each event means in each state. Pure; guest.c carries the actions out.
 *
 *                     +------------------- restart due, dependencies ready -------------+
 *                     v                                                                 |
 *      off --start--> starting --ready--> running --shutdown--> stopping --ended--> waiting
 *       ^                |                 ^   |                   |
 *       |                |           resume|   |pause              +--ended--> off
 *       |                |                 |   v                   |
 *       |                |                paused                   +--failed--> failed
 *       +----------------+---- ended by itself, wanted or not -----------> off, failed, waiting
 *
 * "ended" comes in three kinds, decided by the definition's on_poweroff, on_reboot and on_crash: the guest
 * stays off, it failed, or it is to start again.
 */
#pragma once

enum life_state {
	LIFE_OFF,
	LIFE_WAITING,  /* to be started: after a delay, or when the guests it depends on are ready */
	LIFE_STARTING, /* its process runs, its init has not said READY=1 */
	LIFE_RUNNING,
	LIFE_PAUSED,
	LIFE_STOPPING, /* it was told to end */
	LIFE_FAILED,   /* off, and nobody wanted that */
	LIFE_STATES,
};

enum life_event {
	LIFE_START, /* somebody wants it to run */
	LIFE_HOLD,  /* the same, but it cannot start yet */
	LIFE_DUE,   /* what it waited for has happened */
	LIFE_READY, /* READY=1, or its vCPUs run and nothing more is expected */
	LIFE_PAUSE,
	LIFE_RESUME,
	LIFE_HALT,     /* its watchdog expired and has paused it */
	LIFE_SHUTDOWN, /* reboot too: guest.c keeps in mind that it starts again */
	LIFE_KILL,
	LIFE_ENDED,       /* its process is gone, and it stays off */
	LIFE_ENDED_BADLY, /* its process is gone, or could not be started: a fault */
	LIFE_ENDED_AGAIN, /* its process is gone, and it starts again */
	LIFE_EVENTS,
};

enum life_action {
	LIFE_NOTHING,
	LIFE_SPAWN, /* start its process; LIFE_ENDED_BADLY when that fails */
	LIFE_DELAY, /* wait, then LIFE_DUE */
	LIFE_TELL_PAUSE,
	LIFE_TELL_RESUME,
	LIFE_ASK,    /* to shut down: power button, Ctrl-Alt-Del, then force */
	LIFE_FORCE,  /* end it now */
	LIFE_CANCEL, /* forget that it was to start */
};

struct life_step {
	enum life_state next;
	enum life_action action;
};

/* 0 and *step; or -EALREADY (it is so already, or on its way), -ENOTCONN (the guest does not run), -EBUSY
 * (not in this state); the state then stays. */
int life_step(enum life_state state, enum life_event event, struct life_step *step);

const char *life_state_name(enum life_state state); /* "off", "waiting", ... */
