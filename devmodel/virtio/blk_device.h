/*
 * A disk from the inside; only the blk_*.c files include this. blk.h says what it is.
 *
 *      blk.c          makes and ends it, and serves its queues: takes requests, carries them on, answers them
 *      blk_request.c  what a request is, which jobs it takes, and what becomes of their errors
 *      blk_engine.c   carries jobs out: io_uring (blk_ring.c), system calls (blk_file.c), a back end
 *                     (vhost_user_blk.c)
 *      blk_backend.c  what a disk with a back end does otherwise
 *      blk_limits.c   when a request has to wait
 *      blk_config.c   what the driver is told: configuration space, features, a new size
 *
 * A queue's lock guards its struct blk_queue and its requests. Of struct blk the queues only read what never
 * changes, atomics, and limits, which have a lock of their own.
 */
#pragma once

#include <linux/virtio_blk.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "devmodel/virtio/blk.h"
#include "devmodel/virtio/blk_engine.h"
#include "devmodel/virtio/blk_limits.h"

#define BLK_QUEUE_SIZE  128
#define BLK_NAME_PREFIX "blk "

/* 5.2.4: what one request may discard or zero. Zeros may have to be written. */
#define BLK_RANGES_MAX      32
#define BLK_DISCARD_SECTORS (1U << 21)
#define BLK_ZERO_SECTORS    (1U << 16)

/* Beside the statuses of 5.2.6, ours: */
#define BLK_PENDING 0xfe /* its job is to be done */
#define BLK_AGAIN   0xff /* its job failed, and is to be done again at another time */

struct blk_queue;

/* From when it is taken from its queue to when it is answered. */
struct blk_request {
	struct blk_queue *queue;
	struct virtq_token token;
	uint32_t type;
	uint64_t sector;
	struct blk_slice out; /* behind the header */
	struct blk_slice in;  /* before the status byte */
	size_t out_len, in_len;
	uint8_t *status;
	uint64_t began; /* of those that are measured */
	struct blk_job job;
	unsigned range, range_count; /* discard, write zeroes: which one is at work, of so many */
	struct virtio_blk_discard_write_zeroes ranges[BLK_RANGES_MAX];
	struct blk_request *next; /* in a list of the queue's */
	bool kept;                /* it has its own list of buffers: */
	struct iovec iov[VIRTQ_CHAIN_MAX];
};

struct blk_queue {
	struct blk *blk;
	unsigned index;
	struct blk_engine engine;
	struct virtio_throttle throttle; /* made when there is a limit */
	struct virtq_chain chain;        /* the last that was popped */
	struct latency latencies[VIRTIO_BLK_KINDS];
	struct blk_request *held, **held_last; /* BLK_AGAIN */
	bool starved;                          /* there was no room for one more */
	unsigned idle_count;
	uint8_t idle[BLK_QUEUE_SIZE]; /* places in `requests`; the last used comes first, as it is in the
					 cache */
	struct blk_request *requests; /* BLK_QUEUE_SIZE of them; untouched memory is free */
};

struct blk {
	struct virtio_device device;
	char *name;
	int fd; /* -1: it has a back end */
	struct vhost_user_blk backend;
	unsigned align; /* blocks that the file or back end insists on, bytes; 0: it does not */
	bool read_only;
	bool unsafe;
	bool discard;
	bool ignore_errors;
	void (*stopped)(void *owner, const char *why);
	void *owner;
	_Atomic uint64_t sectors;
	atomic_bool told_shorter; /* the file was found to be shorter than the disk, and that was logged */
	struct blk_limits limits;
	struct virtio_blk_config config; /* the device's lock */
	char id[VIRTIO_BLK_ID_BYTES];
	unsigned queue_count;
	struct blk_queue *queues;
};

/* --- blk_request.c --- */

/* -EPROTO: no header or status byte. Refers to the chain. */
int blk_request_parse(struct blk_request *request, struct virtq_chain *chain);
/* Its buffers outlive the chain from now on. */
void blk_request_keep(struct blk_request *request);
/* The request's status, or BLK_PENDING: it wants a job done. */
uint8_t blk_request_begin(struct blk_request *request);
/* Its job has ended. The same, or BLK_AGAIN. */
uint8_t blk_request_next(struct blk_request *request, int result);
/* True: not now; the queue is kicked when it is time. */
bool blk_request_over_limit(struct blk_request *request);
/* -1: one that is not measured. */
int blk_request_kind(const struct blk_request *request);

/* --- blk.c --- */

/* Some of the jobs of this queue have ended; the loop's thread. */
void blk_queue_ended(struct blk *blk, unsigned index);

/* --- blk_backend.c --- */

/* Opens it; *size and blk->align are what it says. */
int blk_backend_open(struct blk *blk, const struct virtio_blk_options *options, struct loop *loop,
		     const struct guest_memory *memory, uint64_t *size, struct error *err);

/* --- blk_config.c --- */

/* What the options say of the disk. */
int blk_describe(struct blk *blk, const struct virtio_blk_options *options, struct error *err);
void blk_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len);
