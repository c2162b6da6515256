/*
 * A tiny virtio driver for micro guests: the memory-mapped transport (virtio 1.2, 4.2), split queues (2.7),
 * one request at a time, waited for by interrupt. The one device is at VIRTIO_BASE, interrupt pin VIRTIO_PIN.
 */
#pragma once

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#include "tests/micro/guest_apic.h"

#define VIRTIO_BASE      0xc0001000UL
#define VIRTIO_PIN       16
#define VIRTIO_VECTOR    0x50
#define VIRTIO_MAGIC     0x74726976
#define VIRTIO_QUEUES    6
#define VIRTIO_RING      8 /* descriptors a queue */
#define VIRTIO_VERSION_1 (1ULL << VIRTIO_F_VERSION_1)

struct virtio_ring {
	struct vring_desc descriptors[VIRTIO_RING] __attribute__((aligned(16)));
	struct {
		uint16_t flags, index, ring[VIRTIO_RING], used_event;
	} available __attribute__((aligned(2)));
	struct {
		uint16_t flags, index;
		struct vring_used_elem ring[VIRTIO_RING];
		uint16_t available_event;
	} used __attribute__((aligned(4)));
};

/* A piece of a request. */
struct virtio_part {
	void *data;
	uint32_t size;
	bool device_writes;
};

static volatile struct virtio_ring virtio_rings[VIRTIO_QUEUES];
static volatile unsigned virtio_interrupts;

INTERRUPT(virtio_interrupt)
{
	mmio_write32(VIRTIO_BASE + VIRTIO_MMIO_INTERRUPT_ACK,
		     mmio_read32(VIRTIO_BASE + VIRTIO_MMIO_INTERRUPT_STATUS));
	virtio_interrupts++;
	lapic_eoi();
}

static inline uint32_t virtio_read(uint64_t offset)
{
	return mmio_read32(VIRTIO_BASE + offset);
}

static inline void virtio_write(uint64_t offset, uint32_t value)
{
	mmio_write32(VIRTIO_BASE + offset, value);
}

static inline void virtio_status_add(uint32_t bit)
{
	virtio_write(VIRTIO_MMIO_STATUS, virtio_read(VIRTIO_MMIO_STATUS) | bit);
}

static inline void virtio_queue_start(unsigned queue)
{
	volatile struct virtio_ring *ring = &virtio_rings[queue];

	virtio_write(VIRTIO_MMIO_QUEUE_SEL, queue);
	virtio_write(VIRTIO_MMIO_QUEUE_NUM, VIRTIO_RING);
	virtio_write(VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)(uint64_t)ring->descriptors);
	virtio_write(VIRTIO_MMIO_QUEUE_DESC_HIGH, 0);
	virtio_write(VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)(uint64_t)&ring->available);
	virtio_write(VIRTIO_MMIO_QUEUE_AVAIL_HIGH, 0);
	virtio_write(VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)(uint64_t)&ring->used);
	virtio_write(VIRTIO_MMIO_QUEUE_USED_HIGH, 0);
	virtio_write(VIRTIO_MMIO_QUEUE_READY, 1);
}

/* Virtio 1.2, 3.1.1: brings the device up, with these features and no others. */
static inline bool virtio_start(uint32_t id, uint64_t features, unsigned queues)
{
	idt_set(VIRTIO_VECTOR, virtio_interrupt);
	idt_load();
	lapic_enable();
	ioapic_route(VIRTIO_PIN, VIRTIO_VECTOR, 0);
	if (virtio_read(VIRTIO_MMIO_MAGIC_VALUE) != VIRTIO_MAGIC || virtio_read(VIRTIO_MMIO_VERSION) != 2 ||
	    virtio_read(VIRTIO_MMIO_DEVICE_ID) != id)
		return false;
	virtio_write(VIRTIO_MMIO_STATUS, 0);
	virtio_status_add(VIRTIO_CONFIG_S_ACKNOWLEDGE);
	virtio_status_add(VIRTIO_CONFIG_S_DRIVER);
	features |= VIRTIO_VERSION_1;
	for (unsigned half = 0; half < 2; half++) {
		virtio_write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
		virtio_write(VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(features >> (32 * half)));
	}
	virtio_status_add(VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(virtio_read(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK))
		return false;
	for (unsigned queue = 0; queue < queues; queue++)
		virtio_queue_start(queue);
	virtio_status_add(VIRTIO_CONFIG_S_DRIVER_OK);
	return true;
}

/* Puts one request into the queue. */
static inline void virtio_put(unsigned queue, const struct virtio_part *parts, unsigned count)
{
	volatile struct virtio_ring *ring = &virtio_rings[queue];

	for (unsigned i = 0; i < count; i++) {
		ring->descriptors[i].addr = (uint64_t)parts[i].data;
		ring->descriptors[i].len = parts[i].size;
		ring->descriptors[i].flags = (uint16_t)((i + 1 < count ? VRING_DESC_F_NEXT : 0) |
							(parts[i].device_writes ? VRING_DESC_F_WRITE : 0));
		ring->descriptors[i].next = (uint16_t)(i + 1);
	}
	ring->available.ring[ring->available.index % VIRTIO_RING] = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ring->available.index++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The same, and kicks. */
static inline void virtio_submit(unsigned queue, const struct virtio_part *parts, unsigned count)
{
	virtio_put(queue, parts, count);
	virtio_write(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

/* Sleeps until the request is done; the bytes that the device wrote. */
static inline uint32_t virtio_wait(unsigned queue)
{
	volatile struct virtio_ring *ring = &virtio_rings[queue];

	while (ring->used.index != ring->available.index)
		interrupt_wait();
	return ring->used.ring[(uint16_t)(ring->used.index - 1) % VIRTIO_RING].len;
}

static inline uint32_t virtio_do(unsigned queue, const struct virtio_part *parts, unsigned count)
{
	virtio_submit(queue, parts, count);
	return virtio_wait(queue);
}
