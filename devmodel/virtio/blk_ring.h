/*
 * io_uring (io_uring(7)) as a disk wants it: jobs go in, come back in any order, and an epoll descriptor
 * becomes readable when one did.
 *
 * A guest process that was taken over gains nothing by the ring: before it can be used it is restricted for
 * good to reading, writing, fsync and fallocate (io_uring_register(2), IORING_REGISTER_RESTRICTIONS), which
 * are what the disk's thread may do by system calls anyway; nothing can be registered with it any more. It is
 * made before the process' system calls are filtered; afterwards a disk's thread enters it, and nothing else.
 *
 * The disk's file is not registered with the ring, which would save a few instructions a request: the kernel
 * lets go of registered files tens of milliseconds after the process has ended, and their locks with them, so
 * that the guest's next start would find its own disk in use.
 *
 * Threads: one puts and submits, whoever holds the engine's lock (blk_engine.h) takes.
 */
#pragma once

#include <liburing.h>
#include <stdbool.h>

#include "devmodel/virtio/blk_job.h"

struct blk_ring_store;

struct blk_ring {
	struct io_uring uring;
	struct blk_ring_store *store; /* where it goes back to (blk_ring_store.h); NULL: it ends */
};

/* Room for so many jobs at a time; so many threads of the kernel's may work for it. -ENOSYS, -EPERM, -EINVAL:
 * this kernel has none for us. */
int blk_ring_open(struct blk_ring *ring, unsigned jobs, unsigned workers);
/* Nothing is at work in it. */
void blk_ring_close(struct blk_ring *ring);

/* Readable while there is something to take. */
int blk_ring_fd(const struct blk_ring *ring);

/* There is room: the owner counts. Nothing begins before blk_ring_submit; the job stays where it is. */
void blk_ring_put(struct blk_ring *ring, struct blk_job *job, int fd);
/* -EAGAIN: the kernel is out of memory; to be tried again. */
int blk_ring_submit(struct blk_ring *ring);
/* The next job that has ended, and how: bytes moved, 0, or a negative errno. NULL: none has. */
struct blk_job *blk_ring_take(struct blk_ring *ring, int *result);
