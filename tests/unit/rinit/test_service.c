#include <criterion/criterion.h>

#include "rinit/service.h"

/* Every state by every event; what is not listed must leave the state alone and do nothing. */
static const struct {
	enum service_state state;
	enum service_event event;
	enum service_state next;
	enum service_action action;
} expected[] = {
	{STATE_INACTIVE, EVENT_START, STATE_WAITING, ACTION_QUEUE},
	{STATE_WAITING, EVENT_STOP, STATE_INACTIVE, ACTION_ENDED},
	{STATE_WAITING, EVENT_GO, STATE_STARTING, ACTION_SPAWN},
	{STATE_WAITING, EVENT_SKIP, STATE_INACTIVE, ACTION_ENDED},
	{STATE_WAITING, EVENT_READY, STATE_EXITED, ACTION_REACHED},
	{STATE_WAITING, EVENT_FAIL, STATE_FAILED, ACTION_FAILED},
	{STATE_STARTING, EVENT_STOP, STATE_STOPPING, ACTION_STOP},
	{STATE_STARTING, EVENT_READY, STATE_RUNNING, ACTION_REACHED},
	{STATE_STARTING, EVENT_NEXT, STATE_STARTING, ACTION_NEXT},
	{STATE_STARTING, EVENT_DONE, STATE_INACTIVE, ACTION_ENDED},
	{STATE_STARTING, EVENT_REMAIN, STATE_EXITED, ACTION_REACHED},
	{STATE_STARTING, EVENT_FAIL, STATE_FAILED, ACTION_FAILED},
	{STATE_STARTING, EVENT_AGAIN, STATE_DELAY, ACTION_DELAY},
	{STATE_STARTING, EVENT_TIMEOUT, STATE_STOPPING, ACTION_GIVE_UP},
	{STATE_RUNNING, EVENT_STOP, STATE_STOPPING, ACTION_STOP},
	{STATE_RUNNING, EVENT_DONE, STATE_INACTIVE, ACTION_ENDED},
	{STATE_RUNNING, EVENT_REMAIN, STATE_EXITED, ACTION_REACHED},
	{STATE_RUNNING, EVENT_FAIL, STATE_FAILED, ACTION_FAILED},
	{STATE_RUNNING, EVENT_AGAIN, STATE_DELAY, ACTION_DELAY},
	{STATE_EXITED, EVENT_STOP, STATE_INACTIVE, ACTION_ENDED},
	{STATE_STOPPING, EVENT_DONE, STATE_INACTIVE, ACTION_ENDED},
	{STATE_STOPPING, EVENT_FAIL, STATE_FAILED, ACTION_FAILED},
	{STATE_STOPPING, EVENT_AGAIN, STATE_DELAY, ACTION_DELAY},
	{STATE_STOPPING, EVENT_TIMEOUT, STATE_KILLING, ACTION_KILL},
	{STATE_KILLING, EVENT_DONE, STATE_INACTIVE, ACTION_ENDED},
	{STATE_KILLING, EVENT_FAIL, STATE_FAILED, ACTION_FAILED},
	{STATE_KILLING, EVENT_AGAIN, STATE_DELAY, ACTION_DELAY},
	{STATE_DELAY, EVENT_START, STATE_WAITING, ACTION_QUEUE},
	{STATE_DELAY, EVENT_STOP, STATE_INACTIVE, ACTION_ENDED},
	{STATE_DELAY, EVENT_TIMEOUT, STATE_WAITING, ACTION_QUEUE},
	{STATE_FAILED, EVENT_START, STATE_WAITING, ACTION_QUEUE},
};

static struct service_step expectation(enum service_state state, enum service_event event)
{
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (expected[i].state == state && expected[i].event == event)
			return (struct service_step){expected[i].next, expected[i].action};
	return (struct service_step){state, ACTION_NONE};
}

Test(service, every_state_by_every_event)
{
	for (int state = 0; state < STATE_COUNT; state++)
		for (int event = 0; event < EVENT_COUNT; event++) {
			struct service_step want = expectation(state, event), is = service_step(state, event);

			cr_assert_eq(is.next, want.next, "%s, event %d", service_state_name(state), event);
			cr_assert_eq(is.action, want.action, "%s, event %d", service_state_name(state),
				     event);
		}
}

Test(service, stop_leads_out_of_every_state_that_is_not_down)
{
	for (int state = 0; state < STATE_COUNT; state++) {
		enum service_state next = service_step(state, EVENT_STOP).next;

		cr_assert(next == STATE_INACTIVE || next == STATE_STOPPING || next == STATE_KILLING ||
				  next == STATE_FAILED,
			  "%s", service_state_name(state));
	}
}

Test(service, states_with_a_process_are_never_left_but_by_its_end_or_towards_it)
{
	for (int state = 0; state < STATE_COUNT; state++) {
		if (!service_has_process(state))
			continue;
		cr_assert(service_has_process(service_step(state, EVENT_STOP).next));
		cr_assert(service_has_process(service_step(state, EVENT_TIMEOUT).next));
		cr_assert(service_has_process(service_step(state, EVENT_START).next));
	}
}

Test(service, every_state_has_a_name)
{
	for (int state = 0; state < STATE_COUNT; state++)
		cr_assert_not_null(service_state_name(state));
}
