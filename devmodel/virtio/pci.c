#include "devmodel/virtio/pci.h"

#include <endian.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "common/util.h"

#define VENDOR         0x1af4 /* 4.1.2: virtio's, with 0x1040 + the device's kind */
#define DEVICE_BASE    0x1040
#define SUBSYSTEM_BASE 0x40
#define REVISION       1

#define REGION_SIZE    0x1000
#define REGION_COMMON  0x0000
#define REGION_ISR     0x1000
#define REGION_CONFIG  0x2000
#define REGION_TABLE   0x4000
#define REGION_PENDING 0x5000

#define ISR_QUEUE  1
#define ISR_CONFIG VIRTIO_PCI_ISR_CONFIG

#define COMMON_SIZE 0x3c /* 4.1.4.3: through queue_reset */

/* PCI Code and ID Assignment Specification: base class, subclass, interface */
static uint32_t class_of(uint32_t id)
{
	switch (id) {
	case VIRTIO_ID_NET:
		return 0x020000;
	case VIRTIO_ID_BLOCK:
		return 0x010000;
	case VIRTIO_ID_CONSOLE:
	case VIRTIO_ID_VSOCK:
		return 0x078000;
	default:
		return 0xff0000;
	}
}

/* --- Interrupts --- */

/* The level follows its cause; `interrupts` is held. */
static void line_update(struct virtio_pci *pci)
{
	if (pci->line)
		pci->line->set(pci->line, pci->isr && !pci->line_off && !msix_enabled(&pci->msix));
}

static uint8_t isr_take(struct virtio_pci *pci)
{
	uint8_t isr;

	pthread_mutex_lock(&pci->interrupts);
	isr = pci->isr;
	pci->isr = 0;
	line_update(pci);
	pthread_mutex_unlock(&pci->interrupts);
	return isr;
}

/* 4.1.5.3, 4.1.5.4: the interrupt status counts only without MSI-X. */
static void pci_interrupt(struct virtio_pci *pci, uint16_t vector, uint8_t cause)
{
	if (msix_enabled(&pci->msix)) {
		msix_raise(&pci->msix, vector); /* VIRTIO_MSI_NO_VECTOR is beyond them all */
		return;
	}
	pthread_mutex_lock(&pci->interrupts);
	pci->isr |= cause;
	line_update(pci);
	pthread_mutex_unlock(&pci->interrupts);
}

static void pci_queue_interrupt(struct virtio_transport *transport, unsigned queue)
{
	struct virtio_pci *pci = CONTAINER_OF(transport, struct virtio_pci, transport);

	pci_interrupt(pci, pci->queue_vectors[queue], ISR_QUEUE);
}

static void pci_config_interrupt(struct virtio_transport *transport)
{
	struct virtio_pci *pci = CONTAINER_OF(transport, struct virtio_pci, transport);

	pci_interrupt(pci, pci->config_vector, ISR_CONFIG);
}

/* --- Common configuration --- */

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
	return offset < COMMON_SIZE && offset % len == 0 && len == common_width(offset);
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
		return pci->device->status;
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
		pci->queue_vectors[pci->queue_select] = vector_valid(pci, value);
	else if (offset == VIRTIO_PCI_COMMON_Q_ENABLE && value == 1)
		queue_enable(pci, queue);
	else if (offset == VIRTIO_PCI_COMMON_Q_RESET && value == 1)
		queue_reset(pci);
	else
		queue_layout_write(pci, queue, offset, value);
}

static void selection_reset(struct virtio_pci *pci)
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
	selection_reset(pci);
	isr_take(pci);
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

static void common_load(struct virtio_pci *pci, uint64_t offset, uint8_t *data, uint32_t len)
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

static void common_store(struct virtio_pci *pci, uint64_t offset, const uint8_t *data, uint32_t len)
{
	uint32_t value = 0;

	if (!common_access_valid(offset, len))
		return;
	memcpy(&value, data, len);
	pthread_mutex_lock(&pci->device->lock);
	common_write(pci, offset, le32toh(value));
	pthread_mutex_unlock(&pci->device->lock);
}

/* --- BAR 0 --- */

static void bar_read(struct pci_function *function, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct virtio_pci *pci = CONTAINER_OF(function, struct virtio_pci, function);
	uint64_t inside = offset % REGION_SIZE;

	memset(data, 0, len);
	if (len > REGION_SIZE - inside)
		return;
	switch (offset - inside) {
	case REGION_COMMON:
		common_load(pci, inside, data, len);
		break;
	case REGION_ISR:
		if (inside == 0)
			data[0] = isr_take(pci);
		break;
	case REGION_CONFIG:
		pthread_mutex_lock(&pci->device->lock);
		virtio_device_config_read(pci->device, inside, data, len);
		pthread_mutex_unlock(&pci->device->lock);
		break;
	case REGION_TABLE:
		msix_table_read(&pci->msix, inside, data, len);
		break;
	case REGION_PENDING:
		msix_pending_read(&pci->msix, inside, data, len);
		break;
	}
}

