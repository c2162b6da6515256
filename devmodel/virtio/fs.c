#include "devmodel/virtio/fs.h"

#include <endian.h>
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "devmodel/virtio/vhost_user.h"

#define FS_QUEUES       2 /* 5.11.2: hiprio, and one for requests */
#define FS_QUEUE_SIZE   128
#define FS_NAME_PREFIX  "fs "
#define FS_REQUESTS     VHOST_USER_RING_SIZE
#define FS_ANSWER_BYTES sizeof(struct fuse_out_header)

/* From when it is taken from its queue to when it is answered. */
struct fs_request {
	struct virtq_token token;
	uint64_t unique; /* the driver's number for it */
	/* Where its answer's header goes, for an answer of our own: each piece has a byte at least. */
	unsigned piece_count;
	struct iovec pieces[FS_ANSWER_BYTES];
};

struct fs_queue {
	bool starved; /* there was no room for one more */
	unsigned idle_count;
	uint8_t idle[FS_REQUESTS];
	struct fs_request *requests; /* FS_REQUESTS of them; untouched memory is free */
};

struct fs {
	struct virtio_device device;
	char *name;
	int channel;
	struct vhost_user *front;
	struct virtio_fs_config config;
	struct virtq_chain chain; /* the last that was popped; the loop's */
	struct fs_queue queues[FS_QUEUES];
};

/* --- Requests --- */

static void queue_forget(struct fs_queue *queue)
{
	queue->starved = false;
	queue->idle_count = FS_REQUESTS;
	for (unsigned i = 0; i < FS_REQUESTS; i++)
		queue->idle[i] = (uint8_t)(FS_REQUESTS - 1 - i);
}

static void request_free(struct fs_queue *queue, const struct fs_request *request)
{
	queue->idle[queue->idle_count++] = (uint8_t)(request - queue->requests);
}

/* The first bytes that may be written; no answer is expected to a request that has none. */
static void request_note_answer(struct fs_request *request, const struct virtq_chain *chain)
{
	size_t left = chain->writable_len ? FS_ANSWER_BYTES : 0;

	request->piece_count = 0;
	for (unsigned i = 0; left; i++) {
		struct iovec piece = chain->iov[chain->readable_count + i];

		piece.iov_len = MIN(piece.iov_len, left);
		left -= piece.iov_len;
		if (piece.iov_len)
			request->pieces[request->piece_count++] = piece;
	}
}

/* 0: it was never heard of. */
static uint32_t answer_error(const struct fs_request *request)
{
	const struct fuse_out_header header = {
		.len = FS_ANSWER_BYTES, .error = -EIO, .unique = request->unique};
	const uint8_t *from = (const uint8_t *)&header;

	for (unsigned i = 0; i < request->piece_count; i++) {
		memcpy(request->pieces[i].iov_base, from, request->pieces[i].iov_len);
		from += request->pieces[i].iov_len;
	}
	return (uint32_t)(from - (const uint8_t *)&header);
}

static void request_fail(struct fs *fs, unsigned index, struct fs_request *request)
{
	counter_add(&virtio_queue_counters(&fs->device, index)->errors, 1);
	virtq_push(&fs->device.queues[index], request->token, answer_error(request));
	request_free(&fs->queues[index], request);
}

static int request_put(struct fs *fs, unsigned index, struct fs_request *request)
{
	const struct virtq_chain *chain = &fs->chain;
	const struct vhost_user_ask ask = {
		.out = chain->iov,
		.out_count = chain->readable_count,
		.in = chain->iov + chain->readable_count,
		.in_count = chain->writable_count,
		.owner = request,
	};

	return vhost_user_put(fs->front, index, &ask);
}

/* The chain that was just popped. False: no more. */
static bool request_begin(struct fs *fs, unsigned index)
{
	struct fs_queue *queue = &fs->queues[index];
	const struct virtq_chain *chain = &fs->chain;
	struct fs_request *request;
	struct fuse_in_header header;

	if (virtq_chain_read(chain, 0, &header, sizeof(header)) != sizeof(header) ||
	    (chain->writable_len && chain->writable_len < FS_ANSWER_BYTES)) {
		virtio_device_broken(&fs->device, "a request without its header, or room for its answer's");
		return false;
	}
	request = &queue->requests[queue->idle[--queue->idle_count]];
	request->token = chain->token;
	request->unique = header.unique;
	request_note_answer(request, chain);
	counter_add(&virtio_queue_counters(&fs->device, index)->from_guest, chain->readable_len);
	if (request_put(fs, index, request) < 0)
		request_fail(fs, index, request);
	return true;
}

static void request_end(struct fs *fs, unsigned index, const struct vhost_user_answer *answer)
{
	struct fs_request *request = answer->owner;

	if (answer->lost) {
		request_fail(fs, index, request);
		return;
	}
	counter_add(&virtio_queue_counters(&fs->device, index)->to_guest, answer->written);
	virtq_push(&fs->device.queues[index], request->token, answer->written);
	request_free(&fs->queues[index], request);
}

/* --- Queues --- */

static void fs_notify(struct virtio_device *device, unsigned index)
{
	struct fs *fs = CONTAINER_OF(device, struct fs, device);
	struct fs_queue *queue = &fs->queues[index];
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(&device->queues[index]);
	for (;;) {
		queue->starved = queue->idle_count == 0;
		if (queue->starved || !virtio_device_pop(device, index, &fs->chain, &budget) ||
		    !request_begin(fs, index))
			break;
	}
	vhost_user_kick(fs->front, index);
	virtio_interrupt(device, index);
}

