#include "devmodel/virtio/blk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "devmodel/virtio/blk_device.h"

/* --- Requests of a queue --- */

static struct blk_request *request_new(struct blk_queue *queue)
{
	struct blk_request *request = &queue->requests[queue->idle[--queue->idle_count]];

	request->queue = queue;
	request->next = NULL;
	return request;
}

static void request_free(struct blk_request *request)
{
	struct blk_queue *queue = request->queue;

	queue->idle[queue->idle_count++] = (uint8_t)(request - queue->requests);
}

static void request_hold(struct blk_request *request)
{
	struct blk_queue *queue = request->queue;

	counter_add(&virtio_queue_counters(&queue->blk->device, queue->index)->errors, 1);
	blk_request_keep(request);
	request->next = NULL;
	*queue->held_last = request;
	queue->held_last = &request->next;
}

static void request_count(struct blk_request *request, uint8_t status)
{
	struct blk_queue *queue = request->queue;
	struct virtio_counters *counters = virtio_queue_counters(&queue->blk->device, queue->index);
	int kind = blk_request_kind(request);

	if (kind >= 0)
		latency_add(&queue->latencies[kind], monotonic_ns() - request->began);
	if (kind == VIRTIO_BLK_READ)
		counter_add(&counters->to_guest, request->in_len - request->in.len);
	if (kind == VIRTIO_BLK_WRITE)
		counter_add(&counters->from_guest, request->out_len - request->out.len);
	if (status == VIRTIO_BLK_S_IOERR)
		counter_add(&counters->errors, 1);
}

/*
 * Whatever came of it, the driver hears of the request. 2.7.8.2: the length counts no byte behind one that
 * was not written, so it leaves out the status of a request whose buffers were not filled.
 */
static void request_answer(struct blk_request *request, uint8_t status)
{
	struct blk_queue *queue = request->queue;
	size_t written = request->in_len - request->in.len;

	request_count(request, status);
	*request->status = status;
	if (request->in.len == 0)
		written++;
	virtq_push(&queue->blk->device.queues[queue->index], request->token, (uint32_t)written);
	request_free(request);
}

/* Carries it on until it is answered, or has to wait. */
static void request_go_on(struct blk_request *request, uint8_t status)
{
	struct blk_queue *queue = request->queue;

	while (status == BLK_PENDING) {
		int code = blk_engine_try(&queue->engine, &request->job);

		if (code == -EINPROGRESS) {
			blk_request_keep(request);
			blk_engine_start(&queue->engine, &request->job);
			return;
		}
		status = blk_request_next(request, code);
	}
	if (status == BLK_AGAIN)
		request_hold(request);
	else
		request_answer(request, status);
}

/* --- Queues --- */

static void queue_retry(struct blk_queue *queue)
{
	struct blk_request *request = queue->held, *next;

	queue->held = NULL;
	queue->held_last = &queue->held;
	for (; request; request = next) {
		next = request->next;
		request_go_on(request, BLK_PENDING);
	}
}

/* False: no more for now. */
static bool queue_take(struct blk_queue *queue)
{
	struct virtio_device *device = &queue->blk->device;
	struct blk_request *request = request_new(queue);

	if (blk_request_parse(request, &queue->chain) < 0) {
		virtio_device_broken(device, "a request without header or status byte");
		request_free(request);
		return false;
	}
	if (blk_request_over_limit(request)) {
		virtq_unpop(&device->queues[queue->index], request->token);
		request_free(request);
		return false;
	}
	if (blk_request_kind(request) >= 0)
		request->began = monotonic_ns();
	request_go_on(request, blk_request_begin(request));
	return true;
}

/* What is held up goes first, and holds up the others. */
static void queue_serve(struct blk_queue *queue)
{
	struct virtio_device *device = &queue->blk->device;
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(&device->queues[queue->index]);
	if (queue->held)
		queue_retry(queue);
	while (!queue->held) {
		queue->starved = queue->idle_count == 0;
		if (queue->starved || !virtio_device_pop(device, queue->index, &queue->chain, &budget) ||
		    !queue_take(queue))
			break;
	}
	blk_engine_submit(&queue->engine);
	virtio_interrupt(device, queue->index);
}

static void blk_notify(struct virtio_device *device, unsigned index)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);

	queue_serve(&blk->queues[index]);
}

void blk_queue_ended(struct blk *blk, unsigned index)
{
	struct blk_queue *queue = &blk->queues[index];
	struct blk_engine *engine = &queue->engine;
	struct virtio_device *device = &blk->device;
	struct blk_job *job, *next;

	virtio_queue_lock(device, queue->index);
	for (job = blk_engine_take(engine); job; job = next) {
		struct blk_request *request = CONTAINER_OF(job, struct blk_request, job);

		next = job->next;
		if (virtio_device_live(device))
			request_go_on(request, blk_request_next(request, job->result));
		else /* broken: its driver will reset it */
			request_free(request);
	}
	if (virtio_device_live(device)) {
		blk_engine_submit(engine);
		virtio_interrupt(device, queue->index);
		if (queue->starved)
			queue_serve(queue);
	}
	virtio_queue_unlock(device, queue->index);
}

