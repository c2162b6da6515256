#include "hypervisor/boot/e820.h"

#include <errno.h>

#include "hypervisor/x86_64/layout.h"

#define VGA_HOLE 0xa0000ULL /* end of the PC's conventional memory */

static void map_add(struct e820_map *map, uint64_t start, uint64_t end, enum e820_type type)
{
	map->ranges[map->count++] = (struct e820_range){.address = start, .size = end - start, .type = type};
}

int e820_build(const struct guest_memory *memory, struct e820_map *map, struct error *err)
{
	const struct guest_memory_region *low = &memory->regions[0];

	map->count = 0;
	if (memory->count == 0 || low->base != 0 || low->size <= LAYOUT_KERNEL)
		return error_set(err, -ENOMEM, "guest memory: %llu KiB are too few to boot a kernel",
				 (unsigned long long)(guest_memory_size(memory) >> 10));
	map_add(map, 0, LAYOUT_EBDA, E820_RAM);
	map_add(map, LAYOUT_EBDA, VGA_HOLE, E820_RESERVED);
	map_add(map, LAYOUT_ACPI, LAYOUT_KERNEL, E820_RESERVED);
	map_add(map, LAYOUT_KERNEL, low->size, E820_RAM);
	for (unsigned i = 1; i < memory->count; i++) {
		const struct guest_memory_region *region = &memory->regions[i];

		if (!region->blocks.bits) /* else the guest's driver finds it, and asks for it */
			map_add(map, region->base, region->base + region->size, E820_RAM);
	}
	return 0;
}
