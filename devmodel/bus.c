#include "devmodel/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* How many ranges begin at or below the address; the last of them is the only one that may hold it. */
static unsigned bus_count_upto(const struct bus *bus, uint64_t address)
{
	unsigned low = 0;
	unsigned high = bus->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (bus->ranges[middle].base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* NULL unless one range holds the whole access. */
static const struct bus_range *bus_find(const struct bus *bus, uint64_t address, uint32_t len)
{
	unsigned upto = bus_count_upto(bus, address);
	const struct bus_range *range;
	uint64_t offset;

	if (upto == 0)
		return NULL;
	range = &bus->ranges[upto - 1];
	offset = address - range->base;
	if (offset >= range->size || len > range->size - offset)
		return NULL;
	return range;
}

static int bus_refuse_overlap(const struct bus_range *new, const struct bus_range *old, struct error *err)
{
	return error_set(err, -EEXIST,
			 "bus: %s at 0x%" PRIx64 "-0x%" PRIx64 " overlaps %s at 0x%" PRIx64 "-0x%" PRIx64,
			 new->name, new->base, new->base + new->size - 1, old->name, old->base,
			 old->base + old->size - 1);
}

int bus_add(struct bus *bus, struct bus_range range, struct error *err)
{
	unsigned place = bus_count_upto(bus, range.base);
	const struct bus_range *below = place > 0 ? &bus->ranges[place - 1] : NULL;
	const struct bus_range *above = place < bus->count ? &bus->ranges[place] : NULL;

	if (range.size == 0 || range.base + range.size - 1 < range.base)
		return error_set(err, -EINVAL, "bus: %s at 0x%" PRIx64 " has the impossible size 0x%" PRIx64,
				 range.name, range.base, range.size);
	if (bus->count == BUS_RANGES_MAX)
		return error_set(err, -ENOSPC, "bus: no room for %s: all %u places are taken", range.name,
				 (unsigned)BUS_RANGES_MAX);
	if (below && range.base - below->base < below->size)
		return bus_refuse_overlap(&range, below, err);
	if (above && above->base - range.base < range.size)
		return bus_refuse_overlap(&range, above, err);
	memmove(&bus->ranges[place + 1], &bus->ranges[place], (bus->count - place) * sizeof(range));
	bus->ranges[place] = range;
	bus->count++;
	return 0;
}

bool bus_read(const struct bus *bus, uint64_t address, uint8_t *data, uint32_t len)
{
	const struct bus_range *range = bus_find(bus, address, len);

	memset(data, 0xff, len);
	if (!range)
		return false;
	range->ops->read(range->device, address - range->base, data, len);
	return true;
}

bool bus_write(const struct bus *bus, uint64_t address, const uint8_t *data, uint32_t len)
{
	const struct bus_range *range = bus_find(bus, address, len);

	if (!range)
		return false;
	range->ops->write(range->device, address - range->base, data, len);
	return true;
}
