#include "devmodel/acpi_power.h"

#include <errno.h>
#include <stdlib.h>

#define SLEEP_TYPE(value) (((value) >> 2) & 7) /* SLP_TYPx */
#define SLEEP_ENABLE      (1 << 5)             /* SLP_EN */

struct acpi_power {
	struct irq_line *button;
	struct machine_events *events;
};

/* Every register reads as 0: SLP_EN is write-only, there is no sleep to wake from, the reset register has no
 * state. */
static void power_read(void *device, uint64_t offset, uint8_t *data, uint32_t len)
{
	(void)device;
	(void)offset;
	if (len == 1)
		*data = 0;
}

static void power_write(void *device, uint64_t offset, const uint8_t *data, uint32_t len)
{
	struct acpi_power *power = device;

	if (len != 1)
		return;
	if (offset == ACPI_POWER_SLEEP && (*data & SLEEP_ENABLE) && SLEEP_TYPE(*data) == ACPI_POWER_S5)
		power->events->power_off(power->events);
	else if (offset == ACPI_POWER_RESET && *data == ACPI_POWER_RESET_VALUE)
		power->events->reset(power->events, "ACPI reset register");
}

const struct bus_ops acpi_power_ops = {.read = power_read, .write = power_write};

struct acpi_power *acpi_power_create(struct irq_line *button, struct machine_events *events,
				     struct error *err)
{
	struct acpi_power *power = calloc(1, sizeof(*power));

	if (!power) {
		error_set(err, -ENOMEM, "ACPI power registers: cannot create: %m");
		return NULL;
	}
	power->button = button;
	power->events = events;
	return power;
}

void acpi_power_press(struct acpi_power *power)
{
	irq_raise(power->button);
}

void acpi_power_destroy(struct acpi_power *power)
{
	free(power);
}
