#include <criterion/criterion.h>

#include "rinit/unit_times.h"

static struct unit_times times;

static void assert_times(uint64_t queued, uint64_t started, uint64_t ready)
{
	cr_assert_eq(times.queued_ms, queued);
	cr_assert_eq(times.started_ms, started);
	cr_assert_eq(times.ready_ms, ready);
}

Test(unit_times, of_a_service)
{
	unit_times_moved(&times, STATE_INACTIVE, STATE_WAITING, 10);
	assert_times(10, 0, 0);
	unit_times_moved(&times, STATE_WAITING, STATE_STARTING, 20);
	unit_times_moved(&times, STATE_STARTING, STATE_STARTING, 25);
	assert_times(10, 20, 0);
	unit_times_moved(&times, STATE_STARTING, STATE_RUNNING, 30);
	unit_times_moved(&times, STATE_RUNNING, STATE_STOPPING, 40);
	unit_times_moved(&times, STATE_STOPPING, STATE_INACTIVE, 50);
	assert_times(10, 20, 30);
}

Test(unit_times, of_a_target)
{
	unit_times_moved(&times, STATE_INACTIVE, STATE_WAITING, 10);
	unit_times_moved(&times, STATE_WAITING, STATE_EXITED, 20);
	assert_times(10, 20, 20);
}

Test(unit_times, of_a_start_that_fails)
{
	unit_times_moved(&times, STATE_INACTIVE, STATE_WAITING, 10);
	unit_times_moved(&times, STATE_WAITING, STATE_STARTING, 20);
	unit_times_moved(&times, STATE_STARTING, STATE_FAILED, 30);
	assert_times(10, 20, 30);
	unit_times_moved(&times, STATE_FAILED, STATE_WAITING, 40);
	assert_times(40, 0, 0);
}

Test(unit_times, that_is_never_started)
{
	unit_times_moved(&times, STATE_INACTIVE, STATE_INACTIVE, 10);
	assert_times(0, 0, 0);
}
