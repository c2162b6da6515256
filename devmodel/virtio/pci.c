#include "devmodel/virtio/pci.h"

#include <endian.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/pci_common.h"

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
	case VIRTIO_ID_GPU: /* a display, not compatible with VGA */
		return 0x038000;
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

uint8_t virtio_pci_isr_take(struct virtio_pci *pci)
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

static void pci_queue_call(struct virtio_transport *transport, unsigned queue, int eventfd)
{
	struct virtio_pci *pci = CONTAINER_OF(transport, struct virtio_pci, transport);

	msix_call_remove(&pci->msix, &pci->calls[queue]);
	if (eventfd >= 0)
		msix_call_add(&pci->msix, &pci->calls[queue], eventfd, pci->queue_vectors[queue]);
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
		virtio_pci_common_load(pci, inside, data, len);
		break;
	case REGION_ISR:
		if (inside == 0)
			data[0] = virtio_pci_isr_take(pci);
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
		virtio_pci_common_store(pci, inside, data, len);
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
	capability_add(pci, VIRTIO_PCI_CAP_COMMON_CFG, REGION_COMMON, VIRTIO_PCI_COMMON_SIZE,
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
			      .config_interrupt = pci_config_interrupt,
			      .queue_call = pci_queue_call},
		.device = device,
		.host = host,
		.line = line,
	};
	pthread_mutex_init(&pci->interrupts, NULL);
	pci_function_init(&pci->function, device->name, &function_ops, &identity, VIRTIO_PCI_BAR_SIZE);
	msix_init(&pci->msix, MIN(device->queue_count + 1, (unsigned)MSIX_VECTORS_MAX), host->messages);
	capabilities_add(pci);
	pci->function.config[PCI_INTERRUPT_PIN] = line ? 1 : 0; /* INTA# */
	virtio_pci_selection_reset(pci);
	device->transport = &pci->transport;
}

void virtio_pci_close(struct virtio_pci *pci)
{
	if (pci->line)
		pci->line->set(pci->line, false);
	msix_close(&pci->msix);
	pthread_mutex_destroy(&pci->interrupts);
}
