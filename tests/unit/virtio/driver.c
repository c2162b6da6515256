#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"

#define STEPS_MAX 1000 /* a loop that is still busy then spins */
#define AWAIT_MS  10000

static void fake_queue_interrupt(struct virtio_transport *transport, unsigned queue)
{
	CONTAINER_OF(transport, struct driver, transport)->interrupts[queue]++;
}

static void fake_config_interrupt(struct virtio_transport *transport)
{
	CONTAINER_OF(transport, struct driver, transport)->config_interrupts++;
}

void driver_init(struct driver *driver)
{
	*driver = (struct driver){
		.memory = {.fd = -1},
		.heap = DRIVER_RAM_BASE,
		.queue_size = DRIVER_QUEUE_SIZE,
		.transport = {.queue_interrupt = fake_queue_interrupt,
			      .config_interrupt = fake_config_interrupt},
	};
	driver->memory.fd = memfd_create("guest", MFD_CLOEXEC);
	cr_assert(driver->memory.fd >= 0 && ftruncate(driver->memory.fd, DRIVER_RAM_SIZE) == 0);
	driver->ram =
		mmap(NULL, DRIVER_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, driver->memory.fd, 0);
	cr_assert(driver->ram != MAP_FAILED);
	cr_assert_eq(guest_memory_add(&driver->memory, DRIVER_RAM_BASE, DRIVER_RAM_SIZE, driver->ram, 0), 0);
	cr_assert_eq(loop_init(&driver->loop), 0);
}

void driver_close(struct driver *driver)
{
	virtio_device_destroy(driver->device);
	loop_close(&driver->loop);
	munmap(driver->ram, DRIVER_RAM_SIZE);
	close(driver->memory.fd);
}

uint64_t driver_alloc(struct driver *driver, uint64_t size)
{
	uint64_t address = ALIGN_UP(driver->heap, 16);

	driver->heap = address + size;
	cr_assert_leq(driver->heap, DRIVER_RAM_BASE + DRIVER_RAM_SIZE, "the test uses up its memory");
	return address;
}

void *driver_at(struct driver *driver, uint64_t address, uint64_t size)
{
	void *host = guest_memory_at(&driver->memory, address, size);

	cr_assert_not_null(host);
	return host;
}

struct driver_buffer driver_in(struct driver *driver, uint32_t len)
{
	return (struct driver_buffer){.address = driver_alloc(driver, len), .len = len, .writable = true};
}

struct driver_buffer driver_out(struct driver *driver, const void *bytes, uint32_t len)
{
	struct driver_buffer buffer = {.address = driver_alloc(driver, len), .len = len};

	memcpy(driver_at(driver, buffer.address, len), bytes, len);
	return buffer;
}

void driver_layout(struct driver *driver, struct virtq *virtq, unsigned index, uint16_t size)
{
	struct driver_queue *queue = &driver->queues[index];
	uint64_t desc_size = sizeof(struct vring_desc) * size;
	uint64_t avail_size = sizeof(struct vring_avail) + 2 * size + 2;
	uint64_t used_size = sizeof(struct vring_used) + sizeof(struct vring_used_elem) * size + 2;

	*queue = (struct driver_queue){
		.size = size,
		.desc_address = driver_alloc(driver, desc_size),
		.avail_address = driver_alloc(driver, avail_size),
		.used_address = driver_alloc(driver, used_size),
	};
	queue->desc = driver_at(driver, queue->desc_address, desc_size);
	queue->avail = driver_at(driver, queue->avail_address, avail_size);
	queue->used = driver_at(driver, queue->used_address, used_size);
	virtq->size = size;
	virtq->desc_address = queue->desc_address;
	virtq->avail_address = queue->avail_address;
	virtq->used_address = queue->used_address;
}

void driver_layout_packed(struct driver *driver, struct virtq *virtq, unsigned index, uint16_t size)
{
	struct driver_queue *queue = &driver->queues[index];
	uint64_t ring_size = sizeof(struct vring_packed_desc) * size;

	cr_assert_leq(size, DRIVER_PLACES_MAX);
	*queue = (struct driver_queue){
		.size = size,
		.desc_wrap = true,
		.used_wrap = true,
		.desc_address = driver_alloc(driver, ring_size),
		.avail_address = driver_alloc(driver, sizeof(*queue->driver_event)),
		.used_address = driver_alloc(driver, sizeof(*queue->device_event)),
	};
	queue->packed = driver_at(driver, queue->desc_address, ring_size);
	queue->driver_event = driver_at(driver, queue->avail_address, sizeof(*queue->driver_event));
	queue->device_event = driver_at(driver, queue->used_address, sizeof(*queue->device_event));
	virtq->size = size;
	virtq->desc_address = queue->desc_address;
	virtq->avail_address = queue->avail_address;
	virtq->used_address = queue->used_address;
}

