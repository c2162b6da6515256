#include <criterion/criterion.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"
#include "hypervisor/x86_64/reset_vector.h"

static uint8_t ram[MIB(1)];

Test(reset_vector, writes_the_reset_register)
{
	static const uint8_t wanted[] = {0xba, 0x02, 0x06, 0xb0, 0x01, 0xee, 0xf4, 0xeb, 0xfd};
	struct guest_memory memory = {.fd = -1};

	guest_memory_add(&memory, 0, sizeof(ram), ram, 0);
	cr_assert_eq(reset_vector_write(&memory, 0x602, 1), 0);
	cr_assert_eq(memcmp(ram + LAYOUT_RESET_VECTOR, wanted, sizeof(wanted)), 0);
}

Test(reset_vector, small_memory_is_refused)
{
	struct guest_memory memory = {.fd = -1};

	guest_memory_add(&memory, 0, LAYOUT_RESET_VECTOR, ram, 0);
	cr_assert_lt(reset_vector_write(&memory, 0x602, 1), 0);
}
