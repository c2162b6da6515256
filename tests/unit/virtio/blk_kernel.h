/*
 * The kernel as a disk's tests want it. Programs are linked with -Wl,--wrap for what is named here, so that
 * the disk's system calls, and what comes back from io_uring, come by first.
 *
 * BLK_TEST_RING: disks have io_uring, and nothing is in the page cache: what may take longer, does. Else they
 * are the blocking ones.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devmodel/virtio/blk.h"

struct blk_kernel {
	unsigned interrupts; /* fail with EINTR so often */
	size_t most;         /* transfer no more than this; 0: no limit */
	int error;           /* fail with it */
	int ring_error;      /* the same, of io_uring only */
	int allocate_error;  /* the same of fallocate with one of these bits in its mode: */
	int allocate_mode;
	bool no_ring;     /* there is no io_uring */
	atomic_bool busy; /* nothing comes back from io_uring */

	unsigned syncs;
	const void *read_into; /* the first buffer of the last read */
	int write_flags;       /* of the last write */
	unsigned rung;         /* jobs that came back from io_uring */
};

extern struct blk_kernel kernel;

#ifdef BLK_TEST_RING
#define BLK_TEST_ENGINE VIRTIO_BLK_IO_URING
#else
#define BLK_TEST_ENGINE VIRTIO_BLK_BLOCKING
#endif
