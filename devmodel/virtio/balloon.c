#include "devmodel/virtio/balloon.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/clock.h"
#include "common/util.h"

#define QUEUE_SIZE 128

#define QUEUE_INFLATE         0
#define QUEUE_DEFLATE         1
#define QUEUE_STATS           2
#define QUEUE_REPORTING_LINUX 3
#define QUEUE_REPORTING       4
#define QUEUE_COUNT           5

#define INFLATE_BATCH 4  /* a page is a system call: others' turn comes sooner */
#define STATS_MAX     64 /* entries that are looked at */

#define NS_PER_SECOND 1000000000ULL

_Static_assert(VIRTIO_BALLOON_PAGE == 1ULL << VIRTIO_BALLOON_PFN_SHIFT, "pages are the protocol's");

struct balloon {
	struct virtio_device device;
	struct virtio_balloon_options options;
	struct loop_timer timer; /* new statistics are wanted */
	struct virtq_chain chain;

	/* The device's lock. */
	struct virtio_balloon_config config;
	_Atomic bool announced; /* the driver, since the last reset */

	/* The loop's, with the queue's lock. */
	uint64_t returned;
	bool stats_held; /* a buffer of the statistics queue's */
	struct virtq_token stats_token;
	uint32_t stats_known;
	uint64_t stats_time;
	uint64_t stats[VIRTIO_BALLOON_STATS];
};

/* ---- Pages ---- */

/* Guest memory that nobody of the guest's needs: whole pages of it become holes. */
static void give_back(struct balloon *balloon, unsigned queue, uint8_t *host, uint64_t size)
{
	uintptr_t start = ALIGN_UP((uintptr_t)host, VIRTIO_BALLOON_PAGE);
	uintptr_t end = ((uintptr_t)host + size) & ~(uintptr_t)(VIRTIO_BALLOON_PAGE - 1);

	if (start >= end)
		return;
	if (madvise((void *)start, end - start, MADV_REMOVE) < 0) {
		counter_add(&virtio_queue_counters(&balloon->device, queue)->errors, 1);
		log_limited(&balloon->device.log_limit, LOG_LEVEL_WARNING,
			    "virtio balloon: memory cannot be given back: %m");
		return;
	}
	balloon->returned += end - start;
	counter_add(&virtio_queue_counters(&balloon->device, queue)->from_guest, end - start);
}

/* Neighbours, given together. */
struct run {
	uint8_t *host;
	uint64_t size;
};

/* Whether the page became part of the run: pages come upwards or downwards. */
static bool run_extend(struct run *run, uint8_t *page)
{
	if (run->size && page == run->host + run->size) {
		run->size += VIRTIO_BALLOON_PAGE;
		return true;
	}
	if (run->size && page + VIRTIO_BALLOON_PAGE == run->host) {
		run->host = page;
		run->size += VIRTIO_BALLOON_PAGE;
		return true;
	}
	return false;
}

static void page_given(struct balloon *balloon, struct run *run, uint64_t number)
{
	uint8_t *page =
		guest_memory_at(balloon->device.memory, number * VIRTIO_BALLOON_PAGE, VIRTIO_BALLOON_PAGE);

	if (!page) {
		counter_add(&virtio_queue_counters(&balloon->device, QUEUE_INFLATE)->errors, 1);
		return;
	}
	if (run_extend(run, page))
		return;
	give_back(balloon, QUEUE_INFLATE, run->host, run->size);
	*run = (struct run){.host = page, .size = VIRTIO_BALLOON_PAGE};
}

static void pages_given(struct balloon *balloon)
{
	struct run run = {0};
	uint32_t numbers[256];
	size_t offset = 0;
	size_t got;

	while ((got = virtq_chain_read(&balloon->chain, offset, numbers, sizeof(numbers)) /
		      sizeof(numbers[0]))) {
		for (size_t i = 0; i < got; i++)
			page_given(balloon, &run, le32toh(numbers[i]));
		offset += got * sizeof(numbers[0]);
	}
	give_back(balloon, QUEUE_INFLATE, run.host, run.size);
}

static void balloon_inflate(struct balloon *balloon)
{
	struct virtio_device *device = &balloon->device;
	struct virtq *queue = &device->queues[QUEUE_INFLATE];
	unsigned budget = INFLATE_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, QUEUE_INFLATE, &balloon->chain, &budget)) {
		if (balloon->chain.readable_len > VIRTIO_BALLOON_LIST_MAX * sizeof(uint32_t)) {
			virtio_device_broken(device, "a list of pages is too long");
			break;
		}
		pages_given(balloon);
		virtq_push(queue, balloon->chain.token, 0);
	}
	virtio_interrupt(device, QUEUE_INFLATE);
}

