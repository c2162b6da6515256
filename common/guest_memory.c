#include "common/guest_memory.h"

#include <errno.h>
#include <string.h>

int guest_memory_add(struct guest_memory *memory, uint64_t base, uint64_t size, uint8_t *host,
		     uint64_t fd_offset)
{
	const struct guest_memory_region *last;

	if (memory->count == GUEST_MEMORY_REGIONS_MAX)
		return -ENOSPC;
	if (size == 0 || base + size < base)
		return -EINVAL;
	if (memory->count) {
		last = &memory->regions[memory->count - 1];
		if (base < last->base + last->size)
			return -EINVAL;
	}
	memory->regions[memory->count++] = (struct guest_memory_region){
		.base = base,
		.size = size,
		.host = host,
		.fd_offset = fd_offset,
	};
	return 0;
}

void guest_memory_set_blocks(struct guest_memory *memory, unsigned shift, _Atomic uint64_t *bits,
			     uint8_t *vcpus)
{
	struct guest_memory_region *last = &memory->regions[memory->count - 1];

	last->blocks = (struct guest_blocks){.shift = shift, .bits = bits};
	last->vcpus = vcpus;
}

bool guest_memory_plugged(const struct guest_memory_region *region, uint64_t offset, uint64_t size)
{
	const struct guest_blocks *blocks = &region->blocks;

	for (uint64_t i = offset >> blocks->shift; i <= (offset + size - (size > 0)) >> blocks->shift; i++) {
		if (!(atomic_load_explicit(&blocks->bits[i / 64], memory_order_acquire) >> i % 64 & 1))
			return false;
	}
	return true;
}

void *guest_memory_at(const struct guest_memory *memory, uint64_t address, uint64_t size)
{
	for (unsigned i = 0; i < memory->count; i++) {
		const struct guest_memory_region *region = &memory->regions[i];

		if (address < region->base)
			return NULL;
		if (address - region->base >= region->size)
			continue;
		if (size > region->size - (address - region->base))
			return NULL;
		if (region->blocks.bits && !guest_memory_plugged(region, address - region->base, size))
			return NULL;
		return region->host + (address - region->base);
	}
	return NULL;
}

int guest_memory_address(const struct guest_memory *memory, const void *host, uint64_t size,
			 uint64_t *address)
{
	uintptr_t wanted = (uintptr_t)host;

	for (unsigned i = 0; i < memory->count; i++) {
		const struct guest_memory_region *region = &memory->regions[i];
		uintptr_t first = (uintptr_t)region->host;

		if (wanted < first || wanted - first >= region->size)
			continue;
		if (size > region->size - (wanted - first))
			return -EFAULT;
		*address = region->base + (wanted - first);
		return 0;
	}
	return -EFAULT;
}

int guest_memory_read(const struct guest_memory *memory, uint64_t address, void *into, size_t size)
{
	const void *from = guest_memory_at(memory, address, size);

	if (!from)
		return -EFAULT;
	if (size) /* pointers to nothing may be NULL */
		memcpy(into, from, size);
	return 0;
}

int guest_memory_write(const struct guest_memory *memory, uint64_t address, const void *from, size_t size)
{
	void *into = guest_memory_at(memory, address, size);

	if (!into)
		return -EFAULT;
	if (size)
		memcpy(into, from, size);
	return 0;
}

uint64_t guest_memory_size(const struct guest_memory *memory)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < memory->count; i++)
		sum += memory->regions[i].blocks.bits ? 0 : memory->regions[i].size;
	return sum;
}