void driver_plug(struct driver *driver, struct virtio_device *device)
{
	cr_assert_not_null(device);
	driver->device = device;
	device->transport = &driver->transport;
}

static void add_status(struct virtio_device *device, uint32_t bit)
{
	virtio_device_set_status(device, device->status | bit);
	cr_assert(device->status & bit, "%s: status bit 0x%x is refused", device->name, bit);
}

static bool packed_wanted(void)
{
	return getenv("DRIVER_PACKED") != NULL;
}

static void start_queue(struct driver *driver, unsigned index)
{
	struct virtio_device *device = driver->device;
	uint16_t size = MIN(device->queues[index].size_max, driver->queue_size);

	if (device->features & DRIVER_PACKED)
		driver_layout_packed(driver, &device->queues[index], index, size);
	else
		driver_layout(driver, &device->queues[index], index, size);
	cr_assert_eq(virtio_device_enable_queue(device, index), 0);
}

void driver_start(struct driver *driver, uint64_t features)
{
	struct virtio_device *device = driver->device;

	pthread_mutex_lock(&device->lock);
	features |= DRIVER_VERSION_1;
	if (packed_wanted())
		features |= DRIVER_PACKED;
	add_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(device, VIRTIO_CONFIG_S_DRIVER);
	virtio_device_set_features(device, 0, (uint32_t)features);
	virtio_device_set_features(device, 1, (uint32_t)(features >> 32));
	add_status(device, VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned i = 0; i < device->queue_count; i++)
		start_queue(driver, i);
	add_status(device, VIRTIO_CONFIG_S_DRIVER_OK);
	pthread_mutex_unlock(&device->lock);
}

void driver_attach(struct driver *driver, struct virtio_device *device, uint64_t features)
{
	driver_plug(driver, device);
	driver_start(driver, features);
}

void driver_reset(struct driver *driver)
{
	pthread_mutex_lock(&driver->device->lock);
	virtio_device_set_status(driver->device, 0);
	pthread_mutex_unlock(&driver->device->lock);
}

void driver_restart_queue(struct driver *driver, unsigned queue)
{
	pthread_mutex_lock(&driver->device->lock);
	virtio_device_reset_queue(driver->device, queue);
	cr_assert_not(driver->device->queues[queue].enabled);
	start_queue(driver, queue);
	pthread_mutex_unlock(&driver->device->lock);
}

void driver_needs_split(void)
{
	if (packed_wanted())
		cr_skip_test("it writes split rings");
}

static void fill_descriptor(struct vring_desc *desc, const struct driver_buffer *buffer, bool last,
			    unsigned next)
{
	*desc = (struct vring_desc){
		.addr = buffer->address,
		.len = buffer->len,
		.flags = (uint16_t)((buffer->writable ? VRING_DESC_F_WRITE : 0) |
				    (last ? 0 : VRING_DESC_F_NEXT)),
		.next = (uint16_t)(last ? 0 : next),
	};
}

void driver_offer(struct driver *driver, unsigned index, uint16_t head)
{
	struct driver_queue *queue = &driver->queues[index];
	uint16_t idx = queue->avail->idx;

	queue->avail->ring[idx % queue->size] = head;
	__atomic_store_n(&queue->avail->idx, (uint16_t)(idx + 1), __ATOMIC_RELEASE);
}

static uint16_t packed_flags(const struct driver_queue *queue, uint16_t flags)
{
	return (uint16_t)(flags |
			  1U << (queue->desc_wrap ? VRING_PACKED_DESC_F_AVAIL : VRING_PACKED_DESC_F_USED));
}

/* The first descriptor's flags are written last. */
static uint16_t packed_add(struct driver_queue *queue, const struct driver_buffer *buffers, unsigned count)
{
	uint16_t id = queue->desc_next;
	uint16_t first = 0;

	queue->lengths[id] = (uint16_t)count;
	for (unsigned i = 0; i < count; i++) {
		struct vring_packed_desc *desc = &queue->packed[queue->desc_next];
		uint16_t flags =
			packed_flags(queue, (uint16_t)((buffers[i].writable ? VRING_DESC_F_WRITE : 0) |
						       (i + 1 < count ? VRING_DESC_F_NEXT : 0)));

		desc->addr = buffers[i].address;
		desc->len = buffers[i].len;
		desc->id = id;
		if (i)
			desc->flags = flags;
		else
			first = flags;
		queue->desc_next = (uint16_t)((queue->desc_next + 1) % queue->size);
		queue->desc_wrap ^= queue->desc_next == 0;
	}
	__atomic_store_n(&queue->packed[id].flags, first, __ATOMIC_RELEASE);
	return id;
}

