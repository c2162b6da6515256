/*
 * The initrd's job: find the root file system that the command line names, mount it, and go on in it.
 *
 *      root=DEVICE            /dev/NAME, LABEL=, UUID=, /dev/disk/by-id/virtio-ID (or by-label/, by-uuid/)
 *      rootfstype=TYPE        or erofs and ext4 are tried
 *      rw                     ro is what counts without
 *      rastos.overlay=DEVICE  an ext4 disk that takes what is written, over a root that is never written
 *      init=PATH              /sbin/rinit without
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

/* In /run, which is moved along: where the parts of an overlay root stay mounted. */
#define ROOT_PARTS     "/run/rinit/root"
#define ROOT_READ_ONLY ROOT_PARTS "/ro"
#define ROOT_WRITABLE  ROOT_PARTS "/rw"

#define ROOT_DEVICE_MAX 256

struct root_request {
	char device[ROOT_DEVICE_MAX];
	char type[32];                 /* empty: tried */
	char overlay[ROOT_DEVICE_MAX]; /* empty: none */
	char init[ROOT_DEVICE_MAX];
	bool writable;
};

/* Pure. 1; 0 when there is no root= to act on; -EINVAL and an error when a value is missing or too long. */
int root_request_parse(struct root_request *request, const char *cmdline, struct error *err);

/* What of the request has no device yet: its name, or NULL when everything is there. */
const char *root_missing(const struct root_request *request);

/* Mounts it all at a folder of its own. 0; -ENODEV when a driver may be missing still; or another negative
 * errno. */
int root_mount(const struct root_request *request, struct error *err);

/* Goes on in what root_mount mounted: moves /dev, /proc, /sys and /run, frees the initramfs, executes init.
 */
int root_switch(const struct root_request *request, char *const *argv, struct error *err);
