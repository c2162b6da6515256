#include <criterion/criterion.h>

#include "devmodel/acpi_power.h"
#include "tests/unit/devmodel/fakes.h"

#define SLEEP(type) ((uint8_t)(1 << 5 | (type) << 2)) /* SLP_EN, SLP_TYPx */

struct setup {
	struct fake_irq irq;
	struct fake_machine machine;
	struct acpi_power *power;
};

static struct setup setup = {.irq = FAKE_IRQ, .machine = FAKE_MACHINE};

static void power_setup(void)
{
	setup.power = acpi_power_create(&setup.irq.line, &setup.machine.events, NULL);
	cr_assert(setup.power);
}

static void power_teardown(void)
{
	acpi_power_destroy(setup.power);
}

TestSuite(acpi_power, .init = power_setup, .fini = power_teardown);

Test(acpi_power, s5_with_sleep_enable_powers_off)
{
	fake_out(&acpi_power_ops, setup.power, ACPI_POWER_SLEEP, SLEEP(ACPI_POWER_S5));
	cr_assert_eq(setup.machine.power_offs, 1);
	cr_assert_eq(setup.machine.resets, 0);
}

Test(acpi_power, only_s5_and_only_with_sleep_enable)
{
	for (unsigned value = 0; value < 256; value++) {
		if ((value & 0x3c) != SLEEP(ACPI_POWER_S5))
			fake_out(&acpi_power_ops, setup.power, ACPI_POWER_SLEEP, (uint8_t)value);
	}
	cr_assert_eq(setup.machine.power_offs, 0);
}

Test(acpi_power, reset_register_takes_its_value_only)
{
	for (unsigned value = 0; value < 256; value++)
		fake_out(&acpi_power_ops, setup.power, ACPI_POWER_RESET, (uint8_t)value);
	cr_assert_eq(setup.machine.resets, 1);
	cr_assert_str_eq(setup.machine.reset_by, "ACPI reset register");
	cr_assert_eq(setup.machine.power_offs, 0);
}

Test(acpi_power, status_ignores_writes_and_all_read_as_zero)
{
	fake_out(&acpi_power_ops, setup.power, ACPI_POWER_STATUS, 0xff);
	for (unsigned offset = 0; offset < ACPI_POWER_SIZE; offset++)
		cr_assert_eq(fake_in(&acpi_power_ops, setup.power, offset), 0);
	cr_assert_eq(setup.machine.power_offs + setup.machine.resets, 0);
}

Test(acpi_power, wide_accesses_are_ignored)
{
	uint8_t wide[8] = {SLEEP(ACPI_POWER_S5), 0, ACPI_POWER_RESET_VALUE, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t data[2] = {0xff, 0xff};

	acpi_power_ops.write(setup.power, ACPI_POWER_SLEEP, wide, 2);
	acpi_power_ops.write(setup.power, ACPI_POWER_SLEEP, wide, 3);
	acpi_power_ops.write(setup.power, ACPI_POWER_SLEEP, wide, 0);
	acpi_power_ops.read(setup.power, ACPI_POWER_SLEEP, data, 2);
	cr_assert_eq(data[0] & data[1], 0xff);
	cr_assert_eq(setup.machine.power_offs + setup.machine.resets, 0);
}

Test(acpi_power, each_press_is_one_pulse)
{
	acpi_power_press(setup.power);
	acpi_power_press(setup.power);
	cr_assert_eq(fake_irq_take(&setup.irq), 2);
}

Test(acpi_power, destroying_nothing_is_allowed)
{
	acpi_power_destroy(NULL);
}
