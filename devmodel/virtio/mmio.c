#include "devmodel/virtio/mmio.h"

#include <endian.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#include "common/util.h"

#define MMIO_MAGIC    0x74726976 /* "virt" */
#define MMIO_VERSION  2
#define MMIO_VENDOR   0x54534152 /* "RAST" */
#define REGISTER_SIZE 4
#define QUEUE_RESET   0x0c0 /* 4.2.2; linux/virtio_mmio.h does not have it */

static struct virtq *selected_queue(struct virtio_mmio *mmio)
{
	struct virtio_device *device = mmio->device;

	return mmio->queue_select < device->queue_count ? &device->queues[mmio->queue_select] : NULL;
}

static uint32_t register_read(struct virtio_mmio *mmio, uint64_t offset)
{
	const struct virtq *queue = selected_queue(mmio);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return MMIO_VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return mmio->device->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return MMIO_VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return virtio_device_offered(mmio->device, mmio->features_select);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? queue->size_max : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue && queue->enabled;
	case VIRTIO_MMIO_STATUS:
		return virtio_device_status(mmio->device);
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return mmio->device->config_generation;
	case VIRTIO_MMIO_SHM_LEN_LOW: /* no shared memory region: its length and base are all ones */
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX;
	default: /* write-only or reserved; or QueueReset, which is over when it was written */
		return 0;
	}
}

/* The driver lays a queue out; once it is enabled that is over (4.2.2.2). */
static void queue_write(struct virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
	struct virtq *queue = selected_queue(mmio);

	if (!queue || !virtio_device_queue_is_open(mmio->device, mmio->queue_select))
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->size = value <= queue->size_max ? (uint16_t)value : 0;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		virtq_set_low(&queue->desc_address, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		virtq_set_high(&queue->desc_address, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		virtq_set_low(&queue->avail_address, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		virtq_set_high(&queue->avail_address, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
		virtq_set_low(&queue->used_address, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		virtq_set_high(&queue->used_address, value);
		break;
	}
}

static void queue_ready_write(struct virtio_mmio *mmio, uint32_t value)
{
	struct virtq *queue = selected_queue(mmio);

	if (!queue)
		return;
	if (!value)
		virtio_device_disable_queue(mmio->device, mmio->queue_select);
	else if (value == 1 && !queue->enabled)
		virtio_device_enable_queue(mmio->device, mmio->queue_select);
}

static void queue_reset_write(struct virtio_mmio *mmio, uint32_t value)
{
	if (value == 1 && selected_queue(mmio))
		virtio_device_reset_queue(mmio->device, mmio->queue_select);
}

static void status_write(struct virtio_mmio *mmio, uint32_t status)
{
	virtio_device_set_status(mmio->device, status);
	if (status)
		return;
	mmio->features_select = 0;
	mmio->driver_features_select = 0;
	mmio->queue_select = 0;
	__atomic_store_n(&mmio->interrupt_status, 0, __ATOMIC_SEQ_CST);
}

static void register_write(struct virtio_mmio *mmio, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		mmio->features_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		mmio->driver_features_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		virtio_device_set_features(mmio->device, mmio->driver_features_select, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		mmio->queue_select = value;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		queue_ready_write(mmio, value);
		break;
	case QUEUE_RESET:
		queue_reset_write(mmio, value);
		break;
	case VIRTIO_MMIO_STATUS:
		status_write(mmio, value);
		break;
	default:
		queue_write(mmio, offset, value);
		break;
	}
}

static void register_load(struct virtio_mmio *mmio, uint64_t offset, uint8_t *data)
{
	uint32_t value;

	if (offset == VIRTIO_MMIO_INTERRUPT_STATUS) {
		value = __atomic_load_n(&mmio->interrupt_status, __ATOMIC_ACQUIRE);
	} else {
		pthread_mutex_lock(&mmio->device->lock);
		value = register_read(mmio, offset);
		pthread_mutex_unlock(&mmio->device->lock);
	}
	value = htole32(value);
	memcpy(data, &value, sizeof(value));
}

static void register_store(struct virtio_mmio *mmio, uint64_t offset, const uint8_t *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	value = le32toh(value);
	switch (offset) { /* what a running driver uses needs no lock */
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value < mmio->device->queue_count)
			virtio_device_kick(mmio->device, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		__atomic_fetch_and(&mmio->interrupt_status, ~value, __ATOMIC_SEQ_CST);
		break;
	default:
		pthread_mutex_lock(&mmio->device->lock);
		register_write(mmio, offset, value);
		pthread_mutex_unlock(&mmio->device->lock);
		break;
	}
}

/* 4.2.2.2: 32-bit, aligned accesses only, but to the configuration space. */
static bool is_register_access(uint64_t offset, uint32_t len)
{
	return len == REGISTER_SIZE && offset % REGISTER_SIZE == 0;
}

static void mmio_read(void *opaque, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct virtio_mmio *mmio = opaque;

	if (offset >= VIRTIO_MMIO_CONFIG) {
		pthread_mutex_lock(&mmio->device->lock);
		virtio_device_config_read(mmio->device, offset - VIRTIO_MMIO_CONFIG, data, len);
		pthread_mutex_unlock(&mmio->device->lock);
	} else if (is_register_access(offset, len)) {
		register_load(mmio, offset, data);
	}
}

static void mmio_write(void *opaque, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct virtio_mmio *mmio = opaque;

	if (offset >= VIRTIO_MMIO_CONFIG) {
		pthread_mutex_lock(&mmio->device->lock);
		virtio_device_config_write(mmio->device, offset - VIRTIO_MMIO_CONFIG, data, len);
		pthread_mutex_unlock(&mmio->device->lock);
	} else if (is_register_access(offset, len)) {
		register_store(mmio, offset, data);
	}
}

const struct bus_ops virtio_mmio_ops = {.read = mmio_read, .write = mmio_write};

static void mmio_interrupt(struct virtio_transport *transport, uint32_t cause)
{
	struct virtio_mmio *mmio = CONTAINER_OF(transport, struct virtio_mmio, transport);

	__atomic_fetch_or(&mmio->interrupt_status, cause, __ATOMIC_SEQ_CST);
	irq_raise(mmio->irq);
}

static void mmio_queue_interrupt(struct virtio_transport *transport, unsigned queue)
{
	(void)queue; /* one interrupt for all of them: the driver looks */
	mmio_interrupt(transport, VIRTIO_MMIO_INT_VRING);
}

static void mmio_config_interrupt(struct virtio_transport *transport)
{
	mmio_interrupt(transport, VIRTIO_MMIO_INT_CONFIG);
}

void virtio_mmio_init(struct virtio_mmio *mmio, struct virtio_device *device, struct irq_line *irq)
{
	*mmio = (struct virtio_mmio){
		.transport = {.queue_interrupt = mmio_queue_interrupt,
			      .config_interrupt = mmio_config_interrupt},
		.device = device,
		.irq = irq,
	};
	device->transport = &mmio->transport;
}
