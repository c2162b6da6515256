#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "hypervisor/kvm/vm.h"
#include "hypervisor/x86_64/layout.h"

Test(vm_memory, small_memory_is_one_region)
{
	struct guest_memory memory;
	struct error err;

	cr_assert_eq(vm_memory_create(&memory, MIB(64), "test", NULL, &err), 0, "%s", err.text);
	cr_assert_eq(memory.count, 1);
	cr_assert_eq(memory.regions[0].base, 0);
	cr_assert_eq(guest_memory_size(&memory), MIB(64));
	vm_memory_destroy(&memory);
	cr_assert_eq(memory.count, 0);
	cr_assert_eq(memory.fd, -1);
}

Test(vm_memory, large_memory_lies_around_the_device_hole)
{
	struct guest_memory memory;
	struct error err;
	uint8_t *last;

	cr_assert_eq(vm_memory_create(&memory, GIB(4), "test", NULL, &err), 0, "%s", err.text);
	cr_assert_eq(memory.count, 2);
	cr_assert_eq(memory.regions[0].size, LAYOUT_LOW_RAM_END);
	cr_assert_eq(memory.regions[1].base, LAYOUT_HIGH_RAM);
	cr_assert_eq(memory.regions[1].fd_offset, LAYOUT_LOW_RAM_END);
	cr_assert_eq(guest_memory_size(&memory), GIB(4));
	cr_assert_null(guest_memory_at(&memory, LAYOUT_LOW_RAM_END, 1));
	last = guest_memory_at(&memory, LAYOUT_HIGH_RAM + GIB(1) - 1, 1);
	*last = 1;
	cr_assert_null(guest_memory_at(&memory, LAYOUT_HIGH_RAM + GIB(1), 1));
	vm_memory_destroy(&memory);
}

Test(vm_memory, regions_lie_in_the_memfd_where_they_say)
{
	struct guest_memory memory;
	struct error err;
	uint8_t byte;

	cr_assert_eq(vm_memory_create(&memory, GIB(4), "test", NULL, &err), 0, "%s", err.text);
	*(uint8_t *)guest_memory_at(&memory, LAYOUT_HIGH_RAM, 1) = 0x5a;
	cr_assert_eq(pread(memory.fd, &byte, 1, (off_t)memory.regions[1].fd_offset), 1);
	cr_assert_eq(byte, 0x5a);
	vm_memory_destroy(&memory);
}

Test(vm_memory, nobody_can_shrink_it)
{
	struct guest_memory memory;
	struct error err;

	cr_assert_eq(vm_memory_create(&memory, MIB(1), "test", NULL, &err), 0, "%s", err.text);
	cr_assert_eq(ftruncate(memory.fd, 0), -1);
	cr_assert_eq(errno, EPERM);
	vm_memory_destroy(&memory);
}

Test(vm_memory, descriptor_does_not_leak_into_programs)
{
	struct guest_memory memory;
	struct error err;

	cr_assert_eq(vm_memory_create(&memory, MIB(1), "test", NULL, &err), 0, "%s", err.text);
	cr_assert(fcntl(memory.fd, F_GETFD) & FD_CLOEXEC);
	vm_memory_destroy(&memory);
}

static void size_refused(uint64_t size)
{
	struct guest_memory memory;
	struct error err = {""};

	cr_assert_eq(vm_memory_create(&memory, size, "tiny", NULL, &err), -EINVAL);
	cr_assert(strstr(err.text, "tiny"), "%s", err.text);
	cr_assert_eq(memory.fd, -1);
}

Test(vm_memory, size_that_is_no_page_count_is_refused)
{
	size_refused(0);
	size_refused(4095);
	size_refused(MIB(1) + 1);
	size_refused(UINT64_MAX - 4095);
}

Test(vm_memory, more_than_can_be_mapped_is_refused)
{
	struct guest_memory memory;
	struct error err = {""};

	cr_assert_lt(vm_memory_create(&memory, GIB(1ULL << 20), "vast", NULL, &err), 0);
	cr_assert(strstr(err.text, "vast"), "%s", err.text);
	cr_assert_eq(memory.fd, -1);
}
