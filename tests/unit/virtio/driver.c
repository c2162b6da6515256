#include "tests/unit/virtio/driver.h"

#include <criterion/criterion.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/mman.h>

#include "common/util.h"

#define STEPS_MAX 1000 /* a loop that is still busy then spins */

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
	driver->ram = mmap(NULL, DRIVER_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(driver->ram != MAP_FAILED);
	cr_assert_eq(guest_memory_add(&driver->memory, DRIVER_RAM_BASE, DRIVER_RAM_SIZE, driver->ram, 0), 0);
	cr_assert_eq(loop_init(&driver->loop), 0);
}

void driver_close(struct driver *driver)
{
	virtio_device_destroy(driver->device);
	loop_close(&driver->loop);
	munmap(driver->ram, DRIVER_RAM_SIZE);
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

void driver_start(struct driver *driver, uint64_t features)
{
	struct virtio_device *device = driver->device;

	pthread_mutex_lock(&device->lock);
	features |= DRIVER_VERSION_1;
	add_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(device, VIRTIO_CONFIG_S_DRIVER);
	virtio_device_set_features(device, 0, (uint32_t)features);
	virtio_device_set_features(device, 1, (uint32_t)(features >> 32));
	add_status(device, VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned i = 0; i < device->queue_count; i++) {
		driver_layout(driver, &device->queues[i], i,
			      MIN(device->queues[i].size_max, driver->queue_size));
		cr_assert_eq(virtio_device_enable_queue(device, i), 0);
	}
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

uint16_t driver_add(struct driver *driver, unsigned index, const struct driver_buffer *buffers,
		    unsigned count)
{
	struct driver_queue *queue = &driver->queues[index];
	uint16_t head = queue->desc_next;

	cr_assert_leq(count, queue->size);
	for (unsigned i = 0; i < count; i++) {
		uint16_t at = queue->desc_next;

		queue->desc_next = (uint16_t)((at + 1) % queue->size);
		fill_descriptor(&queue->desc[at], &buffers[i], i + 1 == count, queue->desc_next);
	}
	driver_offer(driver, index, head);
	return head;
}

uint16_t driver_add_indirect(struct driver *driver, unsigned index, const struct driver_buffer *buffers,
			     unsigned count)
{
	struct driver_queue *queue = &driver->queues[index];
	uint32_t size = (uint32_t)(sizeof(struct vring_desc) * count);
	uint64_t address = driver_alloc(driver, size);
	struct vring_desc *table = driver_at(driver, address, size);
	uint16_t head = queue->desc_next;

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

bool driver_collect(struct driver *driver, unsigned index, struct driver_used *used)
{
	struct driver_queue *queue = &driver->queues[index];
	const struct vring_used_elem *entry = &queue->used->ring[queue->used_next % queue->size];

	if (__atomic_load_n(&queue->used->idx, __ATOMIC_ACQUIRE) == queue->used_next)
		return false;
	cr_assert_lt(entry->id, queue->size);
	*used = (struct driver_used){.head = (uint16_t)entry->id, .written = entry->len};
	queue->used_next++;
	return true;
}

bool driver_sees_broken(const struct driver *driver)
{
	return driver->device->status & VIRTIO_CONFIG_S_NEEDS_RESET;
}
