/*
 * virtio block device (virtio 1.2, 5.2) over a raw file or block device, opened with O_DIRECT or without.
 *
 * Read, write, flush, discard, write zeroes, get id, read-only. Write-back: data is safe after a flush that
 * was acknowledged; write-through: no flush is offered, and data is safe when its write is acknowledged, as
 * it is for a driver that does not flush. Requests run in order on the loop's thread, so a disk is given a
 * loop of its own and never stalls another device. Bad requests (beyond the end, not whole sectors, unknown
 * type, write to a read-only disk) get VIRTIO_BLK_S_IOERR or _UNSUPP; a header or status byte that is missing
 * breaks the device.
 *
 * Beyond a limit requests wait in the queue. Reads and writes count, as operations and as bytes; what is
 * discarded or zeroed counts as one operation that writes.
 */
#pragma once

#include "common/rate_limiter.h"
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

/* total holds for reads and writes together. */
struct virtio_blk_rates {
	struct rate total, read, write;
};

/* Not called ..._config: linux/virtio_blk.h has a struct of that name, the layout that the guest sees. */
struct virtio_blk_options {
	const char *name; /* for logs, copied */
	int fd;           /* open and locked by the caller; taken over on success */
	uint64_t size;    /* bytes, a multiple of VIRTIO_BLK_SECTOR */
	bool read_only;
	const char *id; /* serial number, the first VIRTIO_BLK_ID_BYTES of it, copied; or NULL */
	bool write_through;
	bool unsafe;        /* flushes succeed and do nothing */
	bool discard;       /* offered to the guest */
	bool ignore_errors; /* of the file: the guest hears of none; what could not be read is zeros */
	/* Not NULL: reads and writes that fail are neither answered nor lost; they stay in the queue, and are
	 * tried again when it is kicked. Called on the loop's thread, with one sentence; it must not block.
	 */
	void (*stopped)(void *owner, const char *why);
	void *owner;
	unsigned logical_block,
		physical_block; /* bytes, powers of two; 0: what the file wants, logical_block */
	struct virtio_blk_rates operations, bytes;
};

struct virtio_device *virtio_blk_create(const struct virtio_blk_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err);
/* Of a device that virtio_blk_create made; any thread. */
const struct latency *virtio_blk_latency(const struct virtio_device *device, enum virtio_blk_kind kind);
