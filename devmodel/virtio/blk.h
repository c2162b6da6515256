/*
 * virtio block device (virtio 1.2, 5.2) over a raw file or block device.
 *
 * Read, write, flush (write-back: data is safe after a flush that was acknowledged), get id, read-only.
 * Requests run in order on the loop's thread, so a disk is given a loop of its own and never stalls another
 * device. Bad requests (beyond the end, not whole sectors, unknown type, write to a read-only disk) get
 * VIRTIO_BLK_S_IOERR or _UNSUPP; a header or status byte that is missing breaks the device.
 */
#pragma once

#include "devmodel/latency.h"
#include "devmodel/virtio/device.h"

#define VIRTIO_BLK_SECTOR 512

/* Requests whose time is measured, from when they are taken to when they are done. */
enum virtio_blk_kind {
	VIRTIO_BLK_READ,
	VIRTIO_BLK_WRITE,
	VIRTIO_BLK_FLUSH,
	VIRTIO_BLK_KINDS,
};

/* Not called ..._config: linux/virtio_blk.h has a struct of that name, the layout that the guest sees. */
struct virtio_blk_options {
	const char *name; /* for logs, copied */
	int fd;           /* open and locked by the caller; taken over on success */
	uint64_t size;    /* bytes, a multiple of VIRTIO_BLK_SECTOR */
	bool read_only;
	const char *id; /* serial number, the first VIRTIO_BLK_ID_BYTES of it, copied; or NULL */
};

struct virtio_device *virtio_blk_create(const struct virtio_blk_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err);
/* Of a device that virtio_blk_create made; any thread. */
const struct latency *virtio_blk_latency(const struct virtio_device *device, enum virtio_blk_kind kind);
