#include "rinit/service.h"

/* A cell: the next state and the action. One byte each: the table is small, and every state by every event.
 */
struct cell {
	unsigned char next, action;
};

#define STEP(state, action)                                                                                  \
	{                                                                                                    \
		STATE_##state, ACTION_##action                                                               \
	}

/*
 * A cell that is not there (all zero) would say INACTIVE, NONE, which no cell means: it stands for "nothing".
 * A restart, by policy or asked for, always goes through DELAY; the delay may be zero.
 */
static const struct cell steps[STATE_COUNT][EVENT_COUNT] =
	{
		[STATE_INACTIVE] =
			{
				[EVENT_START] = STEP(WAITING, QUEUE),
			},
		[STATE_WAITING] =
			{
				[EVENT_STOP] = STEP(INACTIVE, ENDED),
				[EVENT_GO] = STEP(START_PRE, BEGIN),
				[EVENT_SKIP] = STEP(INACTIVE, ENDED),
				[EVENT_READY] = STEP(EXITED, REACHED),
				[EVENT_FAIL] = STEP(FAILED, FAILED),
			},
		[STATE_START_PRE] =
			{
				[EVENT_STOP] = STEP(STOPPING, TERM),
				[EVENT_SKIP] = STEP(STOPPING, TERM),
				[EVENT_NEXT] = STEP(START_PRE, NEXT),
				[EVENT_DONE] = STEP(STARTING, SPAWN),
				[EVENT_FAIL] = STEP(STOPPING, TERM),
				[EVENT_TIMEOUT] = STEP(STOPPING, GIVE_UP),
			},
		[STATE_STARTING] =
			{
				[EVENT_STOP] = STEP(STOPPING, TERM),
				[EVENT_READY] = STEP(START_POST, COMMANDS),
				[EVENT_NEXT] = STEP(STARTING, NEXT),
				[EVENT_BROKE] = STEP(STOPPING, TERM),
				[EVENT_TIMEOUT] = STEP(STOPPING, GIVE_UP),
				[EVENT_WATCHDOG] = STEP(ABORTING, ABORT),
			},
		[STATE_START_POST] =
			{
				[EVENT_STOP] = STEP(STOPPING, TERM),
				[EVENT_NEXT] = STEP(START_POST, NEXT),
				[EVENT_DONE] = STEP(RUNNING, REACHED),
				[EVENT_REMAIN] = STEP(EXITED, REACHED),
				[EVENT_END] = STEP(STOP, COMMANDS),
				[EVENT_BROKE] = STEP(STOPPING, TERM),
				[EVENT_FAIL] = STEP(STOPPING, TERM),
				[EVENT_TIMEOUT] = STEP(STOPPING, GIVE_UP),
				[EVENT_WATCHDOG] = STEP(ABORTING, ABORT),
			},
		[STATE_RUNNING] =
			{
				[EVENT_STOP] = STEP(STOP, COMMANDS),
				[EVENT_REMAIN] = STEP(EXITED, RELOADED),
				[EVENT_END] = STEP(STOP, COMMANDS),
				[EVENT_BROKE] = STEP(STOPPING, TERM),
				[EVENT_RELOAD] = STEP(RELOADING, COMMANDS),
				[EVENT_RELOADS] = STEP(RELOADING, NONE),
				[EVENT_TIMEOUT] = STEP(STOPPING, GIVE_UP),
				[EVENT_WATCHDOG] = STEP(ABORTING, ABORT),
			},
		[STATE_RELOADING] =
			{
				[EVENT_STOP] = STEP(STOP, COMMANDS),
				[EVENT_READY] = STEP(RUNNING, RELOADED),
				[EVENT_NEXT] = STEP(RELOADING, NEXT),
				[EVENT_DONE] = STEP(RUNNING, RELOADED),
				[EVENT_REMAIN] = STEP(EXITED, RELOADED),
				[EVENT_END] = STEP(STOP, COMMANDS),
				[EVENT_BROKE] = STEP(STOPPING, TERM),
				[EVENT_FAIL] = STEP(RUNNING, RELOADED),
				[EVENT_TIMEOUT] = STEP(RUNNING, RELOADED),
				[EVENT_WATCHDOG] = STEP(ABORTING, ABORT),
			},
		[STATE_EXITED] =
			{
				[EVENT_STOP] = STEP(STOP, COMMANDS),
				[EVENT_RELOAD] = STEP(RELOADING, COMMANDS),
			},
		[STATE_STOP] =
			{
				[EVENT_SKIP] = STEP(EXITED, STAYED),
				[EVENT_NEXT] = STEP(STOP, NEXT),
				[EVENT_DONE] = STEP(STOPPING, TERM),
				[EVENT_FAIL] = STEP(STOPPING, TERM),
				[EVENT_TIMEOUT] = STEP(STOPPING, GIVE_UP),
			},
		[STATE_STOPPING] =
			{
				[EVENT_GONE] = STEP(STOP_POST, COMMANDS),
				[EVENT_TIMEOUT] = STEP(KILLING, KILL),
			},
		[STATE_ABORTING] =
			{
				[EVENT_END] = STEP(STOPPING, TERM),
				[EVENT_BROKE] = STEP(STOPPING, TERM),
				[EVENT_GONE] = STEP(STOP_POST, COMMANDS),
				[EVENT_TIMEOUT] = STEP(KILLING, KILL),
			},
		[STATE_KILLING] =
			{
				[EVENT_GONE] = STEP(STOP_POST, COMMANDS),
				[EVENT_TIMEOUT] = STEP(STOP_POST, LEAVE),
			},
		[STATE_STOP_POST] =
			{
				[EVENT_NEXT] = STEP(STOP_POST, NEXT),
				[EVENT_OVER] = STEP(INACTIVE, ENDED),
				[EVENT_FAIL] = STEP(FAILED, FAILED),
				[EVENT_AGAIN] = STEP(DELAY, DELAY),
				[EVENT_TIMEOUT] = STEP(STOP_POST, KILL),
			},
		[STATE_DELAY] =
			{
				[EVENT_START] = STEP(WAITING, QUEUE),
				[EVENT_STOP] = STEP(INACTIVE, ENDED),
				[EVENT_TIMEOUT] = STEP(WAITING, QUEUE),
			},
		[STATE_FAILED] =
			{
				[EVENT_START] = STEP(WAITING, QUEUE),
				[EVENT_OVER] = STEP(INACTIVE, ENDED),
			},
};

