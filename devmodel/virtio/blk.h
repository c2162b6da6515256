/*
 * virtio block device (virtio 1.2, 5.2) over a raw file or block device, opened with O_DIRECT or without, or
 * over a back end: a program of its own that has the disk's blocks, in whatever format (vhost_user.h).
 *
 * Read, write, flush, discard, write zeroes, get id, read-only. Write-back: data is safe after a flush that
 * was acknowledged; write-through: no flush is offered, and data is safe when its write is acknowledged, as
 * it is for a driver that does not flush. Bad requests (beyond the end, not whole sectors, unknown type,
 * write to a read-only disk) get VIRTIO_BLK_S_IOERR or _UNSUPP; a header or status byte that is missing
 * breaks the device.
 *
 * Many requests are at work at a time where io_uring is there (blk_engine.h), and they are answered in the
 * order in which they end; a flush covers the writes that were answered before it was made available. A queue
 * is served on its loop's thread, which may wait for the host: so a disk is given loops of its own, and never
 * stalls another device. A reset waits for what is at work; nobody touches guest memory for it afterwards.
 *
 * Beyond a limit requests wait in the queue. Reads and writes count, as operations and as bytes; what is
 * discarded or zeroed counts as one operation that writes. The queues of a disk share its limits.
 *
 * A file that has become shorter than the disk is an error of each request beyond its end, and is logged
 * once.
 */
#pragma once

#include "common/rate_limiter.h"
#include "common/util.h"
#include "devmodel/latency.h"
#include "devmodel/virtio/device.h"

#define VIRTIO_BLK_SECTOR     512
#define VIRTIO_BLK_QUEUES_MAX 16
#define VIRTIO_BLK_WORKERS    2 /* threads of the kernel's that may work for a queue with io_uring */

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

struct blk_ring_store;

/* How what cannot be done at once is done. */
enum virtio_blk_engine {
	VIRTIO_BLK_AUTO, /* io_uring where the kernel has it */
	VIRTIO_BLK_IO_URING,
	VIRTIO_BLK_BLOCKING,
};

/* Not called ..._config: linux/virtio_blk.h has a struct of that name, the layout that the guest sees. */
struct virtio_blk_options {
	const char *name; /* for logs, copied */
	int fd;           /* open and locked by the caller; taken over on success */
	/* fd is the channel to who looks after the disk's back end (vhost_user.h), which says how large the
	 * disk is; engine and loops do not count. Making the disk waits for it. */
	bool backend;
	bool reconnect; /* a back end that dies is waited for */
	uint64_t size;  /* bytes, a multiple of VIRTIO_BLK_SECTOR */
	bool read_only;
	const char *id; /* serial number, the first VIRTIO_BLK_ID_BYTES of it, copied; or NULL */
	bool write_through;
	bool unsafe;        /* flushes succeed and do nothing */
	bool discard;       /* offered to the guest */
	bool ignore_errors; /* of the file: the guest hears of none; what could not be read is zeros */
	/* Not NULL: reads and writes that fail are neither answered nor lost; they wait, and those behind
	 * them in the queue too, and are tried again when the queue is kicked. Called on the loop's thread,
	 * with one sentence; it must not block. */
	void (*stopped)(void *owner, const char *why);
	void *owner;
	unsigned logical_block,
		physical_block; /* bytes, powers of two; 0: what the file wants, logical_block */
	struct virtio_blk_rates operations, bytes;
	enum virtio_blk_engine engine;
	struct blk_ring_store *rings; /* of disks that come when no ring can be made; NULL: they can */
	unsigned queues;              /* up to VIRTIO_BLK_QUEUES_MAX; 0: 1 */
	struct loop *const *loops;    /* of the queues but the first; NULL: the first one's */
};

struct virtio_device *virtio_blk_create(const struct virtio_blk_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err);
#define VIRTIO_BLK_RING_BYTES                                                                                \
	KIB(64) /* of a queue's, at most, which the kernel counts as locked from 6.14 on */
/* So many rings of io_uring, for as many queues of disks that come later. NULL: this kernel has none for us.
 */
struct blk_ring_store *virtio_blk_rings_make(unsigned count);
/* Once those disks are no more; NULL is allowed. */
void virtio_blk_rings_free(struct blk_ring_store *rings);

/* The rest is for a device that virtio_blk_create made. */

/* How long requests of this kind took; any thread. */
void virtio_blk_latency(const struct virtio_device *device, enum virtio_blk_kind kind, struct latency *sum);
bool virtio_blk_has_ring(const struct virtio_device *device);
/* The file has grown, and the driver is told of it. -EINVAL: less than it is now, or not whole blocks. Any
 * thread. */
int virtio_blk_resize(struct virtio_device *device, uint64_t size, struct error *err);
/* Other limits from now on, or none; what was saved up of the old ones is forgotten. The machine's loop. */
int virtio_blk_limit(struct virtio_device *device, const struct virtio_blk_rates *operations,
		     const struct virtio_blk_rates *bytes, struct error *err);
/* What failed is tried again. Any thread. */
void virtio_blk_retry(struct virtio_device *device);
