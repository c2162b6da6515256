/*
 * Rings of io_uring for disks that come when none can be made any more: made before, each is one queue's at a
 * time. Any thread.
 */
#pragma once

#include "devmodel/virtio/blk_ring.h"

struct blk_ring_store;

/* As blk_ring_open; NULL: no ring could be made. There may be fewer than `count`. */
struct blk_ring_store *blk_ring_store_make(unsigned count, unsigned jobs, unsigned workers);
/* NULL is allowed. All of its rings are back. */
void blk_ring_store_free(struct blk_ring_store *store);
/* *ring is filled, and goes back by blk_ring_close. -ENOSPC: all are taken. */
int blk_ring_store_take(struct blk_ring_store *store, struct blk_ring *ring);
/* For blk_ring_close. */
void blk_ring_store_put(struct blk_ring_store *store, const struct blk_ring *ring);