struct service_step service_step(enum service_state state, enum service_event event)
{
	struct cell cell = steps[state][event];

	if (cell.next == STATE_INACTIVE && cell.action == ACTION_NONE)
		return (struct service_step){state, ACTION_NONE};
	return (struct service_step){cell.next, cell.action};
}

const char *service_state_name(enum service_state state)
{
	static const char *const names[STATE_COUNT] = {
		[STATE_INACTIVE] = "inactive",
		[STATE_WAITING] = "waiting",
		[STATE_START_PRE] = "start-pre",
		[STATE_STARTING] = "starting",
		[STATE_START_POST] = "start-post",
		[STATE_RUNNING] = "running",
		[STATE_RELOADING] = "reloading",
		[STATE_EXITED] = "active",
		[STATE_STOP] = "stop",
		[STATE_STOPPING] = "stopping",
		[STATE_ABORTING] = "aborting",
		[STATE_KILLING] = "killing",
		[STATE_STOP_POST] = "stop-post",
		[STATE_DELAY] = "restarting",
		[STATE_FAILED] = "failed",
	};

	return names[state];
}

bool service_is_settled(enum service_state state)
{
	return state == STATE_INACTIVE || state == STATE_DELAY || state == STATE_FAILED ||
	       service_is_active(state);
}

bool service_is_active(enum service_state state)
{
	return state == STATE_RUNNING || state == STATE_RELOADING || state == STATE_EXITED;
}

bool service_has_process(enum service_state state)
{
	return state != STATE_WAITING && state != STATE_EXITED &&
	       (!service_is_settled(state) || service_is_active(state));
}
