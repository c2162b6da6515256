#include "devmodel/boot_marks.h"

/* Nothing to read: the bus has answered with all ones already. */
static void marks_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	(void)device;
	(void)offset;
	(void)data;
	(void)len;
}

static void timer_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct boot_marks *marks = device;

	if (offset == 0 && len == 1 && *data == BOOT_TIMER_VALUE)
		marks->marked(marks, BOOT_MARK_TIMER, *data);
}

static void port_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct boot_marks *marks = device;

	(void)offset;
	if (len == 1)
		marks->marked(marks, BOOT_MARK_PORT80, *data);
}

const struct bus_ops boot_timer_ops = {.read = marks_read, .write = timer_write};
const struct bus_ops debug_port_ops = {.read = marks_read, .write = port_write};
