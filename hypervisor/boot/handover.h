/*
 * What a kernel is told when it starts, whatever the protocol: pvh.h and linux64.h each write it down in
 * their own form. Addresses are guest-physical, sizes bytes; all of it already lies in guest memory.
 */
#pragma once

#include <stdint.h>

#include "hypervisor/boot/e820.h"

struct boot_handover {
	uint64_t cmdline;
	uint32_t cmdline_max; /* the longest this kernel takes */
	uint64_t initrd;
	uint64_t initrd_size; /* 0: none */
	uint64_t acpi_rsdp;   /* 0: none */
	const struct e820_map *map;
};
