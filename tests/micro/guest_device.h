/*
 * A tiny virtio driver for micro guests that look at one device after another: either transport, split or
 * packed rings (virtio 1.2, 2.7, 2.8, 4.1, 4.2), one request at a time, waited for by looking. Every step is
 * a function of its own, so that a guest can leave it out or do it wrongly. A struct device is one queue of
 * its device: who uses several has one for each.
 *
 *     static struct device disk = {.is_packed = true, .registers = 0xc0001000};
 *
 *     EXPECT(device_start(&disk, features));
 *     EXPECT(device_do(&disk, parts, 3));
 */
#pragma once

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#include "tests/micro/guest.h"

#define DEVICE_RING       8        /* places of a queue */
#define DEVICE_PATIENCE   20000000 /* looks at what a device does, before it is said to do nothing */
#define DEVICE_VERSION_1  (1ULL << VIRTIO_F_VERSION_1)
#define DEVICE_PACKED     (1ULL << VIRTIO_F_RING_PACKED)
#define DEVICE_INDIRECT   (1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define DEVICE_RING_RESET (1ULL << VIRTIO_F_RING_RESET)

/* The regions of BAR 0, where our PCI devices have them. */
#define BAR_ISR    0x1000
#define BAR_CONFIG 0x2000
#define BAR_NOTIFY 0x3000

#define MMIO_QUEUE_RESET 0x0c0 /* 4.2.2; linux/virtio_mmio.h does not have it */

#define STATUS_NEGOTIATED (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define STATUS_RUNS       (STATUS_NEGOTIATED | VIRTIO_CONFIG_S_DRIVER_OK)

struct device_part {
	void *data;
	uint32_t size;
	bool device_writes;
};

struct device {
	bool is_pci;
	bool is_packed;
	bool is_indirect;   /* requests are put through a table (2.7.5.3, 2.8.7) */
	uint16_t queue;     /* its number */
	uint64_t registers; /* mmio: its page; pci: BAR 0 */

	/* A split queue, */
	struct vring_desc descriptors[DEVICE_RING] __attribute__((aligned(16)));
	struct {
		uint16_t flags, index, ring[DEVICE_RING], used_event;
	} available;
	struct {
		uint16_t flags, index;
		struct vring_used_elem ring[DEVICE_RING];
		uint16_t available_event;
	} used __attribute__((aligned(4)));
	/* and a packed one. */
	struct vring_packed_desc places[DEVICE_RING] __attribute__((aligned(16)));
	struct vring_packed_desc_event driver_event __attribute__((aligned(4)));
	struct vring_packed_desc_event device_event __attribute__((aligned(4)));
	/* The table of an indirect request, */
	struct vring_desc table[DEVICE_RING] __attribute__((aligned(16)));
	struct vring_packed_desc packed_table[DEVICE_RING] __attribute__((aligned(16)));
	/* and where the next one goes in a packed queue. */
	uint16_t next;
	bool wrap;
};

static inline void device_clear(struct device *device)
{
	volatile uint8_t *byte = (volatile uint8_t *)device->descriptors;

	while (byte < (volatile uint8_t *)&device->next)
		*byte++ = 0;
	device->next = 0;
	device->wrap = true;
}

/* --- Registers --- */

static inline uint32_t device_status(const struct device *device)
{
	return device->is_pci ? mmio_read8(device->registers + VIRTIO_PCI_COMMON_STATUS)
			      : mmio_read32(device->registers + VIRTIO_MMIO_STATUS);
}

static inline void device_set_status(const struct device *device, uint32_t status)
{
	if (device->is_pci)
		mmio_write8(device->registers + VIRTIO_PCI_COMMON_STATUS, (uint8_t)status);
	else
		mmio_write32(device->registers + VIRTIO_MMIO_STATUS, status);
}

