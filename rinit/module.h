/*
 * Kernel modules: those of /etc/modules-load.d and those that devices without a driver ask for by their
 * modalias. One modprobe (kmod's or busybox') at a time loads all that have been asked for until then;
 * nothing waits for it but who wants to. Where there is no /lib/modules for this kernel, or no modprobe,
 * nothing is to be loaded.
 */
#pragma once

#include "rinit/loop.h"
#include "rinit/unit.h"

struct modules {
	struct string_list wanted; /* for the next run */
	pid_t child;               /* 0: none is running */
	struct loop *loop;
	struct loop_timer timer; /* of the child */
	bool possible;
	void (*idle)(struct modules *modules); /* everything asked for has been tried */
};

void modules_init(struct modules *modules, struct loop *loop, void (*idle)(struct modules *modules));
/* A module's name or a modalias. */
void modules_want(struct modules *modules, const char *name);
/* The names in DIRECTORY/NAME.conf of every name: modules-load.d(5). */
void modules_want_configured(struct modules *modules, const char *directory);
/* What the devices ask for that were there before we listened. */
void modules_want_coldplug(struct modules *modules);
/* Starts loading what is wanted unless it is under way. */
void modules_load(struct modules *modules);
bool modules_busy(const struct modules *modules);
/* True when it was our child. */
bool modules_child_ended(struct modules *modules, pid_t pid);
