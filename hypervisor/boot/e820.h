/*
 * The guest's memory map, as both boot protocols hand it over (ACPI 6.5, 15 "System Address Map Interfaces").
 *
 * Made from guest memory's regions and hypervisor/x86_64/layout.h: all RAM is usable except the EBDA, where
 * firmware would keep its data, and the ACPI tables below 1 MiB. What the map does not list is no memory. A
 * pure function.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "common/guest_memory.h"

enum e820_type { /* Address Range Types, ACPI 6.5 table 15.5 */
		 E820_RAM = 1,
		 E820_RESERVED = 2,
};

struct e820_range {
	uint64_t address;
	uint64_t size;
	enum e820_type type;
};

#define E820_RANGES_MAX (GUEST_MEMORY_REGIONS_MAX + 3)

struct e820_map { /* by rising address, no overlap */
	unsigned count;
	struct e820_range ranges[E820_RANGES_MAX];
};

/* -ENOMEM: the first region does not start at 0 or ends before there is room for a kernel. */
int e820_build(const struct guest_memory *memory, struct e820_map *map, struct error *err);
