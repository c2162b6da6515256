#include "devmodel/virtio/mem.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/util.h"

#define QUEUE_SIZE   128
#define USABLE_EXTRA MIB(256) /* beyond what is requested: a driver plugs where its sections are */

struct mem {
	struct virtio_device device;
	struct virtio_mem_options options;
	const struct guest_memory_region *region;
	uint64_t block;
	struct virtq_chain chain;
	/* The loop's thread writes, all read. */
	_Atomic uint64_t requested, usable, plugged;
	_Atomic bool announced; /* the driver, since the last reset */
};

/* ---- Blocks ---- */

/* Blocks, counted from the region's start. */
struct range {
	uint64_t first, count;
};

static bool block_plugged(const struct mem *mem, uint64_t index)
{
	return atomic_load(&mem->region->blocks.bits[index / 64]) >> index % 64 & 1;
}

static uint64_t count_plugged(const struct mem *mem, struct range range)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < range.count; i++)
		count += block_plugged(mem, range.first + i);
	return count;
}

static void mark(struct mem *mem, struct range range, bool plugged)
{
	for (uint64_t i = range.first; i < range.first + range.count; i++) {
		_Atomic uint64_t *word = &mem->region->blocks.bits[i / 64];

		if (plugged)
			atomic_fetch_or(word, 1ULL << i % 64);
		else
			atomic_fetch_and(word, ~(1ULL << i % 64));
	}
	mem->plugged = mem->plugged + (plugged ? range.count : -range.count) * mem->block;
}

/* What the vCPUs see of it. */
static int protect(const struct mem *mem, struct range range, int access)
{
	return mprotect(mem->region->vcpus + range.first * mem->block, range.count * mem->block, access);
}

/* Gives it to the host, as holes. */
static void discard(struct mem *mem, struct range range)
{
	if (madvise(mem->region->host + range.first * mem->block, range.count * mem->block, MADV_REMOVE) < 0)
		log_limited(&mem->device.log_limit, LOG_LEVEL_WARNING,
			    "virtio mem %s: memory cannot be given back: %m", mem->options.name);
}

