/*
 * virtio memory balloon (virtio 1.2, 5.5): a guest gives pages of its memory back to the host, and takes them
 * again.
 *
 *      queue 0  inflate     numbers of pages that the guest gives
 *      queue 1  deflate     numbers of pages that it takes again
 *      queue 2  statistics  the guest's numbers; the device keeps the buffer until it wants new ones
 *      queue 3, 4  reporting  ranges that the guest does not use now, with VIRTIO_BALLOON_F_REPORTING
 *
 * A page that was given is a hole in the memory's file (MADV_REMOVE), for all who map it; who touches it
 * again finds zeros. So guest memory has to be a shared mapping of ordinary pages: holes in huge pages that
 * were reserved might not be filled again.
 *
 * Reporting has two queues, because its number is 4 in the specification and 3 in Linux' driver, which counts
 * only the queues it has; with VIRTIO_BALLOON_F_FREE_PAGE_HINT, which is not offered, 3 would be another's.
 *
 * Hostile guests: a number beyond the guest's memory is counted as an error and ignored, one of a page that
 * is in use harms the guest alone, one that comes again costs a system call. A list of more than
 * VIRTIO_BALLOON_LIST_MAX breaks the device. Statistics are what the guest says, and nothing here believes
 * them.
 */
#pragma once

#include "devmodel/virtio/device.h"

#define VIRTIO_BALLOON_PAGE     4096ULL
#define VIRTIO_BALLOON_LIST_MAX 4096 /* pages in one buffer */

/* What the guest says of its memory (5.5.6.3), in the order of its tags. */
enum virtio_balloon_stat_tag {
	VIRTIO_BALLOON_SWAP_IN,  /* bytes, since it started */
	VIRTIO_BALLOON_SWAP_OUT, /* the same */
	VIRTIO_BALLOON_MAJOR_FAULTS,
	VIRTIO_BALLOON_MINOR_FAULTS,
	VIRTIO_BALLOON_FREE,      /* bytes */
	VIRTIO_BALLOON_TOTAL,     /* bytes */
	VIRTIO_BALLOON_AVAILABLE, /* bytes that could be had without swapping */
	VIRTIO_BALLOON_CACHES,    /* bytes of disk caches that could be dropped */
	VIRTIO_BALLOON_HUGE_ALLOCATED,
	VIRTIO_BALLOON_HUGE_FAILED,
	VIRTIO_BALLOON_STATS,
};

struct virtio_balloon_options {
	bool deflate_on_oom;   /* the guest takes pages back before it kills a process for want of memory */
	bool reporting;        /* what the guest does not use is given back, without any balloon */
	uint64_t held;         /* bytes that the guest is to give at first */
	unsigned stats_period; /* seconds; 0: the guest is not asked again */
	/* A driver has begun to use the device; the loop's thread, with a queue's lock. May be NULL. */
	void (*driver_came)(void *owner);
	void *owner;
};

struct virtio_balloon_state {
	bool driver;       /* one is there: it has set DRIVER_OK */
	uint64_t wanted;   /* bytes that the guest is to give */
	uint64_t actual;   /* bytes that it says it has given */
	uint64_t returned; /* bytes that were given back to the host, since the start: those of each time */
	uint32_t stats_known; /* a bit a tag */
	uint64_t stats_time;  /* monotonic_ms of when they came; 0: never */
	uint64_t stats[VIRTIO_BALLOON_STATS];
};

struct virtio_device *virtio_balloon_create(const struct virtio_balloon_options *options,
					    const struct guest_memory *memory, struct loop *loop,
					    struct error *err);
/* So much is to be given, in whole pages; the guest does it in its time, and as far as it can. Loop thread.
 */
void virtio_balloon_set_held(struct virtio_device *device, uint64_t bytes);
/* Loop thread. */
void virtio_balloon_read(struct virtio_device *device, struct virtio_balloon_state *state);
