#include "hypervisor/boot/linux64.h"

#include <errno.h>

#include "hypervisor/x86_64/layout.h"

#define SETUP_VERSION      0x020f /* the protocol that this file speaks */
#define SETUP_LOADER_OTHER 0xff   /* type_of_loader: none that has a number */
#define SETUP_VIDEO_NORMAL 0xffff /* vid_mode */

_Static_assert(sizeof(struct boot_params) == 4096, "the zero page is a page");
_Static_assert(E820_RANGES_MAX <= E820_MAX_ENTRIES_ZEROPAGE, "the map fits into the zero page");

/* What an uncompressed kernel needs to find in a header that nobody made for it. */
static const struct setup_header vmlinux_setup = {
	.boot_flag = LINUX64_BOOT_FLAG,
	.header = LINUX64_SETUP_MAGIC,
	.version = SETUP_VERSION,
	.loadflags = LOADED_HIGH,
};

static void fill_memory_map(struct boot_params *params, const struct e820_map *map)
{
	for (unsigned i = 0; i < map->count; i++) {
		params->e820_table[i] = (struct boot_e820_entry){
			.addr = map->ranges[i].address,
			.size = map->ranges[i].size,
			.type = map->ranges[i].type,
		};
	}
	params->e820_entries = (uint8_t)map->count;
}

int linux64_write(const struct guest_memory *memory, const struct setup_header *setup,
		  const struct boot_handover *handover, struct error *err)
{
	struct boot_params params = {
		.hdr = setup ? *setup : vmlinux_setup,
		.acpi_rsdp_addr = handover->acpi_rsdp,
		.ext_cmd_line_ptr = (uint32_t)(handover->cmdline >> 32),
		.ext_ramdisk_image = (uint32_t)(handover->initrd >> 32),
		.ext_ramdisk_size = (uint32_t)(handover->initrd_size >> 32),
	};

	params.hdr.type_of_loader = SETUP_LOADER_OTHER;
	params.hdr.vid_mode = SETUP_VIDEO_NORMAL;
	params.hdr.cmd_line_ptr = (uint32_t)handover->cmdline;
	params.hdr.cmdline_size = handover->cmdline_max;
	params.hdr.ramdisk_image = (uint32_t)handover->initrd;
	params.hdr.ramdisk_size = (uint32_t)handover->initrd_size;
	params.hdr.setup_data = 0; /* a pointer into guest memory, ours to set: we pass none */
	fill_memory_map(&params, handover->map);
	if (guest_memory_write(memory, LAYOUT_BOOT_PARAMS, &params, sizeof(params)))
		return error_set(err, -ENOMEM, "guest memory: has no room for the boot parameters");
	return 0;
}