/* A page that is taken again is there as soon as it is touched. */
static void balloon_deflate(struct balloon *balloon)
{
	struct virtio_device *device = &balloon->device;
	struct virtq *queue = &device->queues[QUEUE_DEFLATE];
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, QUEUE_DEFLATE, &balloon->chain, &budget))
		virtq_push(queue, balloon->chain.token, 0);
	virtio_interrupt(device, QUEUE_DEFLATE);
}

/* 5.5.6.7: the buffer itself is what is not used; its owner takes it back when it has it again. */
static void balloon_report(struct balloon *balloon, unsigned index)
{
	struct virtio_device *device = &balloon->device;
	struct virtq *queue = &device->queues[index];
	unsigned budget = INFLATE_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, index, &balloon->chain, &budget)) {
		for (unsigned i = 0; i < balloon->chain.writable_count; i++) {
			const struct iovec *part = &balloon->chain.iov[balloon->chain.readable_count + i];

			give_back(balloon, index, part->iov_base, part->iov_len);
		}
		virtq_push(queue, balloon->chain.token, 0);
	}
	virtio_interrupt(device, index);
}

/* ---- Statistics ---- */

static void stats_parse(struct balloon *balloon)
{
	struct virtio_balloon_stat entry;

	balloon->stats_known = 0;
	for (unsigned i = 0; i < STATS_MAX; i++) {
		if (virtq_chain_read(&balloon->chain, i * sizeof(entry), &entry, sizeof(entry)) !=
		    sizeof(entry))
			break;
		if (le16toh(entry.tag) >= VIRTIO_BALLOON_STATS)
			continue;
		balloon->stats_known |= 1U << le16toh(entry.tag);
		balloon->stats[le16toh(entry.tag)] = le64toh(entry.val);
	}
	balloon->stats_time = monotonic_ms();
}

/* The driver has one buffer there; a second one sends the first back. */
static void balloon_stats(struct balloon *balloon)
{
	struct virtio_device *device = &balloon->device;
	struct virtq *queue = &device->queues[QUEUE_STATS];
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, QUEUE_STATS, &balloon->chain, &budget)) {
		if (balloon->stats_held)
			virtq_push(queue, balloon->stats_token, 0);
		stats_parse(balloon);
		balloon->stats_held = true;
		balloon->stats_token = balloon->chain.token;
	}
	virtio_interrupt(device, QUEUE_STATS);
	if (balloon->stats_held && balloon->options.stats_period)
		loop_timer_set(&balloon->timer, balloon->options.stats_period * NS_PER_SECOND, 0);
}

/* 5.5.6.3: the buffer that is given back is the request. */
static void timer_expired(struct loop_timer *timer)
{
	struct balloon *balloon = CONTAINER_OF(timer, struct balloon, timer);
	struct virtio_device *device = &balloon->device;

	virtio_queue_lock(device, QUEUE_STATS);
	if (balloon->stats_held && virtio_device_live(device)) {
		balloon->stats_held = false;
		virtq_push(&device->queues[QUEUE_STATS], balloon->stats_token, 0);
		virtio_interrupt(device, QUEUE_STATS);
	}
	virtio_queue_unlock(device, QUEUE_STATS);
}

/* ---- The device ---- */

static void balloon_notify(struct virtio_device *device, unsigned queue)
{
	struct balloon *balloon = CONTAINER_OF(device, struct balloon, device);

	/* Linux kicks the statistics queue as soon as it is there. */
	if (!atomic_exchange(&balloon->announced, true) && balloon->options.driver_came)
		balloon->options.driver_came(balloon->options.owner);
	switch (queue) {
	case QUEUE_INFLATE:
		balloon_inflate(balloon);
		break;
	case QUEUE_DEFLATE:
		balloon_deflate(balloon);
		break;
	case QUEUE_STATS:
		balloon_stats(balloon);
		break;
	default:
		if (virtio_has(device, VIRTIO_BALLOON_F_REPORTING))
			balloon_report(balloon, queue);
		break;
	}
}

/* A page that was given is the guest's again after a reset: it finds zeros. */
static void balloon_reset(struct virtio_device *device)
{
	struct balloon *balloon = CONTAINER_OF(device, struct balloon, device);

	balloon->stats_held = false;
	balloon->stats_known = 0;
	balloon->config.actual = 0;
	balloon->announced = false;
}

static void balloon_queue_reset(struct virtio_device *device, unsigned queue)
{
	if (queue == QUEUE_STATS)
		CONTAINER_OF(device, struct balloon, device)->stats_held = false;
}

