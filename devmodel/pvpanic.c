#include "devmodel/pvpanic.h"

static void pvpanic_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	(void)device;
	(void)offset;
	if (len == 1)
		*data = PVPANIC_PANICKED;
}

static void pvpanic_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct machine_events *events = device;

	(void)offset;
	if (len == 1 && *data & PVPANIC_PANICKED)
		events->panicked(events);
}

const struct bus_ops pvpanic_ops = {.read = pvpanic_read, .write = pvpanic_write};
