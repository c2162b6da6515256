#include "rinit/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"

uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The kernel is told of the nearest deadline only. */
static void clock_arm(struct loop *loop)
{
	struct itimerspec when = {0};

	if (loop->timers) {
		uint64_t deadline = MAX(loop->timers->deadline_ms, UINT64_C(1)); /* all zero would disarm */

		when.it_value.tv_sec = (time_t)(deadline / 1000);
		when.it_value.tv_nsec = (long)(deadline % 1000) * 1000000;
	}
	timerfd_settime(loop->clock.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void clock_ready(struct loop_source *source, uint32_t events)
{
	struct loop *loop = CONTAINER_OF(source, struct loop, clock);
	uint64_t now = clock_ms();
	uint64_t expirations;

	(void)events;
	if (read(source->fd, &expirations, sizeof(expirations)) < 0)
		return;
	while (loop->timers && loop->timers->deadline_ms <= now) {
		struct loop_timer *timer = loop->timers;

		loop->timers = timer->next;
		timer->armed = false;
		timer->expired(timer);
	}
	clock_arm(loop);
}

int loop_init(struct loop *loop)
{
	*loop = (struct loop){.epoll = -1, .clock = {.fd = -1, .ready = clock_ready}};
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	loop->clock.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->clock.fd < 0)
		return -errno;
	return loop_add(loop, &loop->clock, EPOLLIN);
}

void loop_close(struct loop *loop)
{
	if (loop->clock.fd >= 0)
		close(loop->clock.fd);
	if (loop->epoll >= 0)
		close(loop->epoll);
}

static int loop_control(struct loop *loop, int operation, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(loop->epoll, operation, source->fd, &event) ? -errno : 0;
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return loop_control(loop, EPOLL_CTL_ADD, source, events);
}

int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
	return loop_control(loop, EPOLL_CTL_MOD, source, events);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	loop_control(loop, EPOLL_CTL_DEL, source, 0);
	for (int i = loop->batch_next; i < loop->batch_count; i++)
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms)
{
	struct loop_timer **at = &loop->timers;

	loop_timer_clear(loop, timer);
	timer->deadline_ms = clock_ms() + delay_ms;
	timer->armed = true;
	while (*at && (*at)->deadline_ms <= timer->deadline_ms)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
	if (loop->timers == timer)
		clock_arm(loop);
}

/* The kernel may then wake us once for nothing: cheaper than a system call for each timer that is cleared. */
void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer **at = &loop->timers;

	if (!timer->armed)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	timer->armed = false;
}

int loop_step(struct loop *loop, int timeout_ms)
{
	loop->batch_count = epoll_wait(loop->epoll, loop->batch, LOOP_BATCH, timeout_ms);
	if (loop->batch_count < 0)
		return errno == EINTR ? 0 : -errno;
	for (loop->batch_next = 0; loop->batch_next < loop->batch_count;) {
		struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct loop_source *source = event->data.ptr;

		if (source)
			source->ready(source, event->events);
	}
	return loop->batch_count;
}

void loop_run(struct loop *loop)
{
	loop->stopping = false;
	while (!loop->stopping)
		loop_step(loop, -1);
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}
