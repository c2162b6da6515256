/*
 * Guest memory: the one way in which anything touches a byte that a guest can write.
 *
 * A guest's RAM is a few regions of guest-physical address space (x86: below and above the hole under 4 GiB),
 * each mapped into this process from one memfd. Every accessor checks the whole range against one region: a
 * range that is outside, wraps around or crosses a region's end is refused with -EFAULT and nothing is
 * touched.
 *
 * A length or an index that the guest wrote is copied once (guest_memory_read), then checked, then used: the
 * guest may change it at any time. A pointer from guest_memory_at stays valid for the life of the guest.
 *
 * A memory device's region (virtio-mem) is there from the start, but only those of its blocks are memory that
 * are plugged: the others count as outside. A block may go while a pointer into it is in use, which then
 * points to zeros that are nobody's any more.
 *
 * Ownership: the struct only refers to mappings; who made them unmaps them. Regions are added before vCPUs
 * start and never change afterwards, so readers need no lock. Addresses are guest-physical, sizes are bytes.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_MEMORY_REGIONS_MAX 4

/* Which parts of a region are memory now; any thread reads, the device's writes. */
struct guest_blocks {
	unsigned shift;         /* a block is 1 << shift bytes */
	_Atomic uint64_t *bits; /* a bit a block, from the region's start: it is plugged */
};

struct guest_memory_region {
	uint64_t base; /* guest-physical */
	uint64_t size;
	uint8_t *host;              /* where it is mapped here */
	uint64_t fd_offset;         /* where it starts in the memfd */
	struct guest_blocks blocks; /* bits NULL: all of it is memory, always */
	uint8_t *vcpus;             /* with blocks: the mapping that the vCPUs have, of plugged blocks only */
};

struct guest_memory {
	int fd; /* the memfd, or -1 (unit tests) */
	unsigned count;
	struct guest_memory_region regions[GUEST_MEMORY_REGIONS_MAX]; /* by rising base, no overlap */
};

/* Appends a region. -EINVAL: empty, wraps, or not above the last one; -ENOSPC: too many. */
int guest_memory_add(struct guest_memory *memory, uint64_t base, uint64_t size, uint8_t *host,
		     uint64_t fd_offset);

/* Makes the last region one of blocks. bits are zero, and stay the caller's, as both mappings do. */
void guest_memory_set_blocks(struct guest_memory *memory, unsigned shift, _Atomic uint64_t *bits,
			     uint8_t *vcpus);
/* Whether all blocks that [offset, offset + size) of the region touches are plugged. */
bool guest_memory_plugged(const struct guest_memory_region *region, uint64_t offset, uint64_t size);

/* The host address of [address, address + size), or NULL. size 0 is allowed inside a region. */
void *guest_memory_at(const struct guest_memory *memory, uint64_t address, uint64_t size);

/* The other way round: the guest-physical address of [host, host + size); -EFAULT when any byte is outside.
 */
int guest_memory_address(const struct guest_memory *memory, const void *host, uint64_t size,
			 uint64_t *address);

/* Copies; -EFAULT when any byte is outside. */
int guest_memory_read(const struct guest_memory *memory, uint64_t address, void *into, size_t size);
int guest_memory_write(const struct guest_memory *memory, uint64_t address, const void *from, size_t size);

/* Bytes of RAM in all regions but those of blocks: what the guest was started with. */
uint64_t guest_memory_size(const struct guest_memory *memory);
