#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/util.h"

#define LONG_MS 5000 /* longer than any test; a step that has work returns at once */
#define MS      1000000ULL

static struct loop loop; /* each test is a process of its own */

static void loop_setup(void)
{
	cr_assert_eq(loop_init(&loop), 0);
}

static void loop_teardown(void)
{
	loop_close(&loop);
}

TestSuite(loop, .init = loop_setup, .fini = loop_teardown, .timeout = 30);

/* A source over an eventfd that counts its calls, and may take another away when called. */
struct bell {
	struct loop_source source;
	unsigned calls;
	uint32_t events;
	struct bell *removes;
	bool frees;
};

static void bell_ready(struct loop_source *source, uint32_t events)
{
	struct bell *bell = CONTAINER_OF(source, struct bell, source);
	struct bell *other = bell->removes;
	uint64_t count;

	bell->calls++;
	bell->events = events;
	if (read(source->fd, &count, sizeof(count)) != sizeof(count))
		abort();
	if (!other)
		return;
	loop_remove(&loop, &other->source);
	if (bell->frees) {
		close(other->source.fd);
		memset(other, 0xa5, sizeof(*other)); /* as good as freed, and a call would crash */
	}
}

static void bell_hang(struct bell *bell)
{
	*bell = (struct bell){
		.source = {.fd = eventfd(0, EFD_NONBLOCK), .events = EPOLLIN, .ready = bell_ready}};
	cr_assert_eq(loop_add(&loop, &bell->source), 0);
}

static void bell_ring(struct bell *bell)
{
	cr_assert_eq(eventfd_write(bell->source.fd, 1), 0);
}

Test(loop, a_ready_source_is_called)
{
	struct bell bell;

	bell_hang(&bell);
	cr_assert_eq(loop_step(&loop, 0), 0);
	cr_assert_eq(bell.calls, 0);
	bell_ring(&bell);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(bell.calls, 1);
	cr_assert_eq(bell.events, EPOLLIN);
	cr_assert_eq(loop_step(&loop, 0), 0);
	cr_assert_eq(bell.calls, 1);
}

Test(loop, a_removed_source_is_not_called_and_its_fd_stays_open)
{
	struct bell bell;

	bell_hang(&bell);
	bell_ring(&bell);
	loop_remove(&loop, &bell.source);
	cr_assert_eq(loop_step(&loop, 0), 0);
	cr_assert_eq(bell.calls, 0);
	bell_ring(&bell);
	cr_assert_eq(loop_add(&loop, &bell.source), 0);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(bell.calls, 1, "and can come back");
}

Test(loop, a_source_removed_by_another_in_the_same_batch_is_not_called)
{
	struct bell one, two;

	bell_hang(&one);
	bell_hang(&two);
	one.removes = &two;
	two.removes = &one;
	bell_ring(&one);
	bell_ring(&two);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(one.calls + two.calls, 1, "whichever comes first");
	cr_assert_eq(loop_step(&loop, 0), 0);
	cr_assert_eq(one.calls + two.calls, 1);
}

Test(loop, a_source_freed_by_another_in_the_same_batch_is_not_touched)
{
	struct bell *bells = calloc(3, sizeof(*bells));
	struct bell *first = &bells[0];

	for (unsigned i = 0; i < 3; i++)
		bell_hang(&bells[i]);
	first->removes = &bells[2];
	first->frees = true;
	for (unsigned i = 0; i < 3; i++)
		bell_ring(&bells[i]);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(first->calls + bells[1].calls, 2, "the others are");
	free(bells);
}

Test(loop, a_callback_may_free_its_own_source)
{
	struct bell bell;

	bell_hang(&bell);
	bell.removes = &bell;
	bell.frees = true;
	bell_ring(&bell);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(bell.calls, 0xa5a5a5a5U);
	cr_assert_eq(loop_step(&loop, 0), 0);
}

