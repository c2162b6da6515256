/* Guest memory for fuzz targets, mapped once: pages are only touched where a kernel is loaded. */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/guest_memory.h"
#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

#define FUZZ_RAM_SIZE MIB(64)

static inline const struct guest_memory *fuzz_ram(void)
{
	static struct guest_memory memory = {.fd = -1};
	uint8_t *host;

	if (memory.count)
		return &memory;
	host = mmap(NULL, FUZZ_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (host == MAP_FAILED || guest_memory_add(&memory, 0, FUZZ_RAM_SIZE, host, 0))
		abort();
	return &memory;
}

/* Ends the run, so that the fuzzer keeps the input, when something that must hold does not. */
static inline void require(bool holds)
{
	if (!holds)
		abort();
}
