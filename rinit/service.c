#include "rinit/service.h"

#define STEP(state, action)                                                                                  \
	{                                                                                                    \
		STATE_##state, ACTION_##action                                                               \
	}

/*
 * A cell that is not there (all zero) would say INACTIVE, NONE, which no cell means: it stands for "nothing".
 * A restart, by policy or asked for, always goes through DELAY; the delay may be zero.
 */
static const struct service_step steps[STATE_COUNT][EVENT_COUNT] =
	{
		[STATE_INACTIVE] =
			{
				[EVENT_START] = STEP(WAITING, QUEUE),
			},
		[STATE_WAITING] =
			{
				[EVENT_STOP] = STEP(INACTIVE, ENDED),
				[EVENT_GO] = STEP(STARTING, SPAWN),
				[EVENT_SKIP] = STEP(INACTIVE, ENDED),
				[EVENT_READY] = STEP(EXITED, REACHED),
				[EVENT_FAIL] = STEP(FAILED, FAILED),
			},
		[STATE_STARTING] =
			{
				[EVENT_STOP] = STEP(STOPPING, STOP),
				[EVENT_READY] = STEP(RUNNING, REACHED),
				[EVENT_NEXT] = STEP(STARTING, NEXT),
				[EVENT_DONE] = STEP(INACTIVE, ENDED),
				[EVENT_REMAIN] = STEP(EXITED, REACHED),
				[EVENT_FAIL] = STEP(FAILED, FAILED),
				[EVENT_AGAIN] = STEP(DELAY, DELAY),
				[EVENT_TIMEOUT] = STEP(STOPPING, GIVE_UP),
			},
		[STATE_RUNNING] =
			{
				[EVENT_STOP] = STEP(STOPPING, STOP),
				[EVENT_DONE] = STEP(INACTIVE, ENDED),
				[EVENT_REMAIN] = STEP(EXITED, REACHED),
				[EVENT_FAIL] = STEP(FAILED, FAILED),
				[EVENT_AGAIN] = STEP(DELAY, DELAY),
			},
		[STATE_EXITED] =
			{
				[EVENT_STOP] = STEP(INACTIVE, ENDED),
			},
		[STATE_STOPPING] =
			{
				[EVENT_DONE] = STEP(INACTIVE, ENDED),
				[EVENT_FAIL] = STEP(FAILED, FAILED),
				[EVENT_AGAIN] = STEP(DELAY, DELAY),
				[EVENT_TIMEOUT] = STEP(KILLING, KILL),
			},
		[STATE_KILLING] =
			{
				[EVENT_DONE] = STEP(INACTIVE, ENDED),
				[EVENT_FAIL] = STEP(FAILED, FAILED),
				[EVENT_AGAIN] = STEP(DELAY, DELAY),
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
			},
};

struct service_step service_step(enum service_state state, enum service_event event)
{
	struct service_step step = steps[state][event];

	if (step.next == STATE_INACTIVE && step.action == ACTION_NONE)
		step.next = state;
	return step;
}

const char *service_state_name(enum service_state state)
{
	static const char *const names[STATE_COUNT] = {
		[STATE_INACTIVE] = "inactive", [STATE_WAITING] = "waiting",  [STATE_STARTING] = "starting",
		[STATE_RUNNING] = "running",   [STATE_EXITED] = "active",    [STATE_STOPPING] = "stopping",
		[STATE_KILLING] = "killing",   [STATE_DELAY] = "restarting", [STATE_FAILED] = "failed",
	};

	return names[state];
}

bool service_is_settled(enum service_state state)
{
	return state == STATE_INACTIVE || state == STATE_RUNNING || state == STATE_EXITED ||
	       state == STATE_DELAY || state == STATE_FAILED;
}

bool service_is_active(enum service_state state)
{
	return state == STATE_RUNNING || state == STATE_EXITED;
}

bool service_has_process(enum service_state state)
{
	return state == STATE_STARTING || state == STATE_RUNNING || state == STATE_STOPPING ||
	       state == STATE_KILLING;
}
