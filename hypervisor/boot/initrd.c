#include "hypervisor/boot/initrd.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

#define PAGE_SIZE 4096ULL

int initrd_load(const struct guest_memory *memory, const char *kernel, const uint8_t *data, size_t size,
		uint64_t kernel_end, uint64_t address_max, uint64_t *address, struct error *err)
{
	uint64_t ram_end = memory->count ? memory->regions[0].base + memory->regions[0].size : 0;
	uint64_t ram_top = MIN(ram_end, LAYOUT_LOW_RAM_END);
	uint64_t top = MIN(ram_top, address_max + 1);
	uint64_t bottom = MAX(ALIGN_UP(kernel_end, PAGE_SIZE), LAYOUT_KERNEL);
	void *place;

	if (top <= bottom || size > top - bottom || ALIGN_DOWN(top - size, PAGE_SIZE) < bottom)
		goto too_big;
	*address = ALIGN_DOWN(top - size, PAGE_SIZE);
	place = guest_memory_at(memory, *address, size);
	if (!place)
		goto too_big;
	memcpy(place, data, size);
	return 0;
too_big:
	return error_set(
		err, -ENOMEM,
		"kernel %s: its initrd of %zu KiB does not fit into guest memory of %llu MiB beside the "
		"kernel; give the guest more memory",
		kernel, size >> 10, (unsigned long long)(guest_memory_size(memory) >> 20));
}
