/*
 * The memory-mapped transport (virtio 1.2, 4.2), version 2 only.
 *
 * One page of registers a device, one edge interrupt. The assembler adds virtio_mmio_ops to the MMIO bus at
 * base and, to save an exit to user space per kick, binds an ioeventfd per queue: address base +
 * VIRTIO_MMIO_QUEUE_NOTIFY (linux/virtio_mmio.h), length 4, datamatch the queue's number, fd =
 * device->kicks[queue].source.fd.
 *
 * Not offered: notifications with data (VIRTIO_F_NOTIFICATION_DATA). They would have every kick leave KVM,
 * which tells queues by the whole of what is written.
 */
#pragma once

#include "devmodel/bus.h"
#include "devmodel/irq.h"
#include "devmodel/virtio/device.h"

#define VIRTIO_MMIO_SIZE 0x1000

struct virtio_mmio {
	struct virtio_transport transport;
	struct virtio_device *device;
	struct irq_line *irq;
	/* 4.2.2 InterruptStatus. Atomic, not under the lock: a vCPU in its interrupt handler must not wait
	 * for a disk that holds the lock. Set and cleared by reset under the lock. */
	uint32_t interrupt_status;
	uint32_t features_select;
	uint32_t driver_features_select;
	uint32_t queue_select;
};

extern const struct bus_ops virtio_mmio_ops; /* its device is a struct virtio_mmio */

void virtio_mmio_init(struct virtio_mmio *mmio, struct virtio_device *device, struct irq_line *irq);
