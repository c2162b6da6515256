/*
 * Memory that a guest can get and give back while it runs, as its definition has it: "memory_devices" and
 * "max_memory_mib" (docs/configuration.md). The words are libvirt's (format domain, "Memory devices",
 * <maxMemory>). Part of definition.h; sizes are in MiB.
 */
#pragma once

#include "vmm/config/json.h"
#include "vmm/config/wants.h"

#define MEMORY_DEVICES_MAX 2
#define MEMORY_BLOCK_MIN   2    /* Linux plugs no less */
#define MEMORY_BLOCK_MAX   2048 /* what its largest sections are */
#define MEMORY_BLOCKS_MAX  32768

struct memory_device_definition {
	uint64_t size_mib; /* the most that it can be, whole blocks */
	uint64_t block_mib;
	uint64_t requested_mib; /* what the guest is to have of it at first, whole blocks */
};

struct memory_devices {
	unsigned count;
	struct memory_device_definition list[MEMORY_DEVICES_MAX];
};

/* wants: what the definition says of memory, read before; gets what the devices want. */
int memory_devices_read(const struct json_place *root, struct guest_wants *wants,
			struct memory_devices *devices);

/* Of all of them. */
uint64_t memory_devices_size(const struct memory_devices *devices);
uint64_t memory_devices_requested(const struct memory_devices *devices);
/* How much each is to be so that they are `mib` together, the first ones first; what is left over: less than
 * a block, or more than they can be. */
uint64_t memory_devices_divide(const struct memory_devices *devices, uint64_t mib,
			       uint64_t parts[MEMORY_DEVICES_MAX]);
