/* Keys and pointers of viewers as events. */
#include <criterion/criterion.h>
#include <linux/input-event-codes.h>

#include "vmm/display/keys.h"
#include "vmm/display/pointer.h"

static const uint32_t size[2] = {800, 600};
static struct display_change changes[DISPLAY_CHANGES_MAX];

static void is(const struct display_change *change, uint16_t type, uint16_t code, int32_t value)
{
	cr_assert_eq(change->type, type);
	cr_assert_eq(change->code, code);
	cr_assert_eq(change->value, value, "%d", change->value);
}

Test(keys, symbols)
{
	cr_assert_eq(key_of_symbol('a'), KEY_A);
	cr_assert_eq(key_of_symbol('A'), KEY_A);
	cr_assert_eq(key_of_symbol('~'), KEY_GRAVE);
	cr_assert_eq(key_of_symbol(' '), KEY_SPACE);
	cr_assert_eq(key_of_symbol(0xff0d), KEY_ENTER);
	cr_assert_eq(key_of_symbol(0xffbe), KEY_F1);
	cr_assert_eq(key_of_symbol(0xffeb), KEY_LEFTMETA);
	for (uint32_t symbol = ' '; symbol <= '~'; symbol++)
		cr_assert_neq(key_of_symbol(symbol), 0, "%c", (int)symbol);
	cr_assert_eq(key_of_symbol(0), 0);
	cr_assert_eq(key_of_symbol(0x7f), 0);
	cr_assert_eq(key_of_symbol(0xe4), 0);
	cr_assert_eq(key_of_symbol(UINT32_MAX), 0);
}

Test(keys, scan_codes)
{
	cr_assert_eq(key_of_scan_code(0x01), KEY_ESC);
	cr_assert_eq(key_of_scan_code(0x1e), KEY_A);
	cr_assert_eq(key_of_scan_code(0x56), KEY_102ND);
	cr_assert_eq(key_of_scan_code(0x58), KEY_F12);
	cr_assert_eq(key_of_scan_code(0x54), KEY_SYSRQ);
	cr_assert_eq(key_of_scan_code(0x1c | 0x80), KEY_KPENTER);
	cr_assert_eq(key_of_scan_code(0x48 | 0x80), KEY_UP);
	cr_assert_eq(key_of_scan_code(0x5b | 0x80), KEY_LEFTMETA);
	cr_assert_eq(key_of_scan_code(0), 0);
	cr_assert_eq(key_of_scan_code(0x80), 0);
	cr_assert_eq(key_of_scan_code(0x100), 0);
	cr_assert_eq(key_of_scan_code(UINT32_MAX), 0);
	for (uint32_t code = 0; code < 256; code++)
		cr_assert_leq(key_of_scan_code(code), 248, "a keyboard has it");
}

Test(pointer, a_tablet_is_scaled_and_says_what_is_new)
{
	struct pointer pointer = {0};

	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 0, 0, 599, size, changes), 2);
	is(&changes[0], EV_ABS, ABS_X, 0);
	is(&changes[1], EV_ABS, ABS_Y, DISPLAY_AXIS_MAX);
	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 1, 0, 599, size, changes), 1);
	is(&changes[0], EV_KEY, BTN_LEFT, 1);
	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 1, 0, 599, size, changes), 0);
	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 0x100, 799, 599, size, changes), 3);
	is(&changes[0], EV_ABS, ABS_X, DISPLAY_AXIS_MAX);
	is(&changes[1], EV_KEY, BTN_LEFT, 0);
	is(&changes[2], EV_KEY, BTN_EXTRA, 1);
}

Test(pointer, places_outside_are_at_the_edge)
{
	struct pointer pointer = {0};

	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 0, INT32_MAX, -5, size, changes), 2);
	is(&changes[0], EV_ABS, ABS_X, DISPLAY_AXIS_MAX);
	is(&changes[1], EV_ABS, ABS_Y, 0);
}

Test(pointer, a_mouse_moves_by_the_difference)
{
	struct pointer pointer = {0};

	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_RELATIVE, 0, 100, 100, size, changes), 0);
	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_RELATIVE, 4, 90, 107, size, changes), 3);
	is(&changes[0], EV_REL, REL_X, -10);
	is(&changes[1], EV_REL, REL_Y, 7);
	is(&changes[2], EV_KEY, BTN_RIGHT, 1);
}

Test(pointer, a_notch_of_the_wheel_is_one_event)
{
	struct pointer pointer = {0};

	pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 0, 1, 1, size, changes);
	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 8, 1, 1, size, changes), 1);
	is(&changes[0], EV_REL, REL_WHEEL, 1);
	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 0, 1, 1, size, changes), 0);
	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, 16, 1, 1, size, changes), 1);
	is(&changes[0], EV_REL, REL_WHEEL, -1);
}

Test(pointer, no_pointer_says_nothing)
{
	struct pointer pointer = {0};

	cr_assert_eq(pointer_changes(&pointer, DISPLAY_POINTER_NONE, 255, 1, 1, size, changes), 0);
}

Test(pointer, all_at_once_fit)
{
	struct pointer pointer = {0};

	cr_assert_leq(pointer_changes(&pointer, DISPLAY_POINTER_ABSOLUTE, UINT32_MAX, 1, 1, size, changes),
		      DISPLAY_CHANGES_MAX);
}
