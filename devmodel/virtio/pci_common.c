#include "devmodel/virtio/pci_common.h"

#include <endian.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>

/* 4.1.3.1: a field is accessed as wide as it is, one of 64 bits by halves. */
static unsigned common_width(uint64_t offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_STATUS:
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return 1;
	case VIRTIO_PCI_COMMON_MSIX:
	case VIRTIO_PCI_COMMON_NUMQ:
	case VIRTIO_PCI_COMMON_Q_SELECT:
	case VIRTIO_PCI_COMMON_Q_SIZE:
	case VIRTIO_PCI_COMMON_Q_MSIX:
	case VIRTIO_PCI_COMMON_Q_ENABLE:
	case VIRTIO_PCI_COMMON_Q_NOFF:
	case VIRTIO_PCI_COMMON_Q_NDATA:
	case VIRTIO_PCI_COMMON_Q_RESET:
		return 2;
	default:
		return offset < VIRTIO_PCI_COMMON_MSIX || (offset >= VIRTIO_PCI_COMMON_Q_DESCLO &&
							   offset < VIRTIO_PCI_COMMON_Q_NDATA)
			       ? 4
			       : 0;
	}
}

static bool common_access_valid(uint64_t offset, uint32_t len)
{
	return offset < VIRTIO_PCI_COMMON_SIZE && offset % len == 0 && len == common_width(offset);
}

static struct virtq *selected_queue(const struct virtio_pci *pci)
{
	return pci->queue_select < pci->device->queue_count ? &pci->device->queues[pci->queue_select] : NULL;
}

static uint32_t queue_read(const struct virtio_pci *pci, uint64_t offset)
{
	const struct virtq *queue = selected_queue(pci);

	if (!queue)
		return offset == VIRTIO_PCI_COMMON_Q_MSIX ? VIRTIO_MSI_NO_VECTOR : 0;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return queue->size ? queue->size : queue->size_max;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return pci->queue_vectors[pci->queue_select];
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return queue->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return pci->queue_select;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return (uint32_t)queue->desc_address;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return (uint32_t)(queue->desc_address >> 32);
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return (uint32_t)queue->avail_address;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return (uint32_t)(queue->avail_address >> 32);
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return (uint32_t)queue->used_address;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return (uint32_t)(queue->used_address >> 32);
	default: /* of features that are not offered; or queue_reset, which is over when it was written */
		return 0;
	}
}

static uint32_t common_read(const struct virtio_pci *pci, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return pci->features_select;
	case VIRTIO_PCI_COMMON_DF:
		return virtio_device_offered(pci->device, pci->features_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return pci->driver_features_select;
	case VIRTIO_PCI_COMMON_GF:
		return virtio_device_agreed(pci->device, pci->driver_features_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return pci->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return pci->device->queue_count;
	case VIRTIO_PCI_COMMON_STATUS:
		return virtio_device_status(pci->device);
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return pci->device->config_generation & 0xff;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return pci->queue_select;
	default:
		return queue_read(pci, offset);
	}
}

/* The driver lays a queue out; once it is enabled that is over (4.1.4.3.2). */
static void queue_layout_write(struct virtio_pci *pci, struct virtq *queue, uint64_t offset, uint32_t value)
{
	if (!virtio_device_queue_is_open(pci->device, pci->queue_select))
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		if (value > 0 && value <= queue->size_max)
			queue->size = (uint16_t)value;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		virtq_set_low(&queue->desc_address, value);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		virtq_set_high(&queue->desc_address, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		virtq_set_low(&queue->avail_address, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		virtq_set_high(&queue->avail_address, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		virtq_set_low(&queue->used_address, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		virtq_set_high(&queue->used_address, value);
		break;
	}
}

/* 4.1.5.1.2.1: a vector that is not there cannot be had; the driver sees so when it reads it back. */
static uint16_t vector_valid(const struct virtio_pci *pci, uint32_t vector)
{
	return vector < pci->msix.count ? (uint16_t)vector : VIRTIO_MSI_NO_VECTOR;
}

static void queue_set_vector(struct virtio_pci *pci, uint16_t vector)
{
	pci->queue_vectors[pci->queue_select] = vector;
	msix_call_move(&pci->msix, &pci->calls[pci->queue_select], vector);
}

static void queue_enable(struct virtio_pci *pci, struct virtq *queue)
{
	if (queue->enabled)
		return;
	if (queue->size == 0)
		queue->size = queue->size_max; /* the driver took what it read */
	virtio_device_enable_queue(pci->device, pci->queue_select);
}

/* 2.6.1.1: all of the queue's state is as it was at first, its vector too. */
static void queue_reset(struct virtio_pci *pci)
{
	if (!virtio_has(pci->device, VIRTIO_F_RING_RESET))
		return;
	virtio_device_reset_queue(pci->device, pci->queue_select);
	pci->queue_vectors[pci->queue_select] = VIRTIO_MSI_NO_VECTOR;
}

static void queue_write(struct virtio_pci *pci, uint64_t offset, uint32_t value)
{
	struct virtq *queue = selected_queue(pci);

	if (!queue)
		return;
	if (offset == VIRTIO_PCI_COMMON_Q_MSIX)
		queue_set_vector(pci, vector_valid(pci, value));
	else if (offset == VIRTIO_PCI_COMMON_Q_ENABLE && value == 1)
		queue_enable(pci, queue);
	else if (offset == VIRTIO_PCI_COMMON_Q_RESET && value == 1)
		queue_reset(pci);
	else
		queue_layout_write(pci, queue, offset, value);
}

void virtio_pci_selection_reset(struct virtio_pci *pci)
{
	pci->features_select = 0;
	pci->driver_features_select = 0;
	pci->queue_select = 0;
	pci->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned i = 0; i < pci->device->queue_count; i++)
		pci->queue_vectors[i] = VIRTIO_MSI_NO_VECTOR;
}

static void status_write(struct virtio_pci *pci, uint32_t status)
{
	virtio_device_set_status(pci->device, status);
	if (status)
		return;
	virtio_pci_selection_reset(pci);
	virtio_pci_isr_take(pci);
}

static void common_write(struct virtio_pci *pci, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		pci->features_select = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		pci->driver_features_select = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		virtio_device_set_features(pci->device, pci->driver_features_select, value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		pci->config_vector = vector_valid(pci, value);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		status_write(pci, value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		pci->queue_select = (uint16_t)value;
		break;
	default:
		queue_write(pci, offset, value);
		break;
	}
}

void virtio_pci_common_load(struct virtio_pci *pci, uint64_t offset, uint8_t *data, uint32_t len)
{
	uint32_t value;

	memset(data, 0, len);
	if (!common_access_valid(offset, len))
		return;
	pthread_mutex_lock(&pci->device->lock);
	value = htole32(common_read(pci, offset));
	pthread_mutex_unlock(&pci->device->lock);
	memcpy(data, &value, len);
}

void virtio_pci_common_store(struct virtio_pci *pci, uint64_t offset, const uint8_t *data, uint32_t len)
{
	uint32_t value = 0;

	if (!common_access_valid(offset, len))
		return;
	memcpy(&value, data, len);
	pthread_mutex_lock(&pci->device->lock);
	common_write(pci, offset, le32toh(value));
	pthread_mutex_unlock(&pci->device->lock);
}
