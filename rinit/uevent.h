/* What the kernel says about devices that come and go (Documentation/ABI/testing/sysfs-uevent, netlink(7)).
 */
#pragma once

#include <stddef.h>

#include "rinit/loop.h"

/* Parts of a message; "" where there is none. */
struct uevent {
	const char *action; /* "add", "remove", "change", "bind" ... */
	const char *subsystem;
	const char *modalias;
	const char *devname;                 /* under /dev */
	const char *major, *minor, *devmode; /* of the node; the mode is octal */
	/* Nothing has happened: somebody wrote to the device's uevent file, as udevadm trigger does for all.
	 */
	const char *synthetic;
};

/* Pure. The message must end with a zero byte, and the event points into it. False when it isn't a kernel's.
 */
bool uevent_parse(const char *message, size_t length, struct uevent *event);

/* Makes, or removes, the device's node in folder, "/dev": for kernels without devtmpfs. */
void uevent_node(const struct uevent *event, const char *folder);
/* Lets the kernel tell of every device that has a node once more. */
void uevents_again(void);

struct uevents {
	struct loop *loop;
	struct loop_source source;
	void (*seen)(struct uevents *uevents, const struct uevent *event);
};

/* 0 or negative errno; where there are no events (a container), nothing is ever seen. */
int uevents_open(struct uevents *uevents, struct loop *loop,
		 void (*seen)(struct uevents *, const struct uevent *));