static void bar_write(struct pci_function *function, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct virtio_pci *pci = CONTAINER_OF(function, struct virtio_pci, function);
	uint64_t inside = offset % REGION_SIZE;

	if (len > REGION_SIZE - inside)
		return;
	switch (offset - inside) {
	case REGION_COMMON:
		common_store(pci, inside, data, len);
		break;
	case REGION_CONFIG:
		pthread_mutex_lock(&pci->device->lock);
		virtio_device_config_write(pci->device, inside, data, len);
		pthread_mutex_unlock(&pci->device->lock);
		break;
	case VIRTIO_PCI_NOTIFICATIONS:
		if (inside % VIRTIO_PCI_NOTIFY_SIZE == 0 &&
		    inside / VIRTIO_PCI_NOTIFY_SIZE < pci->device->queue_count)
			virtio_device_kick(pci->device, (unsigned)(inside / VIRTIO_PCI_NOTIFY_SIZE));
		break;
	case REGION_TABLE:
		msix_table_write(&pci->msix, inside, data, len);
		break;
	}
}

/* --- Configuration space --- */

static uint32_t config_get32(const struct virtio_pci *pci, unsigned offset)
{
	uint32_t value;

	memcpy(&value, pci->function.config + offset, sizeof(value));
	return le32toh(value);
}

static bool ranges_meet(unsigned offset, uint32_t len, unsigned other, uint32_t other_len)
{
	return offset < other + other_len && other < offset + len;
}

/* 4.1.4.9: what the window in configuration space looks at; false: at nothing. */
static bool window_target(const struct virtio_pci *pci, uint32_t *offset, uint32_t *len)
{
	unsigned at = pci->window_capability;

	*offset = config_get32(pci, at + VIRTIO_PCI_CAP_OFFSET);
	*len = config_get32(pci, at + VIRTIO_PCI_CAP_LENGTH);
	return pci->function.config[at + VIRTIO_PCI_CAP_BAR] == 0 && (*len == 1 || *len == 2 || *len == 4) &&
	       *offset % *len == 0 && *offset < VIRTIO_PCI_BAR_SIZE;
}

static unsigned window_data(const struct virtio_pci *pci)
{
	return pci->window_capability + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
}

static void window_read(struct virtio_pci *pci, unsigned offset, uint8_t *data, uint32_t len)
{
	unsigned at = window_data(pci);
	uint8_t bytes[4] = {0};
	uint32_t target, width;

	if (!ranges_meet(offset, len, at, sizeof(bytes)) || !window_target(pci, &target, &width))
		return;
	bar_read(&pci->function, target, bytes, width);
	for (uint32_t i = 0; i < len; i++) {
		if (offset + i >= at && offset + i < at + width)
			data[i] = bytes[offset + i - at];
	}
}

static void pci_config_read(struct pci_function *function, unsigned offset, uint8_t *data, uint32_t len)
{
	struct virtio_pci *pci = CONTAINER_OF(function, struct virtio_pci, function);

	window_read(pci, offset, data, len);
	if (!ranges_meet(offset, len, PCI_STATUS, 1))
		return;
	pthread_mutex_lock(&pci->interrupts);
	if (pci->isr && !msix_enabled(&pci->msix))
		data[PCI_STATUS - offset] |= PCI_STATUS_INTERRUPT;
	pthread_mutex_unlock(&pci->interrupts);
}

static void window_written(struct virtio_pci *pci, unsigned offset, uint32_t len)
{
	unsigned at = window_data(pci);
	uint32_t target, width;

	if (ranges_meet(offset, len, at, 4) && window_target(pci, &target, &width))
		bar_write(&pci->function, target, pci->function.config + at, width);
}

static uint16_t config_get16(const struct virtio_pci *pci, unsigned offset)
{
	return (uint16_t)(config_get32(pci, offset & ~3U) >> (8 * (offset & 3)));
}

