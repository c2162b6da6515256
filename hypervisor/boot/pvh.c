#include "hypervisor/boot/pvh.h"

#include <errno.h>
#include <stddef.h>
#include <xen/arch-x86/hvm/start_info.h> /* after <stdint.h>, which it does not include itself */

#include "hypervisor/x86_64/layout.h"

#define START_INFO_VERSION 1

/* All that stands in the page at LAYOUT_BOOT_PARAMS. */
struct start_page {
	struct hvm_start_info info;
	_Alignas(64) struct hvm_modlist_entry initrd;
};

_Static_assert(E820_RAM == XEN_HVM_MEMMAP_TYPE_RAM, "both are ACPI's numbers");
_Static_assert(E820_RESERVED == XEN_HVM_MEMMAP_TYPE_RESERVED, "both are ACPI's numbers");

static unsigned fill_memory_map(const struct e820_map *map, struct hvm_memmap_table_entry *entries)
{
	for (unsigned i = 0; i < map->count; i++) {
		entries[i] = (struct hvm_memmap_table_entry){
			.addr = map->ranges[i].address,
			.size = map->ranges[i].size,
			.type = map->ranges[i].type,
		};
	}
	return map->count;
}

int pvh_write(const struct guest_memory *memory, const struct boot_handover *handover, struct error *err)
{
	struct hvm_memmap_table_entry entries[E820_RANGES_MAX];
	unsigned count = fill_memory_map(handover->map, entries);
	struct start_page page = {
		.info =
			{
				.magic = XEN_HVM_START_MAGIC_VALUE,
				.version = START_INFO_VERSION,
				.cmdline_paddr = handover->cmdline,
				.rsdp_paddr = handover->acpi_rsdp,
				.memmap_paddr = LAYOUT_PVH_MEMMAP,
				.memmap_entries = count,
			},
		.initrd = {.paddr = handover->initrd, .size = handover->initrd_size},
	};

	if (handover->initrd_size) {
		page.info.nr_modules = 1;
		page.info.modlist_paddr = LAYOUT_BOOT_PARAMS + offsetof(struct start_page, initrd);
	}
	if (guest_memory_write(memory, LAYOUT_PVH_MEMMAP, entries, count * sizeof(entries[0])) ||
	    guest_memory_write(memory, LAYOUT_BOOT_PARAMS, &page, sizeof(page)))
		return error_set(err, -ENOMEM, "guest memory: has no room for the PVH start info");
	return 0;
}
