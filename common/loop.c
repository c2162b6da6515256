#include "common/loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/util.h"

#define NS_PER_SECOND 1000000000ULL

int loop_init(struct loop *loop)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

	*loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .stop = -1};
	if (loop->epoll < 0)
		return -errno;
	loop->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->stop < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->stop, &event) < 0) {
		int code = -errno;

		loop_close(loop);
		return code;
	}
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop->stop >= 0)
		close(loop->stop);
	if (loop->epoll >= 0)
		close(loop->epoll);
	loop->stop = -1;
	loop->epoll = -1;
}

int loop_add(struct loop *loop, struct loop_source *source)
{
	struct epoll_event event = {.events = source->events, .data.ptr = source};

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0 ? -errno : 0;
}

int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (source->events == events)
		return 0;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event) < 0)
		return -errno;
	source->events = events;
	return 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	for (int i = loop->batch_next; i < loop->batch_count; i++) {
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = loop; /* nobody: skipped */
	}
}

static void loop_dispatch(struct loop *loop)
{
	uint64_t drained;

	while (loop->batch_next < loop->batch_count) {
		struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct loop_source *source = event->data.ptr;

		if (event->data.ptr == loop)
			continue;
		if (source) {
			source->ready(source, event->events);
			continue;
		}
		loop->stopping = true;
		if (read(loop->stop, &drained, sizeof(drained)) < 0)
			continue; /* another stop already took it */
	}
}

int loop_step(struct loop *loop, int timeout_ms)
{
	loop->batch_next = 0;
	loop->batch_count = 0;
	loop->batch_count = epoll_wait(loop->epoll, loop->batch, LOOP_BATCH, timeout_ms);
	if (loop->batch_count < 0) {
		loop->batch_count = 0;
		return errno == EINTR ? 0 : -errno;
	}
	loop_dispatch(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	int code = 0;

	while (!loop->stopping && code == 0)
		code = loop_step(loop, -1);
	loop->stopping = false;
	return code;
}

void loop_stop(struct loop *loop)
{
	int saved = errno;
	uint64_t one = 1;

	while (write(loop->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		; /* EAGAIN: as many stops as fit are pending already */
	errno = saved;
}

static void timer_ready(struct loop_source *source, uint32_t events)
{
	struct loop_timer *timer = CONTAINER_OF(source, struct loop_timer, source);
	uint64_t expirations;

	(void)events;
	if (read(source->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return; /* set again or cleared in this very batch */
	timer->expired(timer);
}

int loop_timer_init(struct loop *loop, struct loop_timer *timer, void (*expired)(struct loop_timer *timer))
{
	int code;

	timer->expired = expired;
	timer->source = (struct loop_source){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.events = EPOLLIN,
		.ready = timer_ready,
	};
	if (timer->source.fd < 0)
		return -errno;
	code = loop_add(loop, &timer->source);
	if (code < 0) {
		close(timer->source.fd);
		timer->source.fd = -1;
	}
	return code;
}

int loop_timer_set(struct loop_timer *timer, uint64_t delay_ns, uint64_t period_ns)
{
	uint64_t delay = delay_ns ? delay_ns : 1; /* 0 would disarm: timerfd_settime(2) */
	struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(delay / NS_PER_SECOND),
			     .tv_nsec = (long)(delay % NS_PER_SECOND)},
		.it_interval = {.tv_sec = (time_t)(period_ns / NS_PER_SECOND),
				.tv_nsec = (long)(period_ns % NS_PER_SECOND)},
	};

	return timerfd_settime(timer->source.fd, 0, &spec, NULL) < 0 ? -errno : 0;
}

void loop_timer_clear(struct loop_timer *timer)
{
	struct itimerspec spec = {0};

	timerfd_settime(timer->source.fd, 0, &spec, NULL);
}

void loop_timer_close(struct loop *loop, struct loop_timer *timer)
{
	if (timer->source.fd < 0)
		return;
	loop_remove(loop, &timer->source);
	close(timer->source.fd);
	timer->source.fd = -1;
}
