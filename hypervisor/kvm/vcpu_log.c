/* What a vCPU looked like when it stopped, for the log. */
#include "hypervisor/kvm/vcpu.h"

#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "common/log.h"

#define BYTES_AT_RIP 16 /* the longest instruction has 15 */

static void regs_log(unsigned index, const struct kvm_regs *r)
{
	log_error("vcpu %u: rip %016llx rsp %016llx rflags %08llx", index, r->rip, r->rsp, r->rflags);
	log_error("vcpu %u: rax %016llx rbx %016llx rcx %016llx rdx %016llx", index, r->rax, r->rbx, r->rcx,
		  r->rdx);
	log_error("vcpu %u: rsi %016llx rdi %016llx rbp %016llx r8  %016llx", index, r->rsi, r->rdi, r->rbp,
		  r->r8);
	log_error("vcpu %u: r9  %016llx r10 %016llx r11 %016llx r12 %016llx", index, r->r9, r->r10, r->r11,
		  r->r12);
	log_error("vcpu %u: r13 %016llx r14 %016llx r15 %016llx", index, r->r13, r->r14, r->r15);
}

static void segment_log(unsigned index, const char *name, const struct kvm_segment *s)
{
	log_error("vcpu %u: %s %04x base %016llx limit %08x type %x dpl %u l %u db %u", index, name,
		  s->selector, s->base, s->limit, s->type, s->dpl, s->l, s->db);
}

static void sregs_log(unsigned index, const struct kvm_sregs *s)
{
	log_error("vcpu %u: cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx", index, s->cr0, s->cr2,
		  s->cr3, s->cr4, s->efer);
	segment_log(index, "cs", &s->cs);
	segment_log(index, "ss", &s->ss);
	log_error("vcpu %u: gdt %016llx+%04x idt %016llx+%04x tr %04x", index, s->gdt.base, s->gdt.limit,
		  s->idt.base, s->idt.limit, s->tr.selector);
}

/* One byte at a guest-virtual address: each is translated for itself, since the next may lie in another page.
 */
static bool byte_read(const struct vcpu *vcpu, const struct guest_memory *memory, uint64_t address,
		      uint8_t *byte)
{
	struct kvm_translation translation = {.linear_address = address};

	if (ioctl(vcpu->fd, KVM_TRANSLATE, &translation) < 0 || !translation.valid)
		return false;
	return guest_memory_read(memory, translation.physical_address, byte, 1) == 0;
}

static void code_log(const struct vcpu *vcpu, const struct guest_memory *memory, uint64_t address)
{
	char text[3 * BYTES_AT_RIP + 1] = "";
	size_t used = 0;
	uint8_t byte;

	for (unsigned i = 0; i < BYTES_AT_RIP && byte_read(vcpu, memory, address + i, &byte); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %02x", byte);
	log_error("vcpu %u: code at %016llx:%s", vcpu->index, (unsigned long long)address,
		  used ? text : " not readable");
}

void vcpu_log_state(struct vcpu *vcpu, const struct guest_memory *memory)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0 || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0) {
		log_error("vcpu %u: its registers cannot be read: %m", vcpu->index);
		return;
	}
	regs_log(vcpu->index, &regs);
	sregs_log(vcpu->index, &sregs);
	code_log(vcpu, memory, sregs.cs.base + regs.rip);
}
