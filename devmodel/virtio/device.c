#include "devmodel/virtio/device.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"

#define FEATURES_COMMON                                                                                      \
	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC |                                  \
	 1ULL << VIRTIO_RING_F_EVENT_IDX | 1ULL << VIRTIO_F_RING_PACKED | 1ULL << VIRTIO_F_RING_RESET)

/* The bits of status that a driver sets; NEEDS_RESET is the device's own. */
#define STATUS_OF_DRIVER                                                                                     \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |                \
	 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)
#define STATUS_DEAD (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED)

static void kick_ready(struct loop_source *source, uint32_t events)
{
	struct virtio_kick *kick = CONTAINER_OF(source, struct virtio_kick, source);
	struct virtio_device *device = kick->device;

	(void)events;
	pthread_mutex_lock(&kick->lock);
	counter_add(&kick->counters.notifications, 1);
	if (virtio_device_live(device) && device->queues[kick->queue].enabled)
		device->ops->notify(device, kick->queue);
	pthread_mutex_unlock(&kick->lock);
}

static int kick_init(struct virtio_device *device, unsigned queue)
{
	struct virtio_kick *kick = &device->kicks[queue];
	int code;

	kick->device = device;
	kick->queue = queue;
	if (!kick->loop)
		kick->loop = device->loop;
	kick->source = (struct loop_source){
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.events = EPOLLIN | EPOLLET,
		.ready = kick_ready,
	};
	if (kick->source.fd < 0)
		return -errno;
	pthread_mutex_init(&kick->lock, NULL); /* before its loop's thread may want it */
	code = loop_add(kick->loop, &kick->source);
	if (code < 0) {
		pthread_mutex_destroy(&kick->lock);
		close(kick->source.fd);
		kick->source.fd = -1;
	}
	return code;
}

static void kick_close(struct virtio_device *device, unsigned queue)
{
	struct virtio_kick *kick = &device->kicks[queue];

	loop_remove(kick->loop, &kick->source);
	close(kick->source.fd);
	kick->source.fd = -1;
	pthread_mutex_destroy(&kick->lock);
}

int virtio_device_set_queue_loop(struct virtio_device *device, unsigned queue, struct loop *loop)
{
	struct virtio_kick *kick = &device->kicks[queue];
	bool is_made = kick->device != NULL;
	int code = is_made ? loop_add(loop, &kick->source) : 0;

	if (code < 0)
		return code;
	if (is_made)
		loop_remove(kick->loop, &kick->source);
	kick->loop = loop;
	return 0;
}

int virtio_device_init(struct virtio_device *device, const struct guest_memory *memory, struct loop *loop,
		       struct error *err)
{
	int code;

	device->memory = memory;
	device->loop = loop;
	device->offered |= FEATURES_COMMON | (device->in_order ? 1ULL << VIRTIO_F_IN_ORDER : 0);
	pthread_mutex_init(&device->lock, NULL);
	for (unsigned i = 0; i < device->queue_count; i++) {
		device->queues[i] = (struct virtq){.size_max = VIRTQ_SIZE_MAX};
		code = kick_init(device, i);
		if (code == 0)
			continue;
		while (i-- > 0)
			kick_close(device, i);
		pthread_mutex_destroy(&device->lock);
		return error_set(err, code, "virtio %s: cannot make the notification of a queue: %s",
				 device->name, strerror(-code));
	}
	return 0;
}

void virtio_device_withhold(struct virtio_device *device, uint64_t features)
{
	device->offered &= ~features;
}

void virtio_device_close(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		kick_close(device, i);
	pthread_mutex_destroy(&device->lock);
}

void virtio_device_destroy(struct virtio_device *device)
{
	if (device)
		device->ops->destroy(device);
}

void virtio_device_kick(struct virtio_device *device, unsigned queue)
{
	uint64_t one = 1;

	/* Fails only when the counter is full, and then the loop has been told often enough. */
	if (write(device->kicks[queue].source.fd, &one, sizeof(one)) < 0)
		return;
}

static void queues_lock(struct virtio_device *device)
{
	for (unsigned i = 0; i < device->queue_count; i++)
		virtio_queue_lock(device, i);
}

static void queues_unlock(struct virtio_device *device)
{
	for (unsigned i = device->queue_count; i-- > 0;)
		virtio_queue_unlock(device, i);
}

void virtio_device_lock(struct virtio_device *device)
{
	pthread_mutex_lock(&device->lock);
	queues_lock(device);
}

void virtio_device_unlock(struct virtio_device *device)
{
	queues_unlock(device);
	pthread_mutex_unlock(&device->lock);
}

