/* A vCPU's thread: KVM_RUN again and again, and the kick that ends it. */
#include "hypervisor/kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/counter.h"
#include "hypervisor/kvm/vcpu_exit.h"

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
		pthread_kill(atomic_load(&vcpu->thread), SIGRTMIN);
}

/* Whether KVM_RUN was interrupted by a kick, which is answered thereby. */
static bool kick_take(struct vcpu *vcpu)
{
	return __atomic_exchange_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

/* What to do about KVM_RUN's failure. EAGAIN is a CPU that waited for its start-up IPI and woke. */
static int failure_handle(struct vcpu *vcpu, int failure, struct error *err)
{
	switch (failure) {
	case EINTR:
		return kick_take(vcpu) ? (int)VCPU_KICKED : VCPU_CONTINUE;
	case EAGAIN:
		atomic_store(&vcpu->started, true);
		return VCPU_CONTINUE;
	case EFAULT:
	case ENOMEM:
		error_set(err, -failure,
			  "vcpu %u: the host cannot provide the guest's memory, or it was unplugged: %s",
			  vcpu->index, strerror(failure));
		return VCPU_FAULT;
	default:
		error_set(err, -failure, "vcpu %u: KVM cannot run it: %s", vcpu->index, strerror(failure));
		return VCPU_FAULT;
	}
}

static enum vcpu_exit_kind exit_kind(const struct vcpu *vcpu)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		return VCPU_EXIT_IO;
	case KVM_EXIT_MMIO:
		return VCPU_EXIT_MMIO;
	default:
		return VCPU_EXIT_OTHER;
	}
}

enum vcpu_stop vcpu_run(struct vcpu *vcpu, struct error *err)
{
	int stop = VCPU_CONTINUE;

	atomic_store(&vcpu->thread, pthread_self());
	atomic_store(&vcpu->threaded, true);
	while (stop == VCPU_CONTINUE) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			stop = failure_handle(vcpu, errno, err);
			counter_add(&vcpu->exits[VCPU_EXIT_INTERRUPTED], 1);
		} else {
			counter_add(&vcpu->exits[exit_kind(vcpu)], 1);
			stop = vcpu_exit_handle(vcpu, err);
		}
	}
	atomic_store(&vcpu->threaded, false);
	return (enum vcpu_stop)stop;
}

void vcpu_tell_paused(struct vcpu *vcpu)
{
	ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, 0); /* EINVAL: the guest has no kvmclock */
}

void vcpu_wait_for_startup(struct vcpu *vcpu)
{
	struct kvm_mp_state state = {.mp_state = KVM_MP_STATE_UNINITIALIZED};

	atomic_store(&vcpu->started, false);
	ioctl(vcpu->fd, KVM_SET_MP_STATE, &state); /* cannot fail: its APIC is in the kernel */
}
