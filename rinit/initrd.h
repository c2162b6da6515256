/* PID 1 in an initrd: loads drivers and waits for the root's devices until root.h's work can be done. */
#pragma once

#include "rinit/module.h"
#include "rinit/root.h"
#include "rinit/uevent.h"

struct initrd {
	struct loop *loop;
	struct root_request request;
	struct modules *modules;
	char *const *argv;
	struct loop_timer timer;
	bool told; /* what it waits for */
	/* It can't be done; the sentence says why. */
	void (*failed)(struct initrd *initrd, const char *sentence);
};

/* The request is filled in. Tries at once; then initrd_try is to be called at every event. */
void initrd_start(struct initrd *initrd);
/* Executes the root's init when everything is there. */
void initrd_try(struct initrd *initrd);
