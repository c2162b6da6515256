#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/mempolicy.h>

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

Test(vm_memory, memory_devices_lie_above_the_ram_and_are_holes)
{
	static const struct vm_memory_options options = {
		.device_count = 2, .devices = {{MIB(64), MIB(2)}, {MIB(256), MIB(128)}}};
	const struct guest_memory_region *region;
	struct guest_memory memory;
	struct error err;
	uint8_t byte;

	cr_assert_eq(vm_memory_create(&memory, GIB(4), "test", &options, &err), 0, "%s", err.text);
	cr_assert_eq(memory.count, 4);
	cr_assert_eq(guest_memory_size(&memory), GIB(4), "not the devices'");
	region = &memory.regions[2];
	cr_assert_eq(region->base, GIB(6));
	cr_assert_eq(region->base, vm_memory_device_base(GIB(4), &options, 0));
	cr_assert_eq(region[1].base, GIB(8));
	cr_assert_eq(region[1].base, vm_memory_device_base(GIB(4), &options, 1));
	cr_assert_eq(region->fd_offset, GIB(4));
	cr_assert_eq(region[1].fd_offset, GIB(4) + MIB(64));
	cr_assert(region->blocks.shift == 21 && region[1].blocks.shift == 27);
	cr_assert_null(guest_memory_at(&memory, GIB(6), 1));
	region->blocks.bits[0] = 1U << 31; /* the last one */
	*(uint8_t *)guest_memory_at(&memory, GIB(6) + MIB(64) - 1, 1) = 0x5a;
	cr_assert_eq(mprotect(region->vcpus + MIB(62), MIB(2), PROT_READ), 0);
	cr_assert_eq(region->vcpus[MIB(64) - 1], 0x5a, "the same memory");
	cr_assert_eq(pread(memory.fd, &byte, 1, (off_t)(GIB(4) + MIB(64) - 1)), 1);
	cr_assert_eq(byte, 0x5a);
	vm_memory_destroy(&memory);
}

Test(vm_memory, small_machines_memory_devices_are_above_4_gib_too)
{
	static const struct vm_memory_options options = {.device_count = 1, .devices = {{MIB(4), MIB(4)}}};
	struct guest_memory memory;
	struct error err;

	cr_assert_eq(vm_memory_create(&memory, MIB(1), "test", &options, &err), 0, "%s", err.text);
	cr_assert_eq(memory.regions[1].base, GIB(4));
	vm_memory_destroy(&memory);
	cr_assert_eq(vm_memory_create(&memory, MIB(2), "huge",
				      &(struct vm_memory_options){.page_size = MIB(2), .device_count = 1},
				      &err),
		     -EINVAL);
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
	struct error err = {0};

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
	struct error err = {0};

	cr_assert_lt(vm_memory_create(&memory, GIB(1ULL << 20), "vast", NULL, &err), 0);
	cr_assert(strstr(err.text, "vast"), "%s", err.text);
	cr_assert_eq(memory.fd, -1);
}

/* --- Huge pages and NUMA nodes --- */

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

/* Pages of 2 MiB that are free on this machine; whoever runs it fills the pool, not a test. */
static unsigned long free_huge_pages(void)
{
	FILE *file = fopen(POOL, "re");
	unsigned long count = 0;

	if (file && fscanf(file, "%lu", &count) != 1)
		count = 0;
	if (file)
		fclose(file);
	return count;
}

Test(vm_memory, huge_pages_are_reserved_or_refused)
{
	struct vm_memory_options options = {.page_size = MIB(2)};
	unsigned long there = free_huge_pages();
	struct guest_memory memory;
	struct error err = {0};

	cr_assert_eq(vm_memory_create(&memory, MIB(2) * (there + 1), "huge", &options, &err), -ENOMEM);
	cr_assert(strstr(err.text, "guest huge: the host has not"), "%s", err.text);
	cr_assert(strstr(err.text,
			 "free 2M pages; /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages makes more"),
		  "%s", err.text);
	cr_assert_eq(memory.fd, -1);
}

