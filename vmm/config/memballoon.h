/*
 * A guest's balloon, as its definition has it: "memballoon" and "current_memory_mib" (docs/configuration.md).
 * The words are libvirt's (format domain, "Memory balloon device"). Part of definition.h.
 */
#pragma once

#include "vmm/config/json.h"
#include "vmm/config/wants.h"

struct memballoon_definition {
	bool present;
	bool autodeflate;         /* the guest takes memory back before it kills for want of it */
	bool free_page_reporting; /* what the guest does not use is given back to the host */
	unsigned stats_period;    /* seconds; 0: the guest is not asked for its statistics */
	uint64_t current_mib;     /* what the guest has of its memory at first; 0: all */
};

/* wants: what the definition says of memory, read before. */
int memballoon_definition_read(const struct json_place *root, const struct guest_wants *wants,
			       struct memballoon_definition *memballoon);
