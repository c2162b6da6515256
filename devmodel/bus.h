/*
 * A bus: which device answers at which address. One for port I/O, one for memory-mapped I/O.
 *
 * Filled before the vCPUs start, never changed afterwards, so vCPU threads look up without a lock. A device's read and
 * write run on vCPU threads, several at once: the device locks its own state. They must not block.
 *
 * Offsets are bytes from the range's base. len is what the guest used: 1, 2, 4 or 8 (KVM may hand over other lengths
 * for a page-crossing access: a device ignores a write and leaves a read as it came, all ones, where it does not
 * support the length). The whole access lies inside the range.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define BUS_RANGES_MAX 64

struct bus_ops {
	void (*read)(void *device, uint64_t offset, uint8_t *data, uint32_t len);
	void (*write)(void *device, uint64_t offset, const uint8_t *data, uint32_t len);
};

struct bus_range {
	uint64_t base;
	uint64_t size;
	const struct bus_ops *ops;
	void *device;
	const char *name; /* for errors and logs; a literal or the device's own string */
};

struct bus {
	unsigned count;
	struct bus_range ranges[BUS_RANGES_MAX]; /* by rising base, no overlap */
};

/* -EEXIST names both devices when ranges overlap; -ENOSPC when full; -EINVAL when empty or wrapping. */
int bus_add(struct bus *bus, struct bus_range range, struct error *err);

/* False when nobody answers; data of a read is then all ones, as on an ISA or PCI bus. */
bool bus_read(const struct bus *bus, uint64_t address, uint8_t *data, uint32_t len);
bool bus_write(const struct bus *bus, uint64_t address, const uint8_t *data, uint32_t len);