Test(loop, modify_changes_what_is_waited_for)
{
	struct bell bell;

	bell_hang(&bell);
	bell_ring(&bell);
	cr_assert_eq(loop_modify(&loop, &bell.source, 0), 0);
	cr_assert_eq(loop_step(&loop, 0), 0);
	cr_assert_eq(bell.calls, 0);
	cr_assert_eq(loop_modify(&loop, &bell.source, EPOLLIN), 0);
	cr_assert_eq(loop_modify(&loop, &bell.source, EPOLLIN), 0, "unchanged");
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(bell.calls, 1);
}

Test(loop, what_cannot_be_watched_is_an_error)
{
	struct loop_source closed = {.fd = -1, .events = EPOLLIN};
	struct bell bell;

	cr_assert_eq(loop_add(&loop, &closed), -EBADF);
	bell_hang(&bell);
	cr_assert_eq(loop_add(&loop, &bell.source), -EEXIST);
	loop_remove(&loop, &bell.source);
	cr_assert_eq(loop_modify(&loop, &bell.source, EPOLLOUT), -ENOENT);
	cr_assert_eq(bell.source.events, EPOLLIN, "as they were");
	loop_remove(&loop, &bell.source); /* a second time does nothing */
}

Test(loop, more_sources_than_a_batch_all_get_their_turn)
{
	struct bell bells[LOOP_BATCH * 2 + 1];

	for (unsigned i = 0; i < ARRAY_SIZE(bells); i++) {
		bell_hang(&bells[i]);
		bell_ring(&bells[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(bells); i++)
		cr_assert_eq(bells[i].calls, 1);
}

/* Stopping. */

Test(loop, a_stop_before_run_is_honoured)
{
	loop_stop(&loop);
	loop_stop(&loop);
	cr_assert_eq(loop_run(&loop), 0);
}

static void stop_ready(struct loop_source *source, uint32_t events)
{
	bell_ready(source, events);
	loop_stop(&loop);
}

Test(loop, it_runs_again_after_a_stop)
{
	struct bell bell;

	bell_hang(&bell);
	bell.source.ready = stop_ready;
	for (unsigned i = 1; i <= 3; i++) {
		bell_ring(&bell);
		cr_assert_eq(loop_run(&loop), 0);
		cr_assert_eq(bell.calls, i);
	}
}

static void *stopper_run(void *unused)
{
	nanosleep(&(struct timespec){.tv_nsec = 20 * (long)MS}, NULL);
	loop_stop(&loop);
	return unused;
}

Test(loop, another_thread_stops_it)
{
	pthread_t stopper;

	cr_assert_eq(pthread_create(&stopper, NULL, stopper_run, NULL), 0);
	cr_assert_eq(loop_run(&loop), 0);
	pthread_join(stopper, NULL);
}

static void signal_stops(int number)
{
	(void)number;
	loop_stop(&loop);
}

Test(loop, a_signal_handler_stops_it)
{
	struct itimerspec soon = {.it_value.tv_nsec = 20 * (long)MS};
	struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	timer_t timer;

	signal(SIGUSR1, signal_stops);
	cr_assert_eq(timer_create(CLOCK_MONOTONIC, &how, &timer), 0);
	timer_settime(timer, 0, &soon, NULL);
	cr_assert_eq(loop_run(&loop), 0);
	timer_delete(timer);
}

static void signal_ignored(int number)
{
	(void)number;
}

Test(loop, a_signal_alone_is_no_error)
{
	struct sigaction action = {.sa_handler = signal_ignored};
	struct itimerspec soon = {.it_value.tv_nsec = 10 * (long)MS};
	struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	timer_t timer;

	sigaction(SIGUSR1, &action, NULL);
	cr_assert_eq(timer_create(CLOCK_MONOTONIC, &how, &timer), 0);
	timer_settime(timer, 0, &soon, NULL);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	timer_delete(timer);
}

Test(loop, stop_keeps_errno)
{
	for (unsigned i = 0; i < 3; i++) {
		errno = ENOTTY;
		loop_stop(&loop);
		cr_assert_eq(errno, ENOTTY);
	}
	cr_assert_eq(eventfd_write(loop.stop, UINT64_MAX - 1 - 3), 0, "as many as it counts");
	errno = ENOTTY;
	loop_stop(&loop);
	cr_assert_eq(errno, ENOTTY);
	cr_assert_eq(loop_run(&loop), 0);
}

/* Timers. */

struct clock {
	struct loop_timer timer;
	unsigned calls;
	struct clock *clears;
	bool again;
};

static void clock_expired(struct loop_timer *timer)
{
	struct clock *clock = CONTAINER_OF(timer, struct clock, timer);

	clock->calls++;
	if (clock->clears)
		loop_timer_clear(&clock->clears->timer);
	if (clock->again)
		loop_timer_set(timer, 0, 0);
}

static void clock_hang(struct clock *clock)
{
	*clock = (struct clock){0};
	cr_assert_eq(loop_timer_init(&loop, &clock->timer, clock_expired), 0);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

Test(loop, a_one_shot_timer_fires_once_and_not_early)
{
	uint64_t start = now_ns();
	struct clock clock;

	clock_hang(&clock);
	cr_assert_eq(loop_timer_set(&clock.timer, 20 * MS, 0), 0);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(clock.calls, 1);
	cr_assert_geq(now_ns() - start, 20 * MS);
	cr_assert_eq(loop_step(&loop, 50), 0);
	cr_assert_eq(clock.calls, 1);
	loop_timer_close(&loop, &clock.timer);
}

Test(loop, a_delay_of_zero_fires_at_once)
{
	struct clock clock;

	clock_hang(&clock);
	loop_timer_set(&clock.timer, 0, 0);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(clock.calls, 1);
	clock.again = true;
	loop_timer_set(&clock.timer, 0, 0);
	for (unsigned i = 2; i < 5; i++) {
		cr_assert_eq(loop_step(&loop, LONG_MS), 0);
		cr_assert_eq(clock.calls, i, "a callback may set it again");
	}
}

Test(loop, a_periodic_timer_fires_until_cleared)
{
	uint64_t start = now_ns();
	struct clock clock;

	clock_hang(&clock);
	loop_timer_set(&clock.timer, 0, 10 * MS);
	while (clock.calls < 4)
		cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_geq(now_ns() - start, 30 * MS);
	loop_timer_clear(&clock.timer);
	cr_assert_eq(loop_step(&loop, 50), 0);
	cr_assert_eq(clock.calls, 4);
}

Test(loop, setting_a_timer_again_replaces_it)
{
	struct clock clock;

	clock_hang(&clock);
	loop_timer_set(&clock.timer, 0, MS);
	loop_timer_set(&clock.timer, 3600ULL * 1000 * MS, 0);
	cr_assert_eq(loop_step(&loop, 50), 0);
	cr_assert_eq(clock.calls, 0);
}

Test(loop, a_timer_cleared_by_another_in_the_same_batch_does_not_fire)
{
	struct clock one, two;

	clock_hang(&one);
	clock_hang(&two);
	one.clears = &two;
	two.clears = &one;
	loop_timer_set(&one.timer, 0, 0);
	loop_timer_set(&two.timer, 0, 0);
	nanosleep(&(struct timespec){.tv_nsec = 5 * (long)MS}, NULL);
	cr_assert_eq(loop_step(&loop, LONG_MS), 0);
	cr_assert_eq(one.calls + two.calls, 1);
}

Test(loop, closing_a_timer_twice_is_allowed)
{
	struct clock clock;

	clock_hang(&clock);
	loop_timer_set(&clock.timer, 0, 0);
	loop_timer_close(&loop, &clock.timer);
	loop_timer_close(&loop, &clock.timer);
	cr_assert_eq(loop_step(&loop, 10), 0);
	cr_assert_eq(clock.calls, 0);
}
