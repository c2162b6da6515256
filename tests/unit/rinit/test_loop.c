#include <criterion/criterion.h>
#include <stddef.h>
#include <unistd.h>

#include "common/util.h"
#include "rinit/loop.h"

static struct loop loop;
static char order[16];
static size_t fired;

struct named_timer {
	struct loop_timer timer;
	char name;
};

static void expired(struct loop_timer *timer)
{
	order[fired++] = CONTAINER_OF(timer, struct named_timer, timer)->name;
}

static void set_up(void)
{
	cr_assert_eq(loop_init(&loop), 0);
}

TestSuite(rinit_loop, .init = set_up);

Test(rinit_loop, timers_fire_by_deadline)
{
	struct named_timer a = {{.expired = expired}, 'a'}, b = {{.expired = expired}, 'b'},
			   c = {{.expired = expired}, 'c'};

	loop_timer_set(&loop, &c.timer, 30);
	loop_timer_set(&loop, &a.timer, 0);
	loop_timer_set(&loop, &b.timer, 10);
	while (fired < 3)
		cr_assert_gt(loop_step(&loop, 1000), 0);
	cr_assert_str_eq(order, "abc");
	cr_assert_not(a.timer.armed);
}

Test(rinit_loop, cleared_timer_does_not_fire)
{
	struct named_timer a = {{.expired = expired}, 'a'}, b = {{.expired = expired}, 'b'};

	loop_timer_set(&loop, &a.timer, 0);
	loop_timer_set(&loop, &b.timer, 10);
	loop_timer_clear(&loop, &a.timer);
	loop_timer_clear(&loop, &a.timer);
	while (!fired)
		cr_assert_gt(loop_step(&loop, 1000), 0);
	cr_assert_str_eq(order, "b");
}

Test(rinit_loop, timer_set_again_fires_once)
{
	struct named_timer a = {{.expired = expired}, 'a'};

	loop_timer_set(&loop, &a.timer, 1000);
	loop_timer_set(&loop, &a.timer, 1);
	cr_assert_gt(loop_step(&loop, 500), 0);
	cr_assert_eq(fired, 1);
	cr_assert_null(loop.timers);
}

struct pair {
	struct loop_source source;
	struct loop_source *other;
};

static void remove_other(struct loop_source *source, uint32_t events)
{
	(void)events;
	fired++;
	loop_remove(&loop, CONTAINER_OF(source, struct pair, source)->other);
}

Test(rinit_loop, pending_event_of_a_removed_source_is_dropped)
{
	int pipes[2][2];
	struct pair pair[2];

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(pipe(pipes[i]), 0);
		cr_assert_eq(write(pipes[i][1], "x", 1), 1);
		pair[i] = (struct pair){.source = {.fd = pipes[i][0], .ready = remove_other},
					.other = &pair[!i].source};
	}
	for (int i = 0; i < 2; i++)
		cr_assert_eq(loop_add(&loop, &pair[i].source, EPOLLIN), 0);
	loop_step(&loop, 100);
	cr_assert_eq(fired, 1);
}

Test(rinit_loop, idle_loop_waits)
{
	cr_assert_eq(loop_step(&loop, 20), 0);
}