static inline void device_choose(const struct device *device, uint64_t features)
{
	for (unsigned half = 0; half < 2; half++) {
		uint32_t value = (uint32_t)(features >> (32 * half));

		if (device->is_pci) {
			mmio_write32(device->registers + VIRTIO_PCI_COMMON_GFSELECT, half);
			mmio_write32(device->registers + VIRTIO_PCI_COMMON_GF, value);
		} else {
			mmio_write32(device->registers + VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
			mmio_write32(device->registers + VIRTIO_MMIO_DRIVER_FEATURES, value);
		}
	}
}

static inline uint64_t device_offered(const struct device *device)
{
	uint64_t features = 0;

	for (unsigned half = 0; half < 2; half++) {
		uint32_t value;

		if (device->is_pci) {
			mmio_write32(device->registers + VIRTIO_PCI_COMMON_DFSELECT, half);
			value = mmio_read32(device->registers + VIRTIO_PCI_COMMON_DF);
		} else {
			mmio_write32(device->registers + VIRTIO_MMIO_DEVICE_FEATURES_SEL, half);
			value = mmio_read32(device->registers + VIRTIO_MMIO_DEVICE_FEATURES);
		}
		features |= (uint64_t)value << (32 * half);
	}
	return features;
}

static inline void device_select(const struct device *device, uint32_t queue)
{
	if (device->is_pci)
		mmio_write16(device->registers + VIRTIO_PCI_COMMON_Q_SELECT, (uint16_t)queue);
	else
		mmio_write32(device->registers + VIRTIO_MMIO_QUEUE_SEL, queue);
}

static inline void device_set_size(const struct device *device, uint16_t size)
{
	if (device->is_pci)
		mmio_write16(device->registers + VIRTIO_PCI_COMMON_Q_SIZE, size);
	else
		mmio_write32(device->registers + VIRTIO_MMIO_QUEUE_NUM, size);
}

/* The ring's descriptors, what the driver writes, what the device writes. */
enum device_area { AREA_DESCRIPTORS, AREA_DRIVER, AREA_DEVICE };

static inline void device_set_area(const struct device *device, enum device_area area, uint64_t address)
{
	static const uint16_t pci[] = {VIRTIO_PCI_COMMON_Q_DESCLO, VIRTIO_PCI_COMMON_Q_AVAILLO,
				       VIRTIO_PCI_COMMON_Q_USEDLO};
	static const uint16_t mmio[] = {VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_AVAIL_LOW,
					VIRTIO_MMIO_QUEUE_USED_LOW};
	uint64_t at = device->registers + (device->is_pci ? pci[area] : mmio[area]);

	mmio_write32(at, (uint32_t)address);
	mmio_write32(at + 4, (uint32_t)(address >> 32));
}

static inline bool device_queue_enabled(const struct device *device)
{
	return device->is_pci ? mmio_read16(device->registers + VIRTIO_PCI_COMMON_Q_ENABLE)
			      : mmio_read32(device->registers + VIRTIO_MMIO_QUEUE_READY);
}

static inline void device_queue_enable(const struct device *device)
{
	if (device->is_pci)
		mmio_write16(device->registers + VIRTIO_PCI_COMMON_Q_ENABLE, 1);
	else
		mmio_write32(device->registers + VIRTIO_MMIO_QUEUE_READY, 1);
}

static inline void device_queue_reset(const struct device *device)
{
	if (device->is_pci)
		mmio_write16(device->registers + VIRTIO_PCI_COMMON_Q_RESET, 1);
	else
		mmio_write32(device->registers + MMIO_QUEUE_RESET, 1);
}

static inline void device_notify(const struct device *device, uint32_t queue)
{
	if (device->is_pci)
		mmio_write16(device->registers + BAR_NOTIFY + 4 * queue, (uint16_t)queue);
	else
		mmio_write32(device->registers + VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

/* Whether it has told its driver that something is not as it was. */
static inline bool device_says_changed(const struct device *device)
{
	return device->is_pci ? mmio_read8(device->registers + BAR_ISR) & VIRTIO_PCI_ISR_CONFIG
			      : mmio_read32(device->registers + VIRTIO_MMIO_INTERRUPT_STATUS) &
					VIRTIO_MMIO_INT_CONFIG;
}

static inline uint64_t device_config(const struct device *device)
{
	return device->registers + (device->is_pci ? BAR_CONFIG : VIRTIO_MMIO_CONFIG);
}

/* --- Up to DRIVER_OK (3.1.1) --- */

static inline bool device_negotiate(const struct device *device, uint64_t features)
{
	device_set_status(device, 0);
	device_set_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	device_set_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	device_choose(device, features);
	device_set_status(device, STATUS_NEGOTIATED);
	return device_status(device) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static inline uint64_t device_features(const struct device *device, uint64_t more)
{
	return more | DEVICE_VERSION_1 | (device->is_packed ? DEVICE_PACKED : 0);
}

static inline void device_lay_out(struct device *device)
{
	device_clear(device);
	device_select(device, device->queue);
	device_set_size(device, DEVICE_RING);
	device_set_area(device, AREA_DESCRIPTORS,
			device->is_packed ? (uint64_t)device->places : (uint64_t)device->descriptors);
	device_set_area(device, AREA_DRIVER,
			device->is_packed ? (uint64_t)&device->driver_event : (uint64_t)&device->available);
	device_set_area(device, AREA_DEVICE,
			device->is_packed ? (uint64_t)&device->device_event : (uint64_t)&device->used);
}

static inline bool device_start(struct device *device, uint64_t features)
{
	if (!device_negotiate(device, device_features(device, features)))
		return false;
	device_lay_out(device);
	device_queue_enable(device);
	device_set_status(device, STATUS_RUNS);
	return device_status(device) == STATUS_RUNS;
}

/* --- Requests --- */

static inline void device_publish(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Makes a head available, whatever it is. */
static inline void device_offer(struct device *device, uint16_t head)
{
	device->available.ring[device->available.index % DEVICE_RING] = head;
	device_publish();
	device->available.index++;
	device_publish();
}

static inline void device_put_split(struct device *device, const struct device_part *parts, unsigned count)
{
	struct vring_desc *list = device->is_indirect ? device->table : device->descriptors;

	for (unsigned i = 0; i < count; i++)
		list[i] = (struct vring_desc){
			.addr = (uint64_t)parts[i].data,
			.len = parts[i].size,
			.flags = (uint16_t)((i + 1 < count ? VRING_DESC_F_NEXT : 0) |
					    (parts[i].device_writes ? VRING_DESC_F_WRITE : 0)),
			.next = (uint16_t)(i + 1),
		};
	if (device->is_indirect)
		device->descriptors[0] = (struct vring_desc){
			.addr = (uint64_t)list,
			.len = count * (uint32_t)sizeof(*list),
			.flags = VRING_DESC_F_INDIRECT,
		};
	device_offer(device, 0);
}

static inline uint16_t device_available_flag(const struct device *device)
{
	return (uint16_t)(1U << (device->wrap ? VRING_PACKED_DESC_F_AVAIL : VRING_PACKED_DESC_F_USED));
}

/* The next place of a packed queue; its flags are given last. */
static inline void device_fill_place(struct device *device, uint64_t address, uint32_t size)
{
	struct vring_packed_desc *place = &device->places[device->next];

	place->addr = address;
	place->len = size;
	place->id = 0;
	device->next = (uint16_t)((device->next + 1) % DEVICE_RING);
	device->wrap ^= device->next == 0;
}

static inline void device_put_table(struct device *device, const struct device_part *parts, unsigned count)
{
	uint16_t first = device->next;
	uint16_t flags = device_available_flag(device);

	for (unsigned i = 0; i < count; i++)
		device->packed_table[i] = (struct vring_packed_desc){
			.addr = (uint64_t)parts[i].data,
			.len = parts[i].size,
			.flags = parts[i].device_writes ? VRING_DESC_F_WRITE : 0,
		};
	device_fill_place(device, (uint64_t)device->packed_table,
			  count * (uint32_t)sizeof(*device->packed_table));
	device_publish();
	device->places[first].flags = flags | VRING_DESC_F_INDIRECT;
	device_publish();
}

static inline void device_put_packed(struct device *device, const struct device_part *parts, unsigned count)
{
	uint16_t first = device->next;
	uint16_t first_flags = 0;

	for (unsigned i = 0; i < count; i++) {
		uint16_t at = device->next;
		uint16_t flags =
			(uint16_t)(device_available_flag(device) | (i + 1 < count ? VRING_DESC_F_NEXT : 0) |
				   (parts[i].device_writes ? VRING_DESC_F_WRITE : 0));

		device_fill_place(device, (uint64_t)parts[i].data, parts[i].size);
		if (i == 0)
			first_flags = flags;
		else
			device->places[at].flags = flags;
	}
	device_publish();
	device->places[first].flags = first_flags;
	device_publish();
}

/* Whether what was put last was used: a packed ring's first place has both flags then. */
static inline bool device_is_done(const struct device *device, uint16_t first)
{
	const volatile struct device *look = device;

	return device->is_packed ? !(look->places[first].flags >> VRING_PACKED_DESC_F_AVAIL & 1) ==
					   !(look->places[first].flags >> VRING_PACKED_DESC_F_USED & 1)
				 : look->used.index == look->available.index;
}

/* Puts a request and kicks; what device_await wants to know of it. */
static inline uint16_t device_submit(struct device *device, const struct device_part *parts, unsigned count)
{
	uint16_t first = device->next;

	if (device->is_packed && device->is_indirect)
		device_put_table(device, parts, count);
	else if (device->is_packed)
		device_put_packed(device, parts, count);
	else
		device_put_split(device, parts, count);
	device_notify(device, device->queue);
	return first;
}

static inline bool device_await(const struct device *device, uint16_t first)
{
	for (unsigned i = 0; i < DEVICE_PATIENCE; i++) {
		if (device_is_done(device, first))
			return true;
		cpu_pause();
	}
	return false;
}

/* The bytes that it wrote for the request that is done. */
static inline uint32_t device_written(const struct device *device, uint16_t first)
{
	const volatile struct device *look = device;

	return device->is_packed ? look->places[first].len
				 : look->used.ring[(uint16_t)(look->used.index - 1) % DEVICE_RING].len;
}

static inline bool device_do(struct device *device, const struct device_part *parts, unsigned count)
{
	return device_await(device, device_submit(device, parts, count));
}