uint16_t driver_add(struct driver *driver, unsigned index, const struct driver_buffer *buffers,
		    unsigned count)
{
	struct driver_queue *queue = &driver->queues[index];
	uint16_t head = queue->desc_next;

	cr_assert_leq(count, queue->size);
	if (queue->packed)
		return packed_add(queue, buffers, count);
	for (unsigned i = 0; i < count; i++) {
		uint16_t at = queue->desc_next;

		queue->desc_next = (uint16_t)((at + 1) % queue->size);
		fill_descriptor(&queue->desc[at], &buffers[i], i + 1 == count, queue->desc_next);
	}
	driver_offer(driver, index, head);
	return head;
}

static uint16_t packed_add_table(struct driver_queue *queue, uint64_t address,
				 struct vring_packed_desc *table, const struct driver_buffer *buffers,
				 unsigned count)
{
	uint16_t id = queue->desc_next;
	struct vring_packed_desc *desc = &queue->packed[id];

	for (unsigned i = 0; i < count; i++)
		table[i] = (struct vring_packed_desc){
			.addr = buffers[i].address,
			.len = buffers[i].len,
			.flags = buffers[i].writable ? VRING_DESC_F_WRITE : 0,
		};
	queue->lengths[id] = 1;
	desc->addr = address;
	desc->len = (uint32_t)(sizeof(*table) * count);
	desc->id = id;
	__atomic_store_n(&desc->flags, packed_flags(queue, VRING_DESC_F_INDIRECT), __ATOMIC_RELEASE);
	queue->desc_next = (uint16_t)((id + 1) % queue->size);
	queue->desc_wrap ^= queue->desc_next == 0;
	return id;
}

uint16_t driver_add_indirect(struct driver *driver, unsigned index, const struct driver_buffer *buffers,
			     unsigned count)
{
	struct driver_queue *queue = &driver->queues[index];
	uint32_t size = (uint32_t)(sizeof(struct vring_desc) * count);
	uint64_t address = driver_alloc(driver, size);
	struct vring_desc *table = driver_at(driver, address, size);
	uint16_t head = queue->desc_next;

	if (queue->packed)
		return packed_add_table(queue, address, (void *)table, buffers, count);
	for (unsigned i = 0; i < count; i++)
		fill_descriptor(&table[i], &buffers[i], i + 1 == count, i + 1);
	queue->desc_next = (uint16_t)((head + 1) % queue->size);
	queue->desc[head] = (struct vring_desc){.addr = address, .len = size, .flags = VRING_DESC_F_INDIRECT};
	driver_offer(driver, index, head);
	return head;
}

void driver_run(struct driver *driver)
{
	int steps = 0;

	do {
		cr_assert_eq(loop_step(&driver->loop, 0), 0);
		cr_assert_lt(steps++, STEPS_MAX, "the device's loop never gets quiet");
	} while (driver->loop.batch_count > 0);
}

void driver_kick(struct driver *driver, unsigned queue)
{
	virtio_device_kick(driver->device, queue);
	driver_run(driver);
}

static bool packed_collect(struct driver_queue *queue, struct driver_used *used)
{
	const struct vring_packed_desc *desc = &queue->packed[queue->used_next];
	uint16_t flags = __atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE);
	unsigned next;

	if (!!(flags >> VRING_PACKED_DESC_F_AVAIL & 1) != queue->used_wrap ||
	    !!(flags >> VRING_PACKED_DESC_F_USED & 1) != queue->used_wrap)
		return false;
	cr_assert_lt(desc->id, queue->size);
	*used = (struct driver_used){.head = desc->id, .written = flags & VRING_DESC_F_WRITE ? desc->len : 0};
	next = queue->used_next + queue->lengths[desc->id];
	queue->used_next = (uint16_t)(next % queue->size);
	queue->used_wrap ^= next >= queue->size;
	return true;
}

bool driver_collect(struct driver *driver, unsigned index, struct driver_used *used)
{
	struct driver_queue *queue = &driver->queues[index];
	const struct vring_used_elem *entry;

	if (queue->packed)
		return packed_collect(queue, used);
	entry = &queue->used->ring[queue->used_next % queue->size];
	if (__atomic_load_n(&queue->used->idx, __ATOMIC_ACQUIRE) == queue->used_next)
		return false;
	cr_assert_lt(entry->id, queue->size);
	*used = (struct driver_used){.head = (uint16_t)entry->id, .written = entry->len};
	queue->used_next++;
	return true;
}

void driver_await(struct driver *driver, unsigned index, struct driver_used *used)
{
	uint64_t end = monotonic_ms() + AWAIT_MS;

	while (!driver_collect(driver, index, used)) {
		cr_assert_lt(monotonic_ms(), end, "the request was not answered");
		cr_assert_eq(loop_step(&driver->loop, 10), 0);
	}
}

bool driver_sees_broken(const struct driver *driver)
{
	return driver->device->status & VIRTIO_CONFIG_S_NEEDS_RESET;
}
