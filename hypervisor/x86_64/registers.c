#include "hypervisor/x86_64/registers.h"

#include <errno.h>
#include <stdbool.h>

#include "common/util.h"
#include "hypervisor/x86_64/layout.h"

/* Intel SDM volume 3A, 2.5 and 2.2.1 */
#define CR0_PE   (1ULL << 0)
#define CR0_ET   (1ULL << 4) /* always one since the 486 */
#define CR0_PG   (1ULL << 31)
#define CR4_PAE  (1ULL << 5)
#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)

#define RFLAGS_RESERVED (1ULL << 1) /* always one */

/* Linux boot.rst: __BOOT_CS, __BOOT_DS; the task register's slot is ours */
#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_TASK 0x20

/* Segment types, Intel SDM volume 3A, 3.4.5.1 and 3.5 */
#define TYPE_CODE 0xb /* execute, read, accessed */
#define TYPE_DATA 0x3 /* read, write, accessed */
#define TYPE_TASK 0xb /* 32-bit or 64-bit, busy */

#define LIMIT_FLAT 0xffffffffU
#define LIMIT_TASK 0x67U

/* Page table entries, Intel SDM volume 3A, 4.5 */
#define PAGE_PRESENT (1ULL << 0)
#define PAGE_WRITE   (1ULL << 1)
#define PAGE_LARGE   (1ULL << 7)
#define PAGE_ENTRIES 512
#define PAGE_SIZE_4K KIB(4)
#define PAGE_SIZE_2M MIB(2)
#define MAPPED_GIB   4

static struct kvm_segment segment_code(bool long_mode)
{
	return (struct kvm_segment){
		.limit = LIMIT_FLAT,
		.selector = SELECTOR_CODE,
		.type = TYPE_CODE,
		.present = 1,
		.s = 1,
		.l = long_mode,
		.db = !long_mode,
		.g = 1,
	};
}

static struct kvm_segment segment_data(void)
{
	return (struct kvm_segment){
		.limit = LIMIT_FLAT,
		.selector = SELECTOR_DATA,
		.type = TYPE_DATA,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};
}

static struct kvm_segment segment_task(void)
{
	return (struct kvm_segment){
		.limit = LIMIT_TASK,
		.selector = SELECTOR_TASK,
		.type = TYPE_TASK,
		.present = 1,
	};
}

static void segments_set(struct kvm_sregs *sregs, bool long_mode)
{
	struct kvm_segment data = segment_data();

	sregs->cs = segment_code(long_mode);
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->tr = segment_task();
}

void registers_pvh(struct kvm_regs *regs, struct kvm_sregs *sregs, uint64_t rip, uint64_t start_info,
		   uint64_t stack)
{
	*regs = (struct kvm_regs){
		.rip = rip,
		.rbx = start_info,
		.rsp = stack,
		.rflags = RFLAGS_RESERVED,
	};
	segments_set(sregs, false);
	sregs->gdt = (struct kvm_dtable){0}; /* the kernel brings its own */
	sregs->idt = (struct kvm_dtable){0};
	sregs->cr0 = CR0_PE | CR0_ET;
	sregs->cr3 = 0;
	sregs->cr4 = 0;
	sregs->efer = 0;
}

/* A descriptor as it lies in a GDT: base and limit in pieces, Intel SDM volume 3A, figure 3-8. */
static uint64_t descriptor_pack(const struct kvm_segment *segment)
{
	uint64_t limit = segment->g ? segment->limit >> 12 : segment->limit;
	uint64_t base = segment->base;

	return (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)segment->type << 40 |
	       (uint64_t)segment->s << 44 | (uint64_t)segment->dpl << 45 | (uint64_t)segment->present << 47 |
	       (limit >> 16 & 0xf) << 48 | (uint64_t)segment->l << 53 | (uint64_t)segment->db << 54 |
	       (uint64_t)segment->g << 55 | (base >> 24 & 0xff) << 56;
}

static int gdt_write(const struct guest_memory *memory, struct kvm_sregs *sregs)
{
	uint64_t gdt[SELECTOR_TASK / sizeof(uint64_t) + 2] = {0}; /* a 64-bit task descriptor takes two */

	gdt[SELECTOR_CODE / sizeof(uint64_t)] = descriptor_pack(&sregs->cs);
	gdt[SELECTOR_DATA / sizeof(uint64_t)] = descriptor_pack(&sregs->ds);
	gdt[SELECTOR_TASK / sizeof(uint64_t)] = descriptor_pack(&sregs->tr);
	sregs->gdt = (struct kvm_dtable){.base = LAYOUT_GDT, .limit = sizeof(gdt) - 1};
	return guest_memory_write(memory, LAYOUT_GDT, gdt, sizeof(gdt));
}

/* One PML4, one directory pointer table, a directory of 2 MiB pages for each GiB. Every entry is written: the
 * pages need not come in zeroed. */
static int page_tables_write(const struct guest_memory *memory)
{
	uint64_t *pml4 = guest_memory_at(memory, LAYOUT_PAGE_TABLES, (2 + MAPPED_GIB) * PAGE_SIZE_4K);
	uint64_t *pointers;
	uint64_t *directory;

	if (!pml4)
		return -EFAULT;
	pointers = pml4 + PAGE_ENTRIES;
	directory = pointers + PAGE_ENTRIES;
	for (unsigned i = 0; i < PAGE_ENTRIES; i++) {
		pml4[i] = 0;
		pointers[i] = 0;
	}
	pml4[0] = (LAYOUT_PAGE_TABLES + PAGE_SIZE_4K) | PAGE_PRESENT | PAGE_WRITE;
	for (unsigned i = 0; i < MAPPED_GIB; i++)
		pointers[i] = (LAYOUT_PAGE_TABLES + (2 + i) * PAGE_SIZE_4K) | PAGE_PRESENT | PAGE_WRITE;
	for (unsigned i = 0; i < MAPPED_GIB * PAGE_ENTRIES; i++)
		directory[i] = i * PAGE_SIZE_2M | PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE;
	return 0;
}

int registers_linux64(const struct guest_memory *memory, struct kvm_regs *regs, struct kvm_sregs *sregs,
		      uint64_t rip, uint64_t boot_params, uint64_t stack)
{
	int code;

	*regs = (struct kvm_regs){
		.rip = rip,
		.rsi = boot_params,
		.rsp = stack,
		.rflags = RFLAGS_RESERVED,
	};
	segments_set(sregs, true);
	sregs->idt = (struct kvm_dtable){0};
	sregs->cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs->cr3 = LAYOUT_PAGE_TABLES;
	sregs->cr4 = CR4_PAE;
	sregs->efer = EFER_LME | EFER_LMA;
	code = gdt_write(memory, sregs);
	return code < 0 ? code : page_tables_write(memory);
}
