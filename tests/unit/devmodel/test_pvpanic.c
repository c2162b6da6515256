#include <criterion/criterion.h>

#include "devmodel/pvpanic.h"
#include "tests/unit/devmodel/fakes.h"

static struct fake_machine machine = FAKE_MACHINE;

Test(pvpanic, tells_which_events_it_understands)
{
	cr_assert_eq(fake_in(&pvpanic_ops, &machine.events, 0), PVPANIC_PANICKED);
}

Test(pvpanic, panic_is_announced)
{
	fake_out(&pvpanic_ops, &machine.events, 0, PVPANIC_PANICKED);
	cr_assert_eq(machine.panics, 1);
	cr_assert_eq(machine.resets, 0);
}

Test(pvpanic, other_events_are_ignored)
{
	fake_out(&pvpanic_ops, &machine.events, 0, (uint8_t)~PVPANIC_PANICKED);
	cr_assert_eq(machine.panics, 0);
}

Test(pvpanic, wide_writes_are_ignored)
{
	const uint8_t data[2] = {PVPANIC_PANICKED, 0};

	pvpanic_ops.write(&machine.events, 0, data, sizeof(data));
	cr_assert_eq(machine.panics, 0);
}
