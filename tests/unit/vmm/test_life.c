/* A guest's life: every state by every event. */
#include <criterion/criterion.h>
#include <errno.h>

#include "common/util.h"
#include "vmm/manager/life.h"

struct row {
	enum life_event event;
	int refusal;
	enum life_state next;
	enum life_action action;
};

#define GO(event, next, action)                                                                              \
	{                                                                                                    \
		LIFE_##event, 0, LIFE_##next, LIFE_##action                                                  \
	}
#define NO(event, code)                                                                                      \
	{                                                                                                    \
		LIFE_##event, -(code), LIFE_OFF, LIFE_NOTHING                                                \
	}

static void expect(enum life_state state, const struct row rows[LIFE_EVENTS])
{
	for (unsigned i = 0; i < LIFE_EVENTS; i++) {
		const struct row *row = &rows[i];
		struct life_step step = {LIFE_OFF, LIFE_NOTHING};

		cr_assert_eq(life_step(state, row->event, &step), row->refusal, "%s, event %u",
			     life_state_name(state), row->event);
		cr_assert_eq(step.next, row->next, "%s, event %u", life_state_name(state), row->event);
		cr_assert_eq(step.action, row->action, "%s, event %u", life_state_name(state), row->event);
	}
}

/* Off and failed differ in their name alone. */
static void expect_off(enum life_state state)
{
	struct row rows[LIFE_EVENTS] = {
		GO(START, STARTING, SPAWN), GO(HOLD, WAITING, NOTHING),    GO(DUE, OFF, NOTHING),
		GO(READY, OFF, NOTHING),    NO(PAUSE, ENOTCONN),           NO(RESUME, ENOTCONN),
		GO(HALT, OFF, NOTHING),     NO(SHUTDOWN, ENOTCONN),        NO(KILL, ENOTCONN),
		GO(ENDED, OFF, NOTHING),    GO(ENDED_BADLY, OFF, NOTHING), GO(ENDED_AGAIN, OFF, NOTHING),
	};

	for (unsigned i = 0; i < LIFE_EVENTS; i++) {
		if (!rows[i].refusal && rows[i].next == LIFE_OFF)
			rows[i].next = state;
	}
	expect(state, rows);
}

Test(life, off)
{
	expect_off(LIFE_OFF);
}

Test(life, failed)
{
	expect_off(LIFE_FAILED);
}

Test(life, waiting)
{
	static const struct row rows[LIFE_EVENTS] = {
		GO(START, STARTING, SPAWN),
		GO(HOLD, WAITING, NOTHING),
		GO(DUE, STARTING, SPAWN),
		GO(READY, WAITING, NOTHING),
		NO(PAUSE, ENOTCONN),
		NO(RESUME, ENOTCONN),
		GO(HALT, WAITING, NOTHING),
		GO(SHUTDOWN, OFF, CANCEL),
		GO(KILL, OFF, CANCEL),
		GO(ENDED, OFF, CANCEL),
		GO(ENDED_BADLY, FAILED, CANCEL),
		GO(ENDED_AGAIN, WAITING, NOTHING),
	};

	expect(LIFE_WAITING, rows);
}

Test(life, starting)
{
	static const struct row rows[LIFE_EVENTS] = {
		NO(START, EALREADY),
		NO(HOLD, EALREADY),
		GO(DUE, STARTING, NOTHING),
		GO(READY, RUNNING, NOTHING),
		NO(PAUSE, EBUSY),
		NO(RESUME, EALREADY),
		GO(HALT, PAUSED, NOTHING),
		GO(SHUTDOWN, STOPPING, ASK),
		GO(KILL, STOPPING, FORCE),
		GO(ENDED, OFF, NOTHING),
		GO(ENDED_BADLY, FAILED, NOTHING),
		GO(ENDED_AGAIN, WAITING, DELAY),
	};

	expect(LIFE_STARTING, rows);
}

Test(life, running)
{
	static const struct row rows[LIFE_EVENTS] = {
		NO(START, EALREADY),
		NO(HOLD, EALREADY),
		GO(DUE, RUNNING, NOTHING),
		GO(READY, RUNNING, NOTHING),
		GO(PAUSE, PAUSED, TELL_PAUSE),
		NO(RESUME, EALREADY),
		GO(HALT, PAUSED, NOTHING),
		GO(SHUTDOWN, STOPPING, ASK),
		GO(KILL, STOPPING, FORCE),
		GO(ENDED, OFF, NOTHING),
		GO(ENDED_BADLY, FAILED, NOTHING),
		GO(ENDED_AGAIN, WAITING, DELAY),
	};

	expect(LIFE_RUNNING, rows);
}

Test(life, paused)
{
	static const struct row rows[LIFE_EVENTS] = {
		NO(START, EBUSY),
		NO(HOLD, EBUSY),
		GO(DUE, PAUSED, NOTHING),
		GO(READY, PAUSED, NOTHING),
		NO(PAUSE, EALREADY),
		GO(RESUME, RUNNING, TELL_RESUME),
		GO(HALT, PAUSED, NOTHING),
		GO(SHUTDOWN, STOPPING, ASK),
		GO(KILL, STOPPING, FORCE),
		GO(ENDED, OFF, NOTHING),
		GO(ENDED_BADLY, FAILED, NOTHING),
		GO(ENDED_AGAIN, WAITING, DELAY),
	};

	expect(LIFE_PAUSED, rows);
}

Test(life, stopping)
{
	static const struct row rows[LIFE_EVENTS] = {
		NO(START, EBUSY),
		NO(HOLD, EBUSY),
		GO(DUE, STOPPING, NOTHING),
		GO(READY, STOPPING, NOTHING),
		NO(PAUSE, EBUSY),
		NO(RESUME, EBUSY),
		GO(HALT, STOPPING, NOTHING),
		GO(SHUTDOWN, STOPPING, ASK),
		GO(KILL, STOPPING, FORCE),
		GO(ENDED, OFF, NOTHING),
		GO(ENDED_BADLY, FAILED, NOTHING),
		GO(ENDED_AGAIN, WAITING, DELAY),
	};

	expect(LIFE_STOPPING, rows);
}

Test(life, every_state_has_a_name_of_its_own)
{
	for (unsigned i = 0; i < LIFE_STATES; i++) {
		for (unsigned j = 0; j < i; j++)
			cr_assert_str_neq(life_state_name(i), life_state_name(j));
	}
}
