/* Ranges and accesses anywhere: an access reaches exactly the range that holds all of it. */
#include <stdbool.h>
#include <string.h>

#include "devmodel/bus.h"
#include "tests/fuzz/devmodel/input.h"

struct device {
	uint64_t base;
	uint64_t last;
	bool touched;
	uint64_t offset;
};

static void device_read(void *opaque, uint64_t offset, uint8_t *data, uint32_t len)
{
	struct device *device = opaque;

	memset(data, 0, len);
	device->touched = true;
	device->offset = offset;
}

static void device_write(void *opaque, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct device *device = opaque;

	(void)data;
	(void)len;
	device->touched = true;
	device->offset = offset;
}

static const struct bus_ops device_ops = {.read = device_read, .write = device_write};

struct world {
	struct bus bus;
	unsigned count;
	struct device devices[BUS_RANGES_MAX];
};

static void world_add(struct world *world, uint64_t base, uint64_t size)
{
	struct bus_range range = {.base = base, .size = size, .ops = &device_ops, .name = "device"};
	bool fits = size && base + (size - 1) >= base && world->count < BUS_RANGES_MAX;
	struct error err;

	for (unsigned i = 0; i < world->count; i++)
		fits = fits && (base > world->devices[i].last || base + (size - 1) < world->devices[i].base);
	if (fits) {
		world->devices[world->count] = (struct device){.base = base, .last = base + (size - 1)};
		range.device = &world->devices[world->count++];
	}
	REQUIRE((bus_add(&world->bus, range, &err) == 0) == fits);
}

static void world_access(struct world *world, uint64_t address, uint32_t len, bool write)
{
	struct device *expected = NULL;
	uint8_t data[8] = {0};
	bool found;

	for (unsigned i = 0; i < world->count; i++) {
		struct device *device = &world->devices[i];

		device->touched = false;
		if (address >= device->base && address <= device->last && device->last - address >= len - 1)
			expected = device;
	}
	found = write ? bus_write(&world->bus, address, data, len)
		      : bus_read(&world->bus, address, data, len);
	REQUIRE(found == (expected != NULL));
	for (unsigned i = 0; i < world->count; i++)
		REQUIRE(world->devices[i].touched == (&world->devices[i] == expected));
	if (expected)
		REQUIRE(expected->offset == address - expected->base);
	else if (!write)
		REQUIRE(data[0] == 0xff && data[len - 1] == 0xff);
}

/* Three kinds of number: anywhere, near the bottom, near the top, so that ranges meet. */
static uint64_t some_number(struct fuzz_input *input)
{
	uint8_t kind = input_byte(input);

	if (kind < 0x40)
		return input_u64(input);
	return kind < 0xa0 ? input_byte(input) : UINT64_MAX - input_byte(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input input = {.data = data, .len = len};
	struct world world = {0};

	while (input.len) {
		uint8_t what = input_byte(&input);
		uint64_t address = some_number(&input);

		if (what < 0x80)
			world_add(&world, address, some_number(&input));
		else
			world_access(&world, address, 1U << (what & 3), what & 4);
	}
	return 0;
}
