#include <criterion/criterion.h>

#include "devmodel/boot_marks.h"
#include "tests/unit/devmodel/fakes.h"

struct listener {
	struct boot_marks marks;
	unsigned count;
	enum boot_mark mark;
	uint8_t value;
};

static void listener_marked(struct boot_marks *marks, enum boot_mark mark, uint8_t value)
{
	struct listener *listener = CONTAINER_OF(marks, struct listener, marks);

	listener->count++;
	listener->mark = mark;
	listener->value = value;
}

Test(boot_marks, timer_reports_its_value_only)
{
	struct listener listener = {.marks.marked = listener_marked};

	for (unsigned value = 0; value < 256; value++)
		fake_out(&boot_timer_ops, &listener.marks, 0, (uint8_t)value);
	cr_assert_eq(listener.count, 1);
	cr_assert_eq(listener.mark, BOOT_MARK_TIMER);
	cr_assert_eq(listener.value, BOOT_TIMER_VALUE);
}

Test(boot_marks, timer_ignores_other_widths_and_places)
{
	struct listener listener = {.marks.marked = listener_marked};
	uint8_t wide[8] = {BOOT_TIMER_VALUE};

	boot_timer_ops.write(&listener.marks, 0, wide, 4);
	boot_timer_ops.write(&listener.marks, 0, wide, 0);
	fake_out(&boot_timer_ops, &listener.marks, 1, BOOT_TIMER_VALUE);
	fake_out(&boot_timer_ops, &listener.marks, BOOT_TIMER_SIZE - 1, BOOT_TIMER_VALUE);
	cr_assert_eq(listener.count, 0);
}

Test(boot_marks, debug_port_reports_every_byte)
{
	struct listener listener = {.marks.marked = listener_marked};

	fake_out(&debug_port_ops, &listener.marks, 0, DEBUG_PORT_KERNEL);
	cr_assert_eq(listener.mark, BOOT_MARK_PORT80);
	cr_assert_eq(listener.value, DEBUG_PORT_KERNEL);
	fake_out(&debug_port_ops, &listener.marks, 0, DEBUG_PORT_USER);
	cr_assert_eq(listener.value, DEBUG_PORT_USER);
	cr_assert_eq(listener.count, 2);
}

Test(boot_marks, debug_port_ignores_other_widths)
{
	struct listener listener = {.marks.marked = listener_marked};
	uint8_t wide[4] = {DEBUG_PORT_USER};

	debug_port_ops.write(&listener.marks, 0, wide, 2);
	debug_port_ops.write(&listener.marks, 0, wide, 0);
	cr_assert_eq(listener.count, 0);
}

Test(boot_marks, reads_leave_all_ones)
{
	struct listener listener = {.marks.marked = listener_marked};

	cr_assert_eq(fake_in(&boot_timer_ops, &listener.marks, 0), 0xff);
	cr_assert_eq(fake_in(&debug_port_ops, &listener.marks, 0), 0xff);
	cr_assert_eq(listener.count, 0);
}