static void fs_answered(void *owner, unsigned index)
{
	struct fs *fs = owner;
	struct virtio_device *device = &fs->device;
	struct vhost_user_answer answer;

	virtio_queue_lock(device, index);
	while (vhost_user_take(fs->front, index, &answer)) {
		if (virtio_device_live(device))
			request_end(fs, index, &answer);
		else /* broken: its driver will reset it */
			request_free(&fs->queues[index], answer.owner);
	}
	if (virtio_device_live(device)) {
		virtio_interrupt(device, index);
		if (fs->queues[index].starved)
			fs_notify(device, index);
	}
	virtio_queue_unlock(device, index);
}

static void fs_queue_reset(struct virtio_device *device, unsigned index)
{
	struct fs *fs = CONTAINER_OF(device, struct fs, device);

	vhost_user_drain(fs->front, index);
	queue_forget(&fs->queues[index]);
}

static void fs_reset(struct virtio_device *device)
{
	for (unsigned i = 0; i < FS_QUEUES; i++)
		fs_queue_reset(device, i);
}

/* --- Life --- */

static void fs_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	struct fs *fs = CONTAINER_OF(device, struct fs, device);

	memcpy(data, (const uint8_t *)&fs->config + offset, len);
}

/* Closes no channel: that is its owner's until the device was made. */
static void fs_free(struct fs *fs)
{
	vhost_user_close(fs->front);
	if (fs->device.memory)
		virtio_device_close(&fs->device);
	for (unsigned i = 0; i < FS_QUEUES; i++)
		free(fs->queues[i].requests);
	free(fs->name);
	free(fs);
}

static void fs_destroy(struct virtio_device *device)
{
	struct fs *fs = CONTAINER_OF(device, struct fs, device);
	int channel = fs->channel;

	fs_free(fs);
	cleanup_close(&channel);
}

static bool fs_busy(struct virtio_device *device)
{
	return vhost_user_stuck(CONTAINER_OF(device, struct fs, device)->front);
}

static const struct virtio_device_ops fs_ops = {
	.config_read = fs_config_read,
	.notify = fs_notify,
	.reset = fs_reset,
	.queue_reset = fs_queue_reset,
	.busy = fs_busy,
	.destroy = fs_destroy,
};

static int fs_open_front(struct fs *fs, struct loop *loop, struct error *err)
{
	AUTO_FREE char *name = NULL;
	struct vhost_user_options options = {
		.channel = fs->channel,
		.queues = FS_QUEUES,
		.when_gone = "what the guest has mounted of it fails until it mounts it anew",
		.answered = fs_answered,
		.owner = fs,
	};

	if (asprintf(&name, "filesystem %s", fs->name + strlen(FS_NAME_PREFIX)) < 0) {
		name = NULL;
		return error_set(err, -ENOMEM, "filesystem: out of memory");
	}
	options.name = name;
	fs->front = vhost_user_open(&options, fs->device.memory, loop, err);
	return fs->front ? 0 : -EIO;
}

static int fs_make(struct fs *fs, const struct virtio_fs_options *options, const struct guest_memory *memory,
		   struct loop *loop, struct error *err)
{
	size_t len = strlen(options->tag);
	int code;

	if (len == 0 || len > VIRTIO_FS_TAG_MAX)
		return error_set(err, -EINVAL, "filesystem %s: its tag has not 1 to %d bytes", options->tag,
				 VIRTIO_FS_TAG_MAX);
	memcpy(fs->config.tag, options->tag, len);
	fs->config.num_request_queues = htole32(FS_QUEUES - 1);
	fs->channel = options->channel;
	for (unsigned i = 0; i < FS_QUEUES; i++) {
		fs->queues[i].requests = calloc(FS_REQUESTS, sizeof(*fs->queues[i].requests));
		queue_forget(&fs->queues[i]);
	}
	if (asprintf(&fs->name, FS_NAME_PREFIX "%s", options->tag) < 0)
		fs->name = NULL;
	if (!fs->name || !fs->queues[0].requests || !fs->queues[1].requests)
		return error_set(err, -ENOMEM, "filesystem %s: out of memory", options->tag);
	fs->device.ops = &fs_ops;
	fs->device.id = VIRTIO_ID_FS;
	fs->device.name = fs->name;
	fs->device.queue_count = FS_QUEUES;
	fs->device.config_size = sizeof(fs->config);
	code = virtio_device_init(&fs->device, memory, loop, err);
	if (code < 0) {
		fs->device.memory = NULL;
		return code;
	}
	for (unsigned i = 0; i < FS_QUEUES; i++)
		fs->device.queues[i].size_max =
			(uint16_t)(options->queue_size ? options->queue_size : FS_QUEUE_SIZE);
	return fs_open_front(fs, loop, err);
}

struct virtio_device *virtio_fs_create(const struct virtio_fs_options *options,
				       const struct guest_memory *memory, struct loop *loop,
				       struct error *err)
{
	struct fs *fs = calloc(1, sizeof(*fs));

	if (!fs) {
		error_set(err, -ENOMEM, "filesystem %s: out of memory", options->tag);
		return NULL;
	}
	if (fs_make(fs, options, memory, loop, err) < 0) {
		fs_free(fs);
		return NULL;
	}
	return &fs->device;
}
