/*
 * What carries out the jobs of one queue of a disk (blk_job.h). What can be done without waiting is done at
 * once, on the queue's thread; for the rest there are three ways:
 *
 *      io_uring   many jobs at a time, of which the kernel tells when they have ended (blk_ring.h)
 *      blocking   one after the other; where the kernel has no io_uring, or the disk is told to
 *      back end   another program has the disk, and is asked (vhost_user_blk.h)
 *
 *                      blk_engine_try ----> done
 *                            |
 *                     -EINPROGRESS: blk_engine_start..., blk_engine_submit
 *                                               |
 *                                 `ended` is called ----> blk_engine_take
 *
 * Which is cheaper was measured (CPU time a request of 4 KiB; a driver in the same process, Linux 6.18,
 * ext4):
 *
 *                                   call         io_uring
 *      read in the page cache        0.7-1.1 us   0.6-1.2 us   a call is as good
 *      write to the page cache       5.8 us       9.1 us       most file systems give it to another thread
 *      O_DIRECT read, 1 at a time    27 us        29 us
 *      O_DIRECT read, 32 at a time   22 us        3 us         and 7 times as many a second
 *      O_DIRECT write, 32 at a time  22 us        4 us
 *
 * Threads: all belongs to the thread of the loop, under the queue's lock, but for blk_engine_drain, which is
 * any thread's with that lock, and blk_engine_init and _close, while nobody else is there. `ended` is called
 * with no lock. An own lock guards what the kernel gives back, so that a thread which wants the queue drained
 * gets it drained even if the loop's thread is waiting for the queue's lock.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "common/loop.h"
#include "devmodel/virtio/blk_file.h"
#include "devmodel/virtio/blk_ring_store.h"
#include "devmodel/virtio/vhost_user_blk.h"

struct blk_engine {
	struct blk_file file;
	bool has_ring;
	struct blk_ring ring;
	struct loop *loop;
	struct loop_source source; /* the ring's */
	void (*ended)(struct blk_engine *engine);
	const struct vhost_user_blk *backend; /* NULL: it has a file */
	unsigned queue;                       /* of the back end's */

	pthread_mutex_t lock;
	pthread_cond_t taken;
	unsigned running;              /* jobs that the ring has */
	bool draining;                 /* what ends is forgotten */
	struct blk_job *first, **last; /* have ended, in their order, and were not taken yet */
};

/* jobs: at a time; 0: blocking. store: where the ring is taken from; NULL: one is made. -ENOSYS and others
 * (blk_ring_open): there is no io_uring, and the engine is not made. */
int blk_engine_init(struct blk_engine *engine, const struct blk_file *file, unsigned jobs,
		    struct blk_ring_store *store, struct loop *loop,
		    void (*ended)(struct blk_engine *engine));
/* One of a back end, which is open for as long; whoever hears of its answers takes what has ended. */
void blk_engine_init_backend(struct blk_engine *engine, const struct vhost_user_blk *backend, unsigned queue);
/* Drains it. The descriptor stays open. */
void blk_engine_close(struct blk_engine *engine);

/* 0 or a negative errno: that is the job's result. -EINPROGRESS: it, or the rest of it, takes longer, and is
 * to be started. A blocking engine never says that. */
int blk_engine_try(struct blk_engine *engine, struct blk_job *job);
/* The job and its buffers stay where they are until it is taken, or the engine drained. */
void blk_engine_start(struct blk_engine *engine, struct blk_job *job);
/* Hands what was started to the kernel; nothing may be left started when the queue's lock is given up. */
void blk_engine_submit(struct blk_engine *engine);
/* Those that have ended, the first of a list; NULL: none. */
struct blk_job *blk_engine_take(struct blk_engine *engine);
/* Waits for what runs, which nobody can call back, and forgets it: when this returns no job is left, and no
 * buffer is touched any more. */
void blk_engine_drain(struct blk_engine *engine);
