/*
 * PID 1's event loop: one thread, one epoll, one timerfd for every timer.
 *
 * PID 1 has a timer for each service but rarely more than one running, so timers are a list sorted by
 * deadline and the kernel holds only the nearest one; common/loop.h, made for the VMM's threads, has a
 * timerfd for each.
 *
 * Sources and timers belong to whoever embeds them and must be removed before they are freed. A callback may
 * remove any source, its own included: an event that is still pending for it is dropped. The loop never
 * closes a source's fd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_BATCH 16 /* events taken by one epoll_wait */

struct loop_source {
	int fd;
	void (*ready)(struct loop_source *source, uint32_t events);
};

/* Zeroed, it is a timer that is not armed. */
struct loop_timer {
	void (*expired)(struct loop_timer *timer);
	uint64_t deadline_ms; /* CLOCK_MONOTONIC */
	struct loop_timer *next;
	bool armed;
};

struct loop {
	int epoll;
	struct loop_source clock;  /* timerfd */
	struct loop_timer *timers; /* nearest deadline first */
	bool stopping;
	int batch_count;
	int batch_next;
	struct epoll_event batch[LOOP_BATCH];
};

int loop_init(struct loop *loop); /* 0 or negative errno */
void loop_close(struct loop *loop);

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);
void loop_remove(struct loop *loop, struct loop_source *source);

void loop_timer_set(struct loop *loop, struct loop_timer *timer,
		    uint64_t delay_ms); /* replaces what was set */
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

/* Runs until a callback calls loop_stop. */
void loop_run(struct loop *loop);
/* Waits up to timeout_ms (-1: for ever) and dispatches what came. */
int loop_step(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);

/* For people. */
static inline double seconds(uint64_t ms)
{
	return (double)ms / 1000;
}

uint64_t clock_ms(void); /* CLOCK_MONOTONIC; in a guest and on hardware it starts near zero at boot */