void virtio_device_count(const struct virtio_device *device, struct virtio_counters *sum)
{
	*sum = (struct virtio_counters){.errors = counter_read(&device->faults)};
	for (unsigned i = 0; i < device->queue_count; i++) {
		const struct virtio_counters *queue = &device->kicks[i].counters;

		counter_add(&sum->notifications, counter_read(&queue->notifications));
		counter_add(&sum->requests, counter_read(&queue->requests));
		counter_add(&sum->errors, counter_read(&queue->errors));
		counter_add(&sum->interrupts, counter_read(&queue->interrupts));
		counter_add(&sum->to_guest, counter_read(&queue->to_guest));
		counter_add(&sum->from_guest, counter_read(&queue->from_guest));
	}
}

static bool device_busy(struct virtio_device *device)
{
	return device->ops->busy && device->ops->busy(device);
}

/* A reset that could not be ended at once has ended when nobody touches the driver's buffers any more. */
uint32_t virtio_device_status(struct virtio_device *device)
{
	uint32_t now = VIRTIO_CONFIG_S_NEEDS_RESET;

	if (device->status == now && !device_busy(device))
		atomic_compare_exchange_strong(&device->status, &now, 0);
	return device->status;
}

static void device_reset(struct virtio_device *device)
{
	if (device->ops->reset)
		device->ops->reset(device);
	for (unsigned i = 0; i < device->queue_count; i++)
		virtq_reset(&device->queues[i]);
	device->features = 0;
	device->status = device_busy(device) ? VIRTIO_CONFIG_S_NEEDS_RESET : 0;
}

static void device_check_features(struct virtio_device *device)
{
	uint64_t unoffered = device->features & ~device->offered;

	if (unoffered)
		log_limited(&device->log_limit, LOG_LEVEL_WARNING,
			    "virtio %s: the driver wants features 0x%llx, which are not offered",
			    device->name, (unsigned long long)unoffered);
	else if (!virtio_has(device, VIRTIO_F_VERSION_1))
		log_limited(&device->log_limit, LOG_LEVEL_WARNING,
			    "virtio %s: the driver does not know virtio 1.0", device->name);
	else
		device->status |= VIRTIO_CONFIG_S_FEATURES_OK;
}

/* Asks for kicks; what was there before comes as one. */
static void queue_start(struct virtio_device *device, unsigned queue)
{
	if (virtq_enable_notify(&device->queues[queue]))
		virtio_device_kick(device, queue);
}

static void device_activate(struct virtio_device *device)
{
	device->status |= VIRTIO_CONFIG_S_DRIVER_OK;
	/* First: a device may hand its queues to the kernel, whose wish for kicks they are then. Nobody hears
	 * a kick before the locks are open. */
	for (unsigned i = 0; i < device->queue_count; i++)
		queue_start(device, i);
	if (device->ops->activate && device->ops->activate(device) < 0)
		virtio_device_broken(device, "it cannot be activated");
}

/* 3.1.1: each step needs the one before it; 2.1.1: a driver takes no step back but the reset. */
static void device_take_status(struct virtio_device *device, uint32_t status)
{
	uint32_t now = device->status & STATUS_OF_DRIVER;
	uint32_t added = status & ~now & STATUS_OF_DRIVER;

	if (status == 0) {
		device_reset(device);
		return;
	}
	if ((status & now) != now)
		return;
	device->status |= added & VIRTIO_CONFIG_S_FAILED;
	if (device->status & STATUS_DEAD)
		return;
	if (added & VIRTIO_CONFIG_S_ACKNOWLEDGE)
		device->status |= VIRTIO_CONFIG_S_ACKNOWLEDGE;
	if (added & VIRTIO_CONFIG_S_DRIVER && device->status & VIRTIO_CONFIG_S_ACKNOWLEDGE)
		device->status |= VIRTIO_CONFIG_S_DRIVER;
	if (added & VIRTIO_CONFIG_S_FEATURES_OK && device->status & VIRTIO_CONFIG_S_DRIVER)
		device_check_features(device);
	if (added & VIRTIO_CONFIG_S_DRIVER_OK && device->status & VIRTIO_CONFIG_S_FEATURES_OK)
		device_activate(device);
}

void virtio_device_set_status(struct virtio_device *device, uint32_t status)
{
	queues_lock(device);
	device_take_status(device, status);
	queues_unlock(device);
}

static uint32_t features_half(uint64_t features, uint32_t half)
{
	return half > 1 ? 0 : (uint32_t)(features >> (32 * half));
}

uint32_t virtio_device_offered(const struct virtio_device *device, uint32_t half)
{
	return features_half(device->offered, half);
}

uint32_t virtio_device_agreed(const struct virtio_device *device, uint32_t half)
{
	return features_half(device->features, half);
}

