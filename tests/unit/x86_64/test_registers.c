#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"
#include "hypervisor/x86_64/registers.h"

#define RIP   0x1000000ULL
#define INFO  LAYOUT_BOOT_PARAMS
#define STACK LAYOUT_BOOT_STACK

static struct guest_memory memory_make(uint64_t size)
{
	struct guest_memory memory = {.fd = -1};
	uint8_t *host = malloc(size);

	memset(host, 0xa5, size); /* pages need not come zeroed */
	guest_memory_add(&memory, 0, size, host, 0);
	return memory;
}

static void memory_free(struct guest_memory *memory)
{
	free(memory->regions[0].host);
}

static uint64_t word(const struct guest_memory *memory, uint64_t address)
{
	uint64_t value;

	cr_assert_eq(guest_memory_read(memory, address, &value, sizeof(value)), 0);
	return value;
}

/* Walks the page tables as a CPU does; large pages only. */
static uint64_t translate(const struct guest_memory *memory, uint64_t cr3, uint64_t address)
{
	uint64_t pml4 = word(memory, cr3 + (address >> 39 & 511) * 8);
	uint64_t pointer = word(memory, (pml4 & ~0xfffULL) + (address >> 30 & 511) * 8);
	uint64_t directory = word(memory, (pointer & ~0xfffULL) + (address >> 21 & 511) * 8);

	cr_assert_eq(pml4 & 3, 3);
	cr_assert_eq(pointer & 3, 3);
	cr_assert_eq(directory & 0x83, 0x83);
	return (directory & ~0x1fffffULL) | (address & 0x1fffff);
}

Test(registers, pvh_starts_flat_without_paging)
{
	struct kvm_sregs sregs = {.apic_base = 0xfee00900, .cr3 = 1, .cr4 = 1, .efer = 1};
	struct kvm_regs regs;

	registers_pvh(&regs, &sregs, RIP, INFO, STACK);
	cr_assert_eq(regs.rip, RIP);
	cr_assert_eq(regs.rbx, INFO);
	cr_assert_eq(regs.rsp, STACK);
	cr_assert_eq(regs.rflags, 2, "interrupts off");
	cr_assert_eq(sregs.cr0 & 0x80000001, 1);
	cr_assert(sregs.cr3 == 0 && sregs.cr4 == 0 && sregs.efer == 0);
	cr_assert(sregs.cs.db && !sregs.cs.l && sregs.cs.base == 0 && sregs.cs.limit == 0xffffffff);
	cr_assert(sregs.ds.db && sregs.ds.limit == 0xffffffff && sregs.ss.type == 3);
	cr_assert(sregs.tr.present && sregs.tr.limit == 0x67);
	cr_assert_eq(sregs.apic_base, 0xfee00900);
}

Test(registers, linux64_starts_in_long_mode)
{
	struct guest_memory memory = memory_make(MIB(1));
	struct kvm_sregs sregs = {.apic_base = 0xfee00900};
	struct kvm_regs regs;

	cr_assert_eq(registers_linux64(&memory, &regs, &sregs, RIP, INFO, STACK), 0);
	cr_assert_eq(regs.rip, RIP);
	cr_assert_eq(regs.rsi, INFO);
	cr_assert_eq(sregs.cr0 & 0x80000001, 0x80000001);
	cr_assert_eq(sregs.cr4, 1 << 5);
	cr_assert_eq(sregs.efer, 0x500);
	cr_assert(sregs.cs.l && !sregs.cs.db);
	cr_assert_eq(sregs.cs.selector, 0x10, "__BOOT_CS");
	cr_assert_eq(sregs.ds.selector, 0x18, "__BOOT_DS");
	memory_free(&memory);
}

Test(registers, linux64_maps_four_gib_one_to_one)
{
	struct guest_memory memory = memory_make(MIB(1));
	struct kvm_sregs sregs = {0};
	struct kvm_regs regs;

	cr_assert_eq(registers_linux64(&memory, &regs, &sregs, RIP, INFO, STACK), 0);
	for (uint64_t address = 0; address < GIB(4); address += MIB(2) + 12345)
		cr_assert_eq(translate(&memory, sregs.cr3, address), address);
	cr_assert_eq(word(&memory, sregs.cr3 + 8), 0, "and nothing else");
	memory_free(&memory);
}

Test(registers, linux64_tables_stay_in_their_place)
{
	struct guest_memory memory = memory_make(MIB(1));
	const uint8_t *bytes = memory.regions[0].host;
	struct kvm_sregs sregs = {0};
	struct kvm_regs regs;

	cr_assert_eq(registers_linux64(&memory, &regs, &sregs, RIP, INFO, STACK), 0);
	for (uint64_t i = 0; i < MIB(1); i++) {
		bool gdt = i >= LAYOUT_GDT && i < LAYOUT_GDT + 0x30;
		bool tables = i >= LAYOUT_PAGE_TABLES && i < 0xf000;

		cr_assert(gdt || tables || bytes[i] == 0xa5, "0x%lx was written", i);
	}
	memory_free(&memory);
}

Test(registers, gdt_holds_what_the_segments_say)
{
	struct guest_memory memory = memory_make(MIB(1));
	struct kvm_sregs sregs = {0};
	struct kvm_regs regs;

	cr_assert_eq(registers_linux64(&memory, &regs, &sregs, RIP, INFO, STACK), 0);
	cr_assert_eq(sregs.gdt.base, LAYOUT_GDT);
	cr_assert_geq(sregs.gdt.limit, 0x2f);
	cr_assert_eq(word(&memory, LAYOUT_GDT), 0);
	cr_assert_eq(word(&memory, LAYOUT_GDT + 0x10), 0x00af9b000000ffff);
	cr_assert_eq(word(&memory, LAYOUT_GDT + 0x18), 0x00cf93000000ffff);
	cr_assert_eq(word(&memory, LAYOUT_GDT + 0x20), 0x00008b0000000067);
	cr_assert_eq(word(&memory, LAYOUT_GDT + 0x28), 0);
	memory_free(&memory);
}

Test(registers, too_little_memory_is_refused)
{
	struct guest_memory memory = memory_make(KIB(40));
	struct kvm_sregs sregs = {0};
	struct kvm_regs regs;

	cr_assert_eq(registers_linux64(&memory, &regs, &sregs, RIP, INFO, STACK), -EFAULT);
	memory_free(&memory);
}
