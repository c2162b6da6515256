/*
 * An event loop: one thread, epoll, sources owned by whoever embeds them.
 *
 * loop_run, loop_add, loop_modify and loop_remove belong to the loop's thread (before loop_run: to the thread that
 * made the loop); loop_add also to any other, for a source that needs nothing more. loop_stop may be called from any
 * thread and from a signal handler. A callback may remove or free any source, its own included: an event still pending
 * for a removed source is dropped. The loop never closes a source's fd.
 *
 *     static void tap_ready(struct loop_source *source, uint32_t events) { ... CONTAINER_OF(source, ...) }
 *     net->source = (struct loop_source){ .fd = tap, .events = EPOLLIN, .ready = tap_ready };
 *     loop_add(loop, &net->source);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_BATCH 32 /* events taken by one epoll_wait */

struct loop_source {
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT, EPOLLET ...; what loop_add and loop_modify last set */
	void (*ready)(struct loop_source *source, uint32_t events);
};

/* A one-shot or periodic timer over timerfd, CLOCK_MONOTONIC. */
struct loop_timer {
	struct loop_source source; /* private */
	void (*expired)(struct loop_timer *timer);
};

struct loop {
	int epoll;
	int stop; /* eventfd */
	bool stopping;
	int batch_count;
	int batch_next;
	struct epoll_event batch[LOOP_BATCH];
};

int loop_init(struct loop *loop); /* 0 or negative errno */
void loop_close(struct loop *loop);

int loop_add(struct loop *loop, struct loop_source *source);
int loop_modify(struct loop *loop, struct loop_source *source, uint32_t events); /* no system call when unchanged */
void loop_remove(struct loop *loop, struct loop_source *source);

/* Runs until loop_stop. A stop that came before is honoured at once. */
int loop_run(struct loop *loop);
/* Waits for events up to timeout_ms (-1: for ever), dispatches them once and returns; for tests. */
int loop_step(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);

int loop_timer_init(struct loop *loop, struct loop_timer *timer, void (*expired)(struct loop_timer *timer));
/* Fires after delay_ns (0: as soon as possible), then every period_ns (0: once). Replaces what was set. Any thread. */
int loop_timer_set(struct loop_timer *timer, uint64_t delay_ns, uint64_t period_ns);
void loop_timer_clear(struct loop_timer *timer); /* any thread; one that is expiring right now may still call */
void loop_timer_close(struct loop *loop, struct loop_timer *timer);