static uint16_t plug(struct mem *mem, struct range range)
{
	if (count_plugged(mem, range))
		return VIRTIO_MEM_RESP_ERROR;
	if (mem->plugged + range.count * mem->block > mem->requested)
		return VIRTIO_MEM_RESP_NACK;
	if (protect(mem, range, PROT_READ | PROT_WRITE) < 0)
		return VIRTIO_MEM_RESP_BUSY;
	mark(mem, range, true);
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t unplug(struct mem *mem, struct range range)
{
	if (count_plugged(mem, range) != range.count)
		return VIRTIO_MEM_RESP_ERROR;
	if (protect(mem, range, PROT_NONE) < 0) /* too many pieces */
		return VIRTIO_MEM_RESP_BUSY;
	mark(mem, range, false);
	discard(mem, range);
	return VIRTIO_MEM_RESP_ACK;
}

static uint64_t usable_for(const struct mem *mem, uint64_t requested)
{
	return MIN(mem->region->size, ALIGN_UP(requested + USABLE_EXTRA, mem->block));
}

/* 5.15.6.3: the only time that the usable region shrinks. */
static uint16_t unplug_all(struct mem *mem)
{
	struct range all = {.count = mem->region->size / mem->block};

	if (protect(mem, all, PROT_NONE) < 0)
		return VIRTIO_MEM_RESP_BUSY;
	for (uint64_t i = 0; i * 64 < all.count; i++)
		atomic_store(&mem->region->blocks.bits[i], 0);
	mem->plugged = 0;
	discard(mem, all);
	mem->usable = usable_for(mem, mem->requested);
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t state_of(const struct mem *mem, struct range range)
{
	uint64_t count = count_plugged(mem, range);

	return count == range.count ? VIRTIO_MEM_STATE_PLUGGED
	       : count              ? VIRTIO_MEM_STATE_MIXED
				    : VIRTIO_MEM_STATE_UNPLUGGED;
}

/* ---- Requests ---- */

/* False: it is not whole blocks of the usable region. */
static bool range_of(const struct mem *mem, const struct virtio_mem_req *request, struct range *range)
{
	uint64_t offset = le64toh(request->u.plug.addr) - mem->region->base;
	uint64_t count = le16toh(request->u.plug.nb_blocks);

	*range = (struct range){.first = offset / mem->block, .count = count};
	return count && offset % mem->block == 0 && offset < mem->usable &&
	       count <= (mem->usable - offset) / mem->block;
}

static void serve(struct mem *mem, const struct virtio_mem_req *request, struct virtio_mem_resp *response)
{
	uint16_t type = le16toh(request->type);
	uint16_t answer = VIRTIO_MEM_RESP_ERROR;
	struct range range;

	if (type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
		answer = unplug_all(mem);
	} else if (!range_of(mem, request, &range)) {
		answer = VIRTIO_MEM_RESP_ERROR;
	} else if (type == VIRTIO_MEM_REQ_PLUG) {
		answer = plug(mem, range);
	} else if (type == VIRTIO_MEM_REQ_UNPLUG) {
		answer = unplug(mem, range);
	} else if (type == VIRTIO_MEM_REQ_STATE) {
		answer = VIRTIO_MEM_RESP_ACK;
		response->u.state.state = htole16(state_of(mem, range));
	}
	if (answer == VIRTIO_MEM_RESP_ERROR)
		counter_add(&virtio_queue_counters(&mem->device, 0)->errors, 1);
	response->type = htole16(answer);
}

static void mem_notify(struct virtio_device *device, unsigned index)
{
	struct mem *mem = CONTAINER_OF(device, struct mem, device);
	struct virtq *queue = &device->queues[index];
	unsigned budget = VIRTIO_BATCH;

	if (!atomic_exchange(&mem->announced, true) && mem->options.driver_came)
		mem->options.driver_came(mem->options.owner);
	virtq_disable_notify(queue);
	while (virtio_device_pop(device, index, &mem->chain, &budget)) {
		struct virtio_mem_resp response = {0};
		struct virtio_mem_req request;

		if (virtq_chain_read(&mem->chain, 0, &request, sizeof(request)) != sizeof(request) ||
		    mem->chain.writable_len < sizeof(response)) {
			virtio_device_broken(device, "a request that is too short");
			break;
		}
		serve(mem, &request, &response);
		virtq_chain_write(&mem->chain, 0, &response, sizeof(response));
		virtq_push(queue, mem->chain.token, sizeof(response));
	}
	virtio_interrupt(device, index);
}

/* ---- The device ---- */

static void mem_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	const struct mem *mem = CONTAINER_OF(device, struct mem, device);
	struct virtio_mem_config config = {
		.block_size = htole64(mem->block),
		.node_id = htole16(mem->options.node),
		.addr = htole64(mem->region->base),
		.region_size = htole64(mem->region->size),
		.usable_region_size = htole64(mem->usable),
		.plugged_size = htole64(mem->plugged),
		.requested_size = htole64(mem->requested),
	};

	memcpy(data, (const uint8_t *)&config + offset, len);
}

static void mem_reset(struct virtio_device *device)
{
	CONTAINER_OF(device, struct mem, device)->announced = false;
}

static void mem_destroy(struct virtio_device *device)
{
	virtio_device_close(device);
	free(CONTAINER_OF(device, struct mem, device));
}

static const struct virtio_device_ops mem_ops = {
	.config_read = mem_config_read,
	.reset = mem_reset,
	.notify = mem_notify,
	.destroy = mem_destroy,
};

static const struct guest_memory_region *region_find(const struct guest_memory *memory, uint64_t address)
{
	for (unsigned i = 0; i < memory->count; i++) {
		if (memory->regions[i].base == address && memory->regions[i].blocks.bits)
			return &memory->regions[i];
	}
	return NULL;
}

static uint64_t whole_blocks(const struct mem *mem, uint64_t bytes)
{
	return MIN(bytes, mem->region->size) / mem->block * mem->block;
}

static void mem_describe(struct mem *mem, const struct virtio_mem_options *options)
{
	mem->options = *options;
	mem->block = 1ULL << mem->region->blocks.shift;
	mem->requested = whole_blocks(mem, options->requested);
	mem->usable = usable_for(mem, mem->requested);
	mem->device.ops = &mem_ops;
	mem->device.id = VIRTIO_ID_MEM;
	mem->device.name = mem->options.name;
	mem->device.offered = 1ULL << VIRTIO_MEM_F_ACPI_PXM | 1ULL << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE;
	mem->device.queue_count = 1;
	mem->device.config_size = sizeof(struct virtio_mem_config);
	mem->device.in_order = true;
}

struct virtio_device *virtio_mem_create(const struct virtio_mem_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err)
{
	struct mem *mem = calloc(1, sizeof(*mem));

	if (!mem) {
		error_set(err, -ENOMEM, "virtio mem %s: out of memory", options->name);
		return NULL;
	}
	mem->region = region_find(memory, options->address);
	if (!mem->region) {
		error_set(err, -EINVAL, "virtio mem %s: there is no room for it at 0x%llx", options->name,
			  (unsigned long long)options->address);
		free(mem);
		return NULL;
	}
	mem_describe(mem, options);
	if (virtio_device_init(&mem->device, memory, loop, err) < 0) {
		free(mem);
		return NULL;
	}
	mem->device.queues[0].size_max = QUEUE_SIZE;
	return &mem->device;
}

void virtio_mem_request(struct virtio_device *device, uint64_t bytes)
{
	struct mem *mem = CONTAINER_OF(device, struct mem, device);
	uint64_t requested = whole_blocks(mem, bytes);

	pthread_mutex_lock(&device->lock);
	if (requested != mem->requested) {
		mem->requested = requested;
		mem->usable = MAX(mem->usable, usable_for(mem, requested));
		virtio_config_changed(device);
	}
	pthread_mutex_unlock(&device->lock);
}

void virtio_mem_read(const struct virtio_device *device, struct virtio_mem_state *state)
{
	const struct mem *mem = CONTAINER_OF(device, struct mem, device);

	*state = (struct virtio_mem_state){
		.driver = virtio_device_live(device),
		.block = mem->block,
		.size = mem->region->size,
		.requested = mem->requested,
		.plugged = mem->plugged,
	};
}
