/*
 * The way of a disk's word from the disk's thread to the machine's loop: "I cannot go on" (error_policy
 * "stop", devmodel/virtio/blk.h). The disk has put its request back by then; it is tried again when the disk
 * is kicked.
 *
 * disk_halt_tell is called on any thread and never blocks for long; `halted` on the loop's thread, once for
 * what was told meanwhile, with the first disk's sentence.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/loop.h"

struct disk_halt {
	bool made;
	struct loop *loop;
	struct loop_timer timer;
	void (*halted)(void *owner, const char *why);
	void *owner;
	pthread_mutex_t lock;
	struct error why; /* "": nothing was told */
};

/* On the loop's thread; a second time does nothing. */
int disk_halt_make(struct disk_halt *halt, struct loop *loop, void (*halted)(void *owner, const char *why),
		   void *owner, struct error *err);
/* One that was never made is closed too. */
void disk_halt_close(struct disk_halt *halt);
/* halt: a struct disk_halt. */
void disk_halt_tell(void *halt, const char *why);