static void pci_config_written(struct pci_function *function, unsigned offset, uint32_t len)
{
	struct virtio_pci *pci = CONTAINER_OF(function, struct virtio_pci, function);
	unsigned control = pci->msix_capability + PCI_MSIX_FLAGS;

	window_written(pci, offset, len);
	if (ranges_meet(offset, len, control, 2))
		msix_control(&pci->msix, config_get16(pci, control));
	if (!ranges_meet(offset, len, control, 2) && !ranges_meet(offset, len, PCI_COMMAND, 2))
		return;
	pthread_mutex_lock(&pci->interrupts);
	pci->line_off = config_get16(pci, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE;
	line_update(pci);
	pthread_mutex_unlock(&pci->interrupts);
}

static void pci_moved(struct pci_function *function, uint64_t address)
{
	struct virtio_pci *pci = CONTAINER_OF(function, struct virtio_pci, function);

	pci->host->notifications_at(pci->host, pci, address ? address + VIRTIO_PCI_NOTIFICATIONS : 0);
}

static const struct pci_function_ops function_ops = {
	.read = bar_read,
	.write = bar_write,
	.config_read = pci_config_read,
	.config_written = pci_config_written,
	.moved = pci_moved,
};

/* --- Life --- */

static unsigned capability_add(struct virtio_pci *pci, uint8_t type, uint32_t offset, uint32_t length,
			       unsigned size)
{
	unsigned at = pci_function_add_capability(&pci->function, PCI_CAP_ID_VNDR, size);
	uint8_t *bytes = pci->function.config + at;

	bytes[VIRTIO_PCI_CAP_LEN] = (uint8_t)size;
	bytes[VIRTIO_PCI_CAP_CFG_TYPE] = type;
	offset = htole32(offset);
	length = htole32(length);
	memcpy(bytes + VIRTIO_PCI_CAP_OFFSET, &offset, sizeof(offset));
	memcpy(bytes + VIRTIO_PCI_CAP_LENGTH, &length, sizeof(length));
	return at;
}

static void capabilities_add(struct virtio_pci *pci)
{
	const unsigned queues = pci->device->queue_count;
	uint32_t multiplier = htole32(VIRTIO_PCI_NOTIFY_SIZE);
	uint8_t *config = pci->function.config;
	uint16_t control = htole16(MSIX_CONTROL_WRITABLE);
	unsigned at;

	at = pci_function_add_capability(&pci->function, PCI_CAP_ID_MSIX, MSIX_CAPABILITY_SIZE);
	msix_capability(&pci->msix, REGION_TABLE, REGION_PENDING, config + at + 2);
	memcpy(pci->function.writable + at + PCI_MSIX_FLAGS, &control, sizeof(control));
	pci->msix_capability = at;
	capability_add(pci, VIRTIO_PCI_CAP_COMMON_CFG, REGION_COMMON, COMMON_SIZE,
		       sizeof(struct virtio_pci_cap));
	capability_add(pci, VIRTIO_PCI_CAP_ISR_CFG, REGION_ISR, 1, sizeof(struct virtio_pci_cap));
	if (pci->device->config_size)
		capability_add(pci, VIRTIO_PCI_CAP_DEVICE_CFG, REGION_CONFIG,
			       ALIGN_UP(pci->device->config_size, 4U), sizeof(struct virtio_pci_cap));
	at = capability_add(pci, VIRTIO_PCI_CAP_NOTIFY_CFG, VIRTIO_PCI_NOTIFICATIONS,
			    queues * VIRTIO_PCI_NOTIFY_SIZE, sizeof(struct virtio_pci_notify_cap));
	memcpy(config + at + VIRTIO_PCI_NOTIFY_CAP_MULT, &multiplier, sizeof(multiplier));
	at = capability_add(pci, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, sizeof(struct virtio_pci_cfg_cap));
	pci->function.writable[at + VIRTIO_PCI_CAP_BAR] = 0xff;
	memset(pci->function.writable + at + VIRTIO_PCI_CAP_OFFSET, 0xff,
	       sizeof(struct virtio_pci_cfg_cap) - VIRTIO_PCI_CAP_OFFSET);
	pci->window_capability = at;
}

void virtio_pci_init(struct virtio_pci *pci, struct virtio_device *device, struct virtio_pci_host *host,
		     struct irq_level *line)
{
	struct pci_identity identity = {
		.vendor = VENDOR,
		.device = (uint16_t)(DEVICE_BASE + device->id),
		.subsystem_vendor = VENDOR,
		.subsystem = (uint16_t)(SUBSYSTEM_BASE + device->id),
		.revision = REVISION,
		.class = class_of(device->id),
	};

	*pci = (struct virtio_pci){
		.transport = {.queue_interrupt = pci_queue_interrupt,
			      .config_interrupt = pci_config_interrupt},
		.device = device,
		.host = host,
		.line = line,
	};
	pthread_mutex_init(&pci->interrupts, NULL);
	pci_function_init(&pci->function, device->name, &function_ops, &identity, VIRTIO_PCI_BAR_SIZE);
	msix_init(&pci->msix, MIN(device->queue_count + 1, (unsigned)MSIX_VECTORS_MAX), host->messages);
	capabilities_add(pci);
	pci->function.config[PCI_INTERRUPT_PIN] = line ? 1 : 0; /* INTA# */
	selection_reset(pci);
	device->transport = &pci->transport;
}

void virtio_pci_close(struct virtio_pci *pci)
{
	if (pci->line)
		pci->line->set(pci->line, false);
	msix_close(&pci->msix);
	pthread_mutex_destroy(&pci->interrupts);
}