static void queue_ended(struct blk_engine *engine)
{
	struct blk_queue *queue = CONTAINER_OF(engine, struct blk_queue, engine);

	blk_queue_ended(queue->blk, queue->index);
}

static void queue_forget(struct blk_queue *queue)
{
	blk_engine_drain(&queue->engine);
	queue->held = NULL;
	queue->held_last = &queue->held;
	queue->starved = false;
	queue->idle_count = BLK_QUEUE_SIZE;
	for (unsigned i = 0; i < BLK_QUEUE_SIZE; i++)
		queue->idle[i] = (uint8_t)(BLK_QUEUE_SIZE - 1 - i);
}

static void blk_queue_reset(struct virtio_device *device, unsigned index)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);

	queue_forget(&blk->queues[index]);
}

static void blk_reset(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		blk_queue_reset(device, i);
}

void virtio_blk_retry(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		virtio_device_kick(device, i);
}

/* --- What others ask --- */

void virtio_blk_latency(const struct virtio_device *device, enum virtio_blk_kind kind, struct latency *sum)
{
	const struct blk *blk = CONTAINER_OF(device, const struct blk, device);

	*sum = (struct latency){0};
	for (unsigned i = 0; i < blk->queue_count; i++)
		latency_sum(sum, &blk->queues[i].latencies[kind]);
}

bool virtio_blk_has_ring(const struct virtio_device *device)
{
	return CONTAINER_OF(device, const struct blk, device)->queues[0].engine.has_ring;
}

static int throttles_make(struct blk *blk, struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < blk->queue_count && code == 0; i++) {
		struct virtio_throttle *throttle = &blk->queues[i].throttle;

		virtio_queue_lock(&blk->device, i);
		if (!throttle->device)
			code = virtio_throttle_init(throttle, &blk->device, i, err);
		virtio_queue_unlock(&blk->device, i);
	}
	return code;
}

static int limits_make(struct blk *blk, const struct virtio_blk_rates *operations,
		       const struct virtio_blk_rates *bytes, struct error *err)
{
	int code = blk_rates_any(operations) || blk_rates_any(bytes) ? throttles_make(blk, err) : 0;

	if (code == 0)
		blk_limits_set(&blk->limits, operations, bytes);
	return code;
}

int virtio_blk_limit(struct virtio_device *device, const struct virtio_blk_rates *operations,
		     const struct virtio_blk_rates *bytes, struct error *err)
{
	int code = limits_make(CONTAINER_OF(device, struct blk, device), operations, bytes, err);

	if (code == 0)
		virtio_blk_retry(device); /* who waits, waits for as long as the old ones said */
	return code;
}

struct blk_ring_store *virtio_blk_rings_make(unsigned count)
{
	return blk_ring_store_make(count, BLK_QUEUE_SIZE, VIRTIO_BLK_WORKERS);
}

void virtio_blk_rings_free(struct blk_ring_store *rings)
{
	blk_ring_store_free(rings);
}

/* --- Life --- */

/* Closes no descriptor: that is its owner's until the disk was made. */
static void blk_free(struct blk *blk)
{
	for (unsigned i = 0; i < blk->queue_count; i++) {
		virtio_throttle_close(&blk->queues[i].throttle);
		blk_engine_close(&blk->queues[i].engine);
		free(blk->queues[i].requests);
	}
	if (blk->device.memory)
		virtio_device_close(&blk->device);
	vhost_user_blk_close(&blk->backend);
	blk_limits_close(&blk->limits);
	free(blk->queues);
	free(blk->name);
	free(blk);
}

static void blk_destroy(struct virtio_device *device)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);
	int fd = blk->fd;

	blk_free(blk);
	cleanup_close(&fd);
}

static bool blk_busy(struct virtio_device *device)
{
	struct blk *blk = CONTAINER_OF(device, struct blk, device);

	return blk->backend.front && vhost_user_stuck(blk->backend.front);
}

static const struct virtio_device_ops blk_ops = {
	.config_read = blk_config_read,
	.notify = blk_notify,
	.reset = blk_reset,
	.queue_reset = blk_queue_reset,
	.busy = blk_busy,
	.destroy = blk_destroy,
};

