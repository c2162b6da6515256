/* What a vCPU looked like when it stopped, as text. */
#include "hypervisor/kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define BYTES_AT_RIP 16 /* the longest instruction has 15 */

struct state_text {
	char *text;
	size_t used;
};

static __attribute__((format(printf, 2, 3))) void text_add(struct state_text *out, const char *format, ...)
{
	size_t left = VCPU_STATE_TEXT_MAX - out->used;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(out->text + out->used, left, format, args);
	va_end(args);
	if (len > 0)
		out->used += (size_t)len < left ? (size_t)len : left - 1;
}

static void regs_add(struct state_text *out, const struct kvm_regs *r)
{
	text_add(out, "rip %016llx rsp %016llx rflags %08llx\n", r->rip, r->rsp, r->rflags);
	text_add(out, "rax %016llx rbx %016llx rcx %016llx rdx %016llx\n", r->rax, r->rbx, r->rcx, r->rdx);
	text_add(out, "rsi %016llx rdi %016llx rbp %016llx r8  %016llx\n", r->rsi, r->rdi, r->rbp, r->r8);
	text_add(out, "r9  %016llx r10 %016llx r11 %016llx r12 %016llx\n", r->r9, r->r10, r->r11, r->r12);
	text_add(out, "r13 %016llx r14 %016llx r15 %016llx\n", r->r13, r->r14, r->r15);
}

static void segment_add(struct state_text *out, const char *name, const struct kvm_segment *s)
{
	text_add(out, "%s %04x base %016llx limit %08x type %x dpl %u l %u db %u\n", name, s->selector,
		 s->base, s->limit, s->type, s->dpl, s->l, s->db);
}

static void sregs_add(struct state_text *out, const struct kvm_sregs *s)
{
	text_add(out, "cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %04llx\n", s->cr0, s->cr2, s->cr3,
		 s->cr4, s->efer);
	segment_add(out, "cs", &s->cs);
	segment_add(out, "ss", &s->ss);
	text_add(out, "gdt %016llx+%04x idt %016llx+%04x tr %04x\n", s->gdt.base, s->gdt.limit, s->idt.base,
		 s->idt.limit, s->tr.selector);
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

static void code_add(struct state_text *out, const struct vcpu *vcpu, const struct guest_memory *memory,
		     uint64_t address)
{
	uint8_t byte;
	unsigned i = 0;

	text_add(out, "code at %016llx:", (unsigned long long)address);
	for (; i < BYTES_AT_RIP && byte_read(vcpu, memory, address + i, &byte); i++)
		text_add(out, " %02x", byte);
	text_add(out, "%s", i ? "" : " not readable");
}

void vcpu_describe_state(struct vcpu *vcpu, const struct guest_memory *memory, char text[VCPU_STATE_TEXT_MAX])
{
	struct state_text out = {.text = text};
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0 || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0) {
		text_add(&out, "its registers cannot be read: %s", strerror(errno));
		return;
	}
	regs_add(&out, &regs);
	sregs_add(&out, &sregs);
	code_add(&out, vcpu, memory, sregs.cs.base + regs.rip);
}
