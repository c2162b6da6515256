/*
 * virtio file system (virtio 1.2, 5.11): a directory of the host, which a program of its own serves, the back
 * end, over vhost-user (vhost_user.h). What the guest asks are requests of FUSE (linux/fuse.h), which go to
 * the back end as they are; what is looked at here is only what has to be known to answer in its place: that
 * a request has a header, and room for an answer's.
 *
 * A back end that dies takes with it which files the guest has open, and nobody else knows them. So nothing
 * is put to the next one that the one before was asked: it fails with EIO, as does all that the guest asks of
 * the file system after that, until it mounts it anew, which a new back end serves.
 *
 * Queues: urgent requests (forget, interrupt), and all others. Both are the loop's.
 */
#pragma once

#include "devmodel/virtio/device.h"

#define VIRTIO_FS_TAG_MAX 36 /* bytes; 5.11.4 */
#define VIRTIO_FS_QUEUE_MAX                                                                                  \
	256 /* requests; a request has as many pieces at most, and no longer chains are taken */

struct virtio_fs_options {
	const char *tag; /* what the guest mounts it by, and what sentences are about */
	int channel; /* to who looks after the back end (vhost_user.h); taken over once the device is made */
	unsigned queue_size; /* a power of two; 0: 128 */
};

/* Sets the back end up. NULL: err says why. */
struct virtio_device *virtio_fs_create(const struct virtio_fs_options *options,
				       const struct guest_memory *memory, struct loop *loop,
				       struct error *err);
