/* Guest memory for tests: one memfd, laid out around the hole under 4 GiB like a real guest's. */
#pragma once

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.h"
#include "common/guest_memory.h"
#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

static inline struct guest_memory guest_ram_create(uint64_t size)
{
	struct guest_memory memory = {.fd = memfd_create("guest", MFD_CLOEXEC)};
	uint64_t low = MIN(size, LAYOUT_LOW_RAM_END);
	uint8_t *host;

	cr_assert_geq(memory.fd, 0);
	cr_assert_eq(ftruncate(memory.fd, size), 0);
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory.fd, 0);
	cr_assert_neq(host, MAP_FAILED);
	cr_assert_eq(guest_memory_add(&memory, 0, low, host, 0), 0);
	if (size > low)
		cr_assert_eq(guest_memory_add(&memory, LAYOUT_HIGH_RAM, size - low, host + low, low), 0);
	return memory;
}

static inline void guest_ram_destroy(struct guest_memory *memory)
{
	munmap(memory->regions[0].host, guest_memory_size(memory));
	close(memory->fd);
}

/* Fails unless code is the one expected and the error's sentence is exactly this. */
#define assert_refused(code, expected, err, sentence)                                                        \
	do {                                                                                                 \
		cr_assert_eq(code, expected, "%d: %s", code, (err).text);                                    \
		cr_assert_str_eq((err).text, sentence);                                                      \
	} while (0)