static void balloon_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	struct balloon *balloon = CONTAINER_OF(device, struct balloon, device);

	memcpy(data, (const uint8_t *)&balloon->config + offset, len);
}

/* 5.5.4: `actual` is the driver's to write, as a whole; the rest is not. */
static void balloon_config_write(struct virtio_device *device, uint32_t offset, const uint8_t *data,
				 uint32_t len)
{
	struct balloon *balloon = CONTAINER_OF(device, struct balloon, device);

	if (offset == offsetof(struct virtio_balloon_config, actual) && len == sizeof(balloon->config.actual))
		memcpy(&balloon->config.actual, data, len);
}

static void balloon_destroy(struct virtio_device *device)
{
	struct balloon *balloon = CONTAINER_OF(device, struct balloon, device);

	loop_timer_close(device->loop, &balloon->timer);
	virtio_device_close(device);
	free(balloon);
}

static const struct virtio_device_ops balloon_ops = {
	.config_read = balloon_config_read,
	.config_write = balloon_config_write,
	.reset = balloon_reset,
	.queue_reset = balloon_queue_reset,
	.notify = balloon_notify,
	.destroy = balloon_destroy,
};

/* In the protocol's pages, and never all that there is. */
static uint32_t pages_of(const struct guest_memory *memory, uint64_t bytes)
{
	uint64_t most = MIN(guest_memory_size(memory) / VIRTIO_BALLOON_PAGE, (uint64_t)UINT32_MAX);

	return (uint32_t)MIN(bytes / VIRTIO_BALLOON_PAGE, most);
}

static void balloon_offer(struct balloon *balloon, const struct virtio_balloon_options *options,
			  const struct guest_memory *memory)
{
	balloon->options = *options;
	balloon->config.num_pages = htole32(pages_of(memory, options->held));
	balloon->device.ops = &balloon_ops;
	balloon->device.id = VIRTIO_ID_BALLOON;
	balloon->device.name = "balloon";
	balloon->device.offered = 1ULL << VIRTIO_BALLOON_F_STATS_VQ;
	if (options->deflate_on_oom)
		balloon->device.offered |= 1ULL << VIRTIO_BALLOON_F_DEFLATE_ON_OOM;
	if (options->reporting)
		balloon->device.offered |= 1ULL << VIRTIO_BALLOON_F_REPORTING;
	balloon->device.queue_count = QUEUE_COUNT;
	balloon->device.config_size = sizeof(balloon->config);
}

struct virtio_device *virtio_balloon_create(const struct virtio_balloon_options *options,
					    const struct guest_memory *memory, struct loop *loop,
					    struct error *err)
{
	struct balloon *balloon = calloc(1, sizeof(*balloon));
	int code;

	if (!balloon) {
		error_set(err, -ENOMEM, "balloon: out of memory");
		return NULL;
	}
	balloon_offer(balloon, options, memory);
	if (virtio_device_init(&balloon->device, memory, loop, err) < 0) {
		free(balloon);
		return NULL;
	}
	code = loop_timer_init(loop, &balloon->timer, timer_expired);
	if (code < 0) {
		error_set(err, code, "balloon: no timer: %s", strerror(-code));
		virtio_device_close(&balloon->device);
		free(balloon);
		return NULL;
	}
	for (unsigned i = 0; i < QUEUE_COUNT; i++)
		balloon->device.queues[i].size_max = QUEUE_SIZE;
	return &balloon->device;
}

void virtio_balloon_set_held(struct virtio_device *device, uint64_t bytes)
{
	struct balloon *balloon = CONTAINER_OF(device, struct balloon, device);
	uint32_t pages = htole32(pages_of(device->memory, bytes));

	pthread_mutex_lock(&device->lock);
	if (balloon->config.num_pages != pages) {
		balloon->config.num_pages = pages;
		virtio_config_changed(device);
	}
	pthread_mutex_unlock(&device->lock);
}

void virtio_balloon_read(struct virtio_device *device, struct virtio_balloon_state *state)
{
	struct balloon *balloon = CONTAINER_OF(device, struct balloon, device);

	*state = (struct virtio_balloon_state){0};
	virtio_device_lock(device);
	state->driver = virtio_device_live(device);
	state->wanted = le32toh(balloon->config.num_pages) * VIRTIO_BALLOON_PAGE;
	state->actual = le32toh(balloon->config.actual) * VIRTIO_BALLOON_PAGE;
	state->returned = balloon->returned;
	state->stats_known = balloon->stats_known;
	state->stats_time = balloon->stats_time;
	memcpy(state->stats, balloon->stats, sizeof(state->stats));
	virtio_device_unlock(device);
}