void virtio_device_set_features(struct virtio_device *device, unsigned half, uint32_t features)
{
	unsigned shift = 32 * half;

	if (half > 1 || !(device->status & VIRTIO_CONFIG_S_DRIVER) ||
	    device->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	device->features &= ~((uint64_t)UINT32_MAX << shift);
	device->features |= (uint64_t)features << shift;
}

bool virtio_device_queue_is_open(const struct virtio_device *device, unsigned queue)
{
	return !device->queues[queue].enabled &&
	       (!(device->status & VIRTIO_CONFIG_S_DRIVER_OK) || virtio_has(device, VIRTIO_F_RING_RESET));
}

int virtio_device_enable_queue(struct virtio_device *device, unsigned queue)
{
	int code;

	if (!(device->status & VIRTIO_CONFIG_S_FEATURES_OK) || device->status & STATUS_DEAD ||
	    !virtio_device_queue_is_open(device, queue))
		return -EBUSY;
	virtio_queue_lock(device, queue);
	code = virtq_enable(&device->queues[queue], device->memory, device->features);
	if (code == 0 && virtio_device_live(device))
		queue_start(device, queue);
	virtio_queue_unlock(device, queue);
	if (code < 0)
		virtio_device_broken(
			device, "a queue has a bad size, or rings that are misaligned or outside memory");
	return code;
}

static void queue_stop(struct virtio_device *device, unsigned queue)
{
	if (device->ops->queue_reset)
		device->ops->queue_reset(device, queue);
	virtq_disable(&device->queues[queue]);
}

void virtio_device_disable_queue(struct virtio_device *device, unsigned queue)
{
	virtio_queue_lock(device, queue);
	queue_stop(device, queue);
	virtio_queue_unlock(device, queue);
}

void virtio_device_reset_queue(struct virtio_device *device, unsigned queue)
{
	if (!virtio_has(device, VIRTIO_F_RING_RESET))
		return;
	virtio_queue_lock(device, queue);
	queue_stop(device, queue);
	virtq_reset(&device->queues[queue]);
	virtio_queue_unlock(device, queue);
	if (device_busy(device))
		virtio_device_broken(device, "what it was asked cannot be ended");
}

void virtio_device_config_read(struct virtio_device *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	memset(data, 0, len);
	if (offset < device->config_size && device->ops->config_read)
		device->ops->config_read(device, (uint32_t)offset, data,
					 MIN(len, device->config_size - (uint32_t)offset));
}

void virtio_device_config_write(struct virtio_device *device, uint64_t offset, const uint8_t *data,
				uint32_t len)
{
	/* 3.1.1: not before the features are agreed. */
	if (!(device->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	if (offset < device->config_size && device->ops->config_write)
		device->ops->config_write(device, (uint32_t)offset, data,
					  MIN(len, device->config_size - (uint32_t)offset));
}

bool virtio_device_pop(struct virtio_device *device, unsigned queue, struct virtq_chain *chain,
		       unsigned *budget)
{
	struct virtq *virtq = &device->queues[queue];
	int code;

	if (*budget == 0) {
		virtio_device_kick(device, queue);
		return false;
	}
	do {
		code = virtq_pop(virtq, chain);
	} while (code == 0 && virtq_enable_notify(virtq));
	if (code < 0)
		virtio_device_broken(device, "the ring of a queue is broken");
	if (code <= 0)
		return false;
	--*budget;
	counter_add(&virtio_queue_counters(device, queue)->requests, 1);
	return true;
}

void virtio_interrupt(struct virtio_device *device, unsigned queue)
{
	if (!virtq_needs_interrupt(&device->queues[queue]))
		return;
	counter_add(&virtio_queue_counters(device, queue)->interrupts, 1);
	device->transport->queue_interrupt(device->transport, queue);
}

static void device_tell_driver(struct virtio_device *device)
{
	if (device->status & VIRTIO_CONFIG_S_DRIVER_OK)
		device->transport->config_interrupt(device->transport);
}

void virtio_config_changed(struct virtio_device *device)
{
	device->config_generation++;
	device_tell_driver(device);
}

void virtio_device_broken(struct virtio_device *device, const char *why)
{
	uint32_t before = atomic_fetch_or(&device->status, VIRTIO_CONFIG_S_NEEDS_RESET);

	if (before & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	log_limited(&device->log_limit, LOG_LEVEL_WARNING,
		    "virtio %s: %s; stopped until its driver resets it", device->name, why);
	atomic_fetch_add_explicit(&device->faults, 1, memory_order_relaxed);
	device_tell_driver(device);
}

bool virtio_device_live(const struct virtio_device *device)
{
	return (device->status & (VIRTIO_CONFIG_S_DRIVER_OK | STATUS_DEAD)) == VIRTIO_CONFIG_S_DRIVER_OK;
}
