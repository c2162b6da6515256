/*
 * The PCI transport (virtio 1.2, 4.1), modern only: a PCI function with one BAR and an MSI-X vector for each
 * queue and one for configuration changes.
 *
 *      BAR 0   0x0000  common configuration       4.1.4.3
 *              0x1000  interrupt status           4.1.4.5
 *              0x2000  device's configuration     4.1.4.6
 *              0x3000  notifications: queue * 4   4.1.4.4
 *              0x4000  MSI-X table
 *              0x5000  MSI-X pending bits
 *
 * The assembler puts `function` on a struct pci_bus. To save an exit to user space per kick it binds an
 * ioeventfd per queue whenever it is told where the notifications are: any value, any length, fd =
 * device->kicks[queue].source.fd.
 *
 * A driver that does not turn MSI-X on gets interrupts by the level that `line` stands for; without one it
 * gets none, and the function has no interrupt pin.
 *
 * Not offered: notifications with data (VIRTIO_F_NOTIFICATION_DATA): what a kick says would be lost in the
 * ioeventfd.
 *
 * Locks, outermost first: the PCI bus', the device's, then msix' or `interrupts`, which guards isr and the
 * level.
 */
#pragma once

#include "devmodel/irq.h"
#include "devmodel/msix.h"
#include "devmodel/pci.h"
#include "devmodel/virtio/device.h"

#define VIRTIO_PCI_BAR_SIZE      0x8000
#define VIRTIO_PCI_NOTIFICATIONS 0x3000
#define VIRTIO_PCI_NOTIFY_SIZE   4 /* the notify_off_multiplier */

struct virtio_pci;

/* What the machine does for it. */
struct virtio_pci_host {
	struct irq_messages *messages;
	/* The notification of queue q is at address + q * VIRTIO_PCI_NOTIFY_SIZE from now on; 0: it is
	 * nowhere. Called with the bus' lock held, on a vCPU's thread too. */
	void (*notifications_at)(struct virtio_pci_host *host, struct virtio_pci *pci, uint64_t address);
};

struct virtio_pci {
	struct virtio_transport transport;
	struct pci_function function;
	struct msix msix;
	struct virtio_device *device;
	struct virtio_pci_host *host;
	unsigned msix_capability;
	unsigned window_capability; /* VIRTIO_PCI_CAP_PCI_CFG */

	/* The device's lock. */
	uint32_t features_select;
	uint32_t driver_features_select;
	uint16_t queue_select;
	/* Read by interrupts, under any of the device's locks. */
	_Atomic uint16_t config_vector;
	_Atomic uint16_t queue_vectors[VIRTIO_QUEUES_MAX];
	/* Of queues that somebody else serves; any of the device's locks. */
	struct msix_call calls[VIRTIO_QUEUES_MAX];

	pthread_mutex_t interrupts;
	struct irq_level *line; /* NULL: none */
	uint8_t isr;
	bool line_off; /* by the command register */
};

void virtio_pci_init(struct virtio_pci *pci, struct virtio_device *device, struct virtio_pci_host *host,
		     struct irq_level *line);
/* The function is on no bus any more; the device is its maker's. */
void virtio_pci_close(struct virtio_pci *pci);