Test(vm_memory, huge_pages_hold_a_guest)
{
	struct vm_memory_options options = {.page_size = MIB(2), .nodes = 1, .policy = VM_MEMORY_PREFERRED};
	struct guest_memory memory;
	struct error err = {0};
	unsigned long there = free_huge_pages();

	if (there < 2)
		cr_skip_test(
			"wants two free huge pages: echo 2 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	cr_assert_eq(vm_memory_create(&memory, MIB(4), "huge", &options, &err), 0, "%s", err.text);
	*(uint8_t *)guest_memory_at(&memory, MIB(2), 1) = 1;
	cr_assert_eq(free_huge_pages(), there - 1, "one was touched");
	vm_memory_destroy(&memory);
	options.policy = VM_MEMORY_BIND;
	cr_assert_eq(vm_memory_create(&memory, MIB(4), "huge", &options, &err), 0, "%s", err.text);
	cr_assert_eq(free_huge_pages(), there - 2, "those of a node are allocated at once");
	vm_memory_destroy(&memory);
	cr_assert_eq(free_huge_pages(), there);
}

Test(vm_memory, size_that_is_no_count_of_huge_pages_is_refused)
{
	struct vm_memory_options options = {.page_size = GIB(1)};
	struct guest_memory memory;
	struct error err = {0};

	cr_assert_eq(vm_memory_create(&memory, MIB(512), "huge", &options, &err), -EINVAL);
	cr_assert_str_eq(err.text,
			 "guest huge: 536870912 bytes of memory are not a whole number of huge pages");
}

Test(vm_memory, pages_of_a_size_that_no_kernel_has_are_refused)
{
	struct vm_memory_options options = {.page_size = MIB(8)};
	struct guest_memory memory;
	struct error err = {0};

	cr_assert_eq(vm_memory_create(&memory, MIB(64), "huge", &options, &err), -ENODEV);
	cr_assert_str_eq(err.text, "guest huge: this kernel has no huge pages");
}

/* What the kernel says of a page's policy (get_mempolicy(2)). */
static void policy_is(const struct guest_memory *memory, int wanted, uint64_t nodes)
{
	uint64_t mask = 0;
	int mode = -1;

	cr_assert_eq(syscall(SYS_get_mempolicy, &mode, &mask, 65, memory->regions[0].host, MPOL_F_ADDR), 0);
	cr_assert_eq(mode, wanted);
	cr_assert_eq(mask, nodes);
}

Test(vm_memory, nodes_are_the_policy_of_its_pages)
{
	static const struct {
		enum vm_memory_policy policy;
		int mode;
	} rows[] = {
		{VM_MEMORY_BIND, MPOL_BIND},
		{VM_MEMORY_PREFERRED, MPOL_PREFERRED},
		{VM_MEMORY_INTERLEAVE, MPOL_INTERLEAVE},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct vm_memory_options options = {.nodes = 1, .policy = rows[i].policy};
		struct guest_memory memory;
		struct error err = {0};
		int code = vm_memory_create(&memory, MIB(4), "node", &options, &err);

		if (code == -ENOSYS)
			cr_skip_test("this kernel has no NUMA policies");
		cr_assert_eq(code, 0, "%s", err.text);
		policy_is(&memory, rows[i].mode, 1);
		*(uint8_t *)guest_memory_at(&memory, 0, 1) = 1;
		vm_memory_destroy(&memory);
	}
}

Test(vm_memory, node_that_is_not_there_is_refused)
{
	struct vm_memory_options options = {.nodes = 1ULL << 63, .policy = VM_MEMORY_BIND};
	struct guest_memory memory;
	struct error err = {0};
	int code = vm_memory_create(&memory, MIB(4), "node", &options, &err);

	if (code == -ENOSYS)
		cr_skip_test("this kernel has no NUMA policies");
	cr_assert_lt(code, 0);
	cr_assert(strstr(err.text, "guest node: cannot have its memory on these NUMA nodes"), "%s", err.text);
	cr_assert_eq(memory.fd, -1);
}
