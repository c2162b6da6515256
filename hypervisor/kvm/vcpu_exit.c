#include "hypervisor/kvm/vcpu_exit.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

/* rep ins and rep outs come as `count` accesses of the same port. */
static int exit_io(struct vcpu *vcpu)
{
	const struct vcpu_io *io = vcpu->io;
	struct kvm_run *run = vcpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t len = run->io.size;

	if (run->io.direction == KVM_EXIT_IO_IN)
		memset(data, 0xff, (size_t)len * run->io.count); /* what an empty bus reads as */
	for (uint32_t i = 0; i < run->io.count; i++, data += len) {
		if (run->io.direction == KVM_EXIT_IO_IN)
			io->port_read(io->owner, run->io.port, data, len);
		else
			io->port_write(io->owner, run->io.port, data, len);
	}
	return VCPU_CONTINUE;
}

static int exit_mmio(struct vcpu *vcpu)
{
	const struct vcpu_io *io = vcpu->io;
	struct kvm_run *run = vcpu->run;

	if (run->mmio.is_write) {
		io->mmio_write(io->owner, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
	} else {
		memset(run->mmio.data, 0xff, run->mmio.len);
		io->mmio_read(io->owner, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
	}
	return VCPU_CONTINUE;
}

static int exit_system_event(const struct vcpu *vcpu, struct error *err)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		return VCPU_POWER_OFF;
	case KVM_SYSTEM_EVENT_RESET:
		return VCPU_RESET;
	case KVM_SYSTEM_EVENT_CRASH:
		return VCPU_CRASH;
	default:
		error_set(err, -EIO, "vcpu %u: KVM reports a system event that is not known here (type %u)",
			  vcpu->index, vcpu->run->system_event.type);
		return VCPU_FAULT;
	}
}

static int exit_fail_entry(const struct vcpu *vcpu, struct error *err)
{
	error_set(err, -EIO,
		  "vcpu %u: the CPU refuses to enter the guest (hardware reason 0x%llx, on host CPU %u)",
		  vcpu->index, vcpu->run->fail_entry.hardware_entry_failure_reason,
		  vcpu->run->fail_entry.cpu);
	return VCPU_FAULT;
}

/* "0f 01 d0", as far as text has room. */
static const char *bytes_format(const uint8_t *bytes, unsigned count, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < count && used + 4 <= size; i++)
		used += (size_t)snprintf(text + used, size - used, i ? " %02x" : "%02x", bytes[i]);
	return text;
}

/* The instruction that KVM's emulator does not know, where KVM tells it. */
static void emulation_failed(const struct vcpu *vcpu, struct error *err)
{
	const __typeof__(vcpu->run->emulation_failure) *failure = &vcpu->run->emulation_failure;
	char text[3 * sizeof(failure->insn_bytes) + 1];
	bool known =
		failure->ndata >= 1 + (1 + sizeof(failure->insn_bytes)) / 8 /* flags; size and bytes */ &&
		(failure->flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);

	if (!known) {
		error_set(err, -EIO, "vcpu %u: KVM cannot emulate an instruction of the guest", vcpu->index);
		return;
	}
	bytes_format(failure->insn_bytes,
		     MIN((unsigned)failure->insn_size, (unsigned)sizeof(failure->insn_bytes)), text,
		     sizeof(text));
	error_set(err, -EIO, "vcpu %u: KVM cannot emulate the guest's instruction %s", vcpu->index, text);
}

static int exit_internal_error(const struct vcpu *vcpu, struct error *err)
{
	const __typeof__(vcpu->run->internal) *internal = &vcpu->run->internal;
	unsigned count = MIN(internal->ndata, (uint32_t)ARRAY_SIZE(internal->data));
	char data[sizeof(err->text) / 2] = "";
	size_t used = 0;

	if (internal->suberror == KVM_INTERNAL_ERROR_EMULATION) {
		emulation_failed(vcpu, err);
		return VCPU_FAULT;
	}
	for (unsigned i = 0; i < count && used < sizeof(data); i++)
		used += (size_t)snprintf(data + used, sizeof(data) - used, " 0x%llx", internal->data[i]);
	error_set(err, -EIO, "vcpu %u: KVM gives up with internal error %u%s%s", vcpu->index,
		  internal->suberror, count ? ", data" : "", data);
	return VCPU_FAULT;
}

int vcpu_exit_handle(struct vcpu *vcpu, struct error *err)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		return exit_io(vcpu);
	case KVM_EXIT_MMIO:
		return exit_mmio(vcpu);
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return VCPU_CONTINUE;
	case KVM_EXIT_HLT:
		return VCPU_HALTED;
	case KVM_EXIT_SHUTDOWN:
		return VCPU_TRIPLE_FAULT;
	case KVM_EXIT_SYSTEM_EVENT:
		return exit_system_event(vcpu, err);
	case KVM_EXIT_FAIL_ENTRY:
		return exit_fail_entry(vcpu, err);
	case KVM_EXIT_INTERNAL_ERROR:
		return exit_internal_error(vcpu, err);
	default:
		error_set(err, -EIO, "vcpu %u: KVM comes back for a reason that is not known here (%u)",
			  vcpu->index, vcpu->run->exit_reason);
		return VCPU_FAULT;
	}
}
