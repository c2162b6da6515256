/* A vCPU's thread: KVM_RUN, and what to do about each reason for which it comes back (api.rst, chapter 5). */
#include "hypervisor/kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/util.h"

#define CONTINUE (-1) /* in place of an enum vcpu_stop: enter the guest again */

static void signal_ignored(int number)
{
	(void)number; /* arriving is all it has to do: KVM_RUN returns */
}

int vcpu_signals_init(struct error *err)
{
	struct sigaction action = {.sa_handler = signal_ignored};

	if (sigaction(SIGRTMIN, &action, NULL) < 0)
		return error_set(err, -errno, "cannot set the handler of the signal that stops vCPUs: %m");
	return 0;
}

/*
 * No kick is lost, whenever it comes. immediate_exit is set first: a KVM_RUN that has not begun returns at
 * once. The signal is for one that has. And where `threaded` does not show here yet, vcpu_run, which sets it
 * before its first KVM_RUN, will find immediate_exit set: all four accesses are in one total order.
 */
void vcpu_kick(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	if (atomic_load(&vcpu->threaded))
		pthread_kill(vcpu->thread, SIGRTMIN);
}

/* Whether KVM_RUN was interrupted by a kick, which is answered thereby. */
static bool kick_take(struct vcpu *vcpu)
{
	return __atomic_exchange_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

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
	return CONTINUE;
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
	return CONTINUE;
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

/* What to do about KVM_RUN's return with 0: an enum vcpu_stop or CONTINUE. */
static int exit_handle(struct vcpu *vcpu, struct error *err)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		return exit_io(vcpu);
	case KVM_EXIT_MMIO:
		return exit_mmio(vcpu);
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return CONTINUE;
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

/* What to do about KVM_RUN's failure. EAGAIN is a CPU that waited for its start-up IPI and woke. */
static int failure_handle(struct vcpu *vcpu, int failure, struct error *err)
{
	switch (failure) {
	case EINTR:
		return kick_take(vcpu) ? (int)VCPU_KICKED : CONTINUE;
	case EAGAIN:
		return CONTINUE;
	case EFAULT:
	case ENOMEM:
		error_set(err, -failure, "vcpu %u: the host cannot provide the guest's memory: %s",
			  vcpu->index, strerror(failure));
		return VCPU_FAULT;
	default:
		error_set(err, -failure, "vcpu %u: KVM cannot run it: %s", vcpu->index, strerror(failure));
		return VCPU_FAULT;
	}
}

enum vcpu_stop vcpu_run(struct vcpu *vcpu, struct error *err)
{
	int stop = CONTINUE;

	vcpu->thread = pthread_self();
	atomic_store(&vcpu->threaded, true);
	while (stop == CONTINUE) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0)
			stop = failure_handle(vcpu, errno, err);
		else
			stop = exit_handle(vcpu, err);
		vcpu->exits++;
	}
	atomic_store(&vcpu->threaded, false);
	return (enum vcpu_stop)stop;
}
