/* Mount options (mount(8), systemd.mount(5)) as mount(2) takes them. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MOUNT_DATA_MAX 4096 /* mount(2) takes a page */

#define MOUNT_OPTION_PASS "x-rinit.pass" /* fstab's sixth field, in a unit file */

struct mount_options {
	unsigned long flags;       /* mount(2)'s MS_, MS_BIND and MS_REC among them */
	unsigned long propagation; /* MS_PRIVATE and the like; 0: as it is */
	bool noauto, nofail, network, loop, no_wait, read_write_only;
	unsigned int pass; /* of fsck; 0: none */
	int swap_priority; /* -1: the kernel's choice */
	int swap_discard;  /* SWAP_FLAG_DISCARD... */
	uint64_t device_timeout_ms, mount_timeout_ms;
	char data[MOUNT_DATA_MAX];   /* what the file system is told */
	char helper[MOUNT_DATA_MAX]; /* the same and the flags by name, for mount.TYPE */
};

/* What of the options has no effect is told to unknown, if that is not NULL. 0; -E2BIG when they are too
 * long. */
int mount_options_parse(struct mount_options *parsed, const char *options, const char *type, void *context,
			void (*unknown)(void *context, const char *option));
