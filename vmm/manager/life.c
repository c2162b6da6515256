#include "vmm/manager/life.h"

#include <errno.h>

struct cell {
	enum life_state next;
	enum life_action action;
	int refusal; /* 0, or a negative errno: the state stays */
};

#define GO(next, action)                                                                                     \
	{                                                                                                    \
		LIFE_##next, LIFE_##action, 0                                                                \
	}
#define STAY(state)                                                                                          \
	{                                                                                                    \
		LIFE_##state, LIFE_NOTHING, 0                                                                \
	}
#define REFUSE(code)                                                                                         \
	{                                                                                                    \
		LIFE_OFF, LIFE_NOTHING, -(code)                                                              \
	}

/* What has no line of its own cannot come in that state: a late message of a process that is gone. */
static const struct cell table[LIFE_STATES][LIFE_EVENTS] = {
	[LIFE_OFF] =
		{
			[LIFE_START] = GO(STARTING, SPAWN),
			[LIFE_HOLD] = GO(WAITING, NOTHING),
			[LIFE_DUE] = STAY(OFF),
			[LIFE_READY] = STAY(OFF),
			[LIFE_PAUSE] = REFUSE(ENOTCONN),
			[LIFE_RESUME] = REFUSE(ENOTCONN),
			[LIFE_HALT] = STAY(OFF),
			[LIFE_SHUTDOWN] = REFUSE(ENOTCONN),
			[LIFE_KILL] = REFUSE(ENOTCONN),
			[LIFE_ENDED] = STAY(OFF),
			[LIFE_ENDED_BADLY] = STAY(OFF),
			[LIFE_ENDED_AGAIN] = STAY(OFF),
		},
	[LIFE_WAITING] =
		{
			[LIFE_START] = GO(STARTING, SPAWN), /* who says so does not want to wait */
			[LIFE_HOLD] = STAY(WAITING),
			[LIFE_DUE] = GO(STARTING, SPAWN),
			[LIFE_READY] = STAY(WAITING),
			[LIFE_PAUSE] = REFUSE(ENOTCONN),
			[LIFE_RESUME] = REFUSE(ENOTCONN),
			[LIFE_HALT] = STAY(WAITING),
			[LIFE_SHUTDOWN] = GO(OFF, CANCEL),
			[LIFE_KILL] = GO(OFF, CANCEL),
			[LIFE_ENDED] = GO(OFF, CANCEL),
			[LIFE_ENDED_BADLY] = GO(FAILED, CANCEL), /* what it depends on failed */
			[LIFE_ENDED_AGAIN] = STAY(WAITING),
		},
	[LIFE_STARTING] =
		{
			[LIFE_START] = REFUSE(EALREADY),
			[LIFE_HOLD] = REFUSE(EALREADY),
			[LIFE_DUE] = STAY(STARTING),
			[LIFE_READY] = GO(RUNNING, NOTHING),
			[LIFE_PAUSE] = REFUSE(EBUSY), /* whoever waits for READY=1 would wait for ever */
			[LIFE_RESUME] = REFUSE(EALREADY),
			[LIFE_HALT] = GO(PAUSED, NOTHING),
			[LIFE_SHUTDOWN] = GO(STOPPING, ASK),
			[LIFE_KILL] = GO(STOPPING, FORCE),
			[LIFE_ENDED] = GO(OFF, NOTHING),
			[LIFE_ENDED_BADLY] = GO(FAILED, NOTHING),
			[LIFE_ENDED_AGAIN] = GO(WAITING, DELAY),
		},
	[LIFE_RUNNING] =
		{
			[LIFE_START] = REFUSE(EALREADY),
			[LIFE_HOLD] = REFUSE(EALREADY),
			[LIFE_DUE] = STAY(RUNNING),
			[LIFE_READY] = STAY(RUNNING),
			[LIFE_PAUSE] = GO(PAUSED, TELL_PAUSE),
			[LIFE_RESUME] = REFUSE(EALREADY),
			[LIFE_HALT] = GO(PAUSED, NOTHING),
			[LIFE_SHUTDOWN] = GO(STOPPING, ASK),
			[LIFE_KILL] = GO(STOPPING, FORCE),
			[LIFE_ENDED] = GO(OFF, NOTHING),
			[LIFE_ENDED_BADLY] = GO(FAILED, NOTHING),
			[LIFE_ENDED_AGAIN] = GO(WAITING, DELAY),
		},
	[LIFE_PAUSED] =
		{
			[LIFE_START] = REFUSE(EBUSY),
			[LIFE_HOLD] = REFUSE(EBUSY),
			[LIFE_DUE] = STAY(PAUSED),
			[LIFE_READY] = STAY(PAUSED),
			[LIFE_PAUSE] = REFUSE(EALREADY),
			[LIFE_RESUME] = GO(RUNNING, TELL_RESUME),
			[LIFE_HALT] = STAY(PAUSED),
			[LIFE_SHUTDOWN] = GO(STOPPING, ASK), /* asking lets it run again first */
			[LIFE_KILL] = GO(STOPPING, FORCE),
			[LIFE_ENDED] = GO(OFF, NOTHING),
			[LIFE_ENDED_BADLY] = GO(FAILED, NOTHING),
			[LIFE_ENDED_AGAIN] = GO(WAITING, DELAY),
		},
	[LIFE_STOPPING] =
		{
			[LIFE_START] = REFUSE(EBUSY),
			[LIFE_HOLD] = REFUSE(EBUSY),
			[LIFE_DUE] = STAY(STOPPING),
			[LIFE_READY] = STAY(STOPPING),
			[LIFE_PAUSE] = REFUSE(EBUSY),
			[LIFE_RESUME] = REFUSE(EBUSY),
			[LIFE_HALT] = STAY(STOPPING),
			[LIFE_SHUTDOWN] = GO(STOPPING, ASK), /* perhaps with less time */
			[LIFE_KILL] = GO(STOPPING, FORCE),
			[LIFE_ENDED] = GO(OFF, NOTHING),
			[LIFE_ENDED_BADLY] = GO(FAILED, NOTHING),
			[LIFE_ENDED_AGAIN] = GO(WAITING, DELAY),
		},
	[LIFE_FAILED] =
		{
			[LIFE_START] = GO(STARTING, SPAWN),
			[LIFE_HOLD] = GO(WAITING, NOTHING),
			[LIFE_DUE] = STAY(FAILED),
			[LIFE_READY] = STAY(FAILED),
			[LIFE_PAUSE] = REFUSE(ENOTCONN),
			[LIFE_RESUME] = REFUSE(ENOTCONN),
			[LIFE_HALT] = STAY(FAILED),
			[LIFE_SHUTDOWN] = REFUSE(ENOTCONN),
			[LIFE_KILL] = REFUSE(ENOTCONN),
			[LIFE_ENDED] = STAY(FAILED),
			[LIFE_ENDED_BADLY] = STAY(FAILED),
			[LIFE_ENDED_AGAIN] = STAY(FAILED),
		},
};

int life_step(enum life_state state, enum life_event event, struct life_step *step)
{
	const struct cell *cell = &table[state][event];

	if (cell->refusal)
		return cell->refusal;
	*step = (struct life_step){.next = cell->next, .action = cell->action};
	return 0;
}

const char *life_state_name(enum life_state state)
{
	static const char *const names[LIFE_STATES] = {
		[LIFE_OFF] = "off",         [LIFE_WAITING] = "waiting", [LIFE_STARTING] = "starting",
		[LIFE_RUNNING] = "running", [LIFE_PAUSED] = "paused",   [LIFE_STOPPING] = "stopping",
		[LIFE_FAILED] = "failed",
	};

	return names[state];
}
