/* Names of keys, for send-key. */
#include <criterion/criterion.h>
#include <linux/input-event-codes.h>

#include "vmm/manager/key_names.h"

Test(key_names, those_of_linux)
{
	cr_assert_eq(key_by_name("KEY_ESC"), KEY_ESC);
	cr_assert_eq(key_by_name("KEY_1"), KEY_1);
	cr_assert_eq(key_by_name("KEY_102ND"), KEY_102ND);
	cr_assert_eq(key_by_name("KEY_F12"), KEY_F12);
	cr_assert_eq(key_by_name("key_leftctrl"), KEY_LEFTCTRL);
	cr_assert_eq(key_by_name("KEY_DELETE"), KEY_DELETE);
	cr_assert_eq(key_by_name("KEY_LEFTMETA"), KEY_LEFTMETA);
	cr_assert_eq(key_by_name("KEY_COMPOSE"), KEY_COMPOSE);
}

Test(key_names, numbers)
{
	cr_assert_eq(key_by_name("30"), KEY_A);
	cr_assert_eq(key_by_name("0x1e"), KEY_A);
	cr_assert_eq(key_by_name("248"), KEY_MICMUTE);
}

Test(key_names, others_are_none)
{
	const char *const names[] = {"",    "KEY_",   "KEY_NONE", "A",
				     "0",   "249",    "-1",       "99999999999999999999",
				     "30x", "KEY_A ", "KEY_KP",   NULL};

	for (const char *const *name = names; *name; name++)
		cr_assert_eq(key_by_name(*name), 0, "%s", *name);
}