/* An engine that may be io_uring and cannot is a blocking one. */
static int engine_make(struct blk_queue *queue, const struct blk_file *file,
		       const struct virtio_blk_options *options, struct loop *loop, struct error *err)
{
	bool wants = options->engine == VIRTIO_BLK_IO_URING ||
		     (options->engine == VIRTIO_BLK_AUTO && !file->in_memory);
	int code = blk_engine_init(&queue->engine, file, wants ? BLK_QUEUE_SIZE : 0, options->rings, loop,
				   queue_ended);

	if (code == -ENOSPC && options->engine == VIRTIO_BLK_IO_URING)
		return error_set(err, code,
				 "disk %s: io \"io_uring\" is taken by other disks that came while the guest "
				 "runs",
				 options->name);
	if (code < 0 && options->engine == VIRTIO_BLK_IO_URING)
		return error_set(err, code, "disk %s: io \"io_uring\" is not to be had from this kernel: %s",
				 options->name, strerror(-code));
	if (code < 0)
		code = blk_engine_init(&queue->engine, file, 0, NULL, loop, queue_ended);
	return code;
}

static int queue_make(struct blk *blk, unsigned index, const struct blk_file *file,
		      const struct virtio_blk_options *options, struct loop *loop, struct error *err)
{
	struct blk_queue *queue = &blk->queues[index];
	int code = 0;

	queue->requests = calloc(BLK_QUEUE_SIZE, sizeof(*queue->requests));
	if (!queue->requests)
		return error_set(err, -ENOMEM, "disk %s: out of memory", options->name);
	queue->blk = blk;
	queue->index = index;
	if (options->backend)
		blk_engine_init_backend(&queue->engine, &blk->backend, index);
	else
		code = engine_make(queue, file, options, loop, err);
	if (code < 0) {
		free(queue->requests);
		return code;
	}
	queue_forget(queue);
	blk->queue_count++;
	return 0;
}

static int queues_make(struct blk *blk, const struct blk_file *file, const struct virtio_blk_options *options,
		       struct loop *loop, struct error *err)
{
	unsigned count = MAX(options->queues, 1U);
	int code = 0;

	blk->queues = calloc(count, sizeof(*blk->queues));
	if (!blk->queues)
		return error_set(err, -ENOMEM, "disk %s: out of memory", options->name);
	for (unsigned i = 0; i < count && code == 0; i++) {
		struct loop *own = i && options->loops && !options->backend ? options->loops[i - 1] : loop;

		code = queue_make(blk, i, file, options, own, err);
		if (code == 0)
			code = virtio_device_set_queue_loop(&blk->device, i, own);
	}
	return code;
}

static int blk_init(struct blk *blk, const struct virtio_blk_options *options, struct blk_file *file,
		    struct error *err)
{
	int code = options->backend ? 0 : blk_file_init(file, options->fd);

	if (code == 0 && asprintf(&blk->name, BLK_NAME_PREFIX "%s", options->name) < 0) {
		blk->name = NULL;
		code = -ENOMEM;
	}
	if (code < 0)
		return error_set(err, code, "disk %s: cannot be used: %s", options->name, strerror(-code));
	blk->fd = options->backend ? -1 : options->fd;
	if (!options->backend)
		blk->align = file->align;
	blk->read_only = options->read_only;
	blk->unsafe = options->unsafe;
	blk->discard = options->discard;
	blk->ignore_errors = options->ignore_errors;
	blk->stopped = options->stopped;
	blk->owner = options->owner;
	blk->device.ops = &blk_ops;
	blk->device.name = blk->name;
	blk->device.queue_count = MAX(options->queues, 1U);
	return blk_describe(blk, options, err);
}

/* With the loops' sources of the queues, which are removed by blk_free. */
static int blk_open(struct blk *blk, const struct virtio_blk_options *options, struct loop *loop,
		    const struct guest_memory *memory, struct error *err)
{
	struct virtio_blk_options filled = *options;
	struct blk_file file = {.fd = -1};
	int code = options->backend ? blk_backend_open(blk, options, loop, memory, &filled.size, err) : 0;

	if (code == 0)
		code = blk_init(blk, &filled, &file, err);
	if (code == 0)
		code = queues_make(blk, &file, options, loop, err);
	if (code == 0)
		code = virtio_device_init(&blk->device, memory, loop, err);
	if (code < 0) {
		blk->device.memory = NULL; /* nothing of it is to be closed */
		return code;
	}
	for (unsigned i = 0; i < blk->device.queue_count; i++)
		blk->device.queues[i].size_max = BLK_QUEUE_SIZE;
	code = limits_make(blk, &options->operations, &options->bytes, err);
	return code == 0 && options->backend ? vhost_user_start(blk->backend.front, err) : code;
}

struct virtio_device *virtio_blk_create(const struct virtio_blk_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err)
{
	struct blk *blk = calloc(1, sizeof(*blk));

	if (!blk) {
		error_set(err, -ENOMEM, "disk %s: out of memory", options->name);
		return NULL;
	}
	blk_limits_init(&blk->limits);
	if (blk_open(blk, options, loop, memory, err) == 0) {
		if (options->backend)
			close(options->fd); /* it has its own */
		return &blk->device;
	}
	blk_free(blk);
	return NULL;
}
