/*
 * One virtual CPU (Documentation/virt/kvm/api.rst, vcpu ioctls).
 *
 * vcpu_create may run on any thread; vcpu_run always on the vCPU's own thread, the only one to touch `run` and the
 * registers; vcpu_kick from any thread.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/boot/boot.h"
#include "hypervisor/kvm/vm.h"
#include "hypervisor/x86_64/topology.h"

struct kvm_run;

/* Where a vCPU's port and memory accesses go. Called on vCPU threads; must not block. */
struct vcpu_io {
	void *owner;
	void (*port_read)(void *owner, uint16_t port, uint8_t *data, uint32_t len);
	void (*port_write)(void *owner, uint16_t port, const uint8_t *data, uint32_t len);
	void (*mmio_read)(void *owner, uint64_t address, uint8_t *data, uint32_t len);
	void (*mmio_write)(void *owner, uint64_t address, const uint8_t *data, uint32_t len);
};

/* Why vcpu_run came back. */
enum vcpu_stop {
	VCPU_KICKED,       /* vcpu_kick */
	VCPU_TRIPLE_FAULT, /* KVM_EXIT_SHUTDOWN */
	VCPU_RESET,        /* KVM_EXIT_SYSTEM_EVENT reset */
	VCPU_POWER_OFF,    /* KVM_EXIT_SYSTEM_EVENT shutdown */
	VCPU_CRASH,        /* KVM_EXIT_SYSTEM_EVENT crash */
	VCPU_HALTED,       /* KVM_EXIT_HLT; with an in-kernel irqchip only a VM without one sees it */
	VCPU_FAULT,        /* KVM cannot go on: internal error, failed entry, unknown exit; `err` says which */
};

/* Why KVM_RUN came back. */
enum vcpu_exit_kind {
	VCPU_EXIT_IO,          /* a port */
	VCPU_EXIT_MMIO,        /* an address where no memory is */
	VCPU_EXIT_INTERRUPTED, /* by a signal of ours */
	VCPU_EXIT_OTHER,
	VCPU_EXIT_KINDS,
};

struct vcpu {
	int fd;
	unsigned index; /* 0 is the boot CPU */
	struct kvm_run *run;
	const struct kvm *kvm;
	const struct vcpu_io *io;
	_Atomic pthread_t thread; /* set by vcpu_run, for vcpu_kick */
	atomic_bool threaded;     /* thread is valid */
	atomic_bool started;      /* one that waited for its start-up IPI has got it */
	_Atomic uint64_t exits[VCPU_EXIT_KINDS]; /* returns of KVM_RUN, written by the vCPU's thread, read by any */
};

/* Makes vCPU `index`, with CPUID for its place in the topology and the MSRs Linux expects. The boot CPU still needs
 * vcpu_set_entry; the others wait for the guest's start-up IPI. */
int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned index, const struct cpu_topology *topology,
		const struct vcpu_io *io, struct error *err);
void vcpu_close(struct vcpu *vcpu);

/* Registers as the boot protocol wants them (hypervisor/x86_64/registers.h works them out); the 64-bit entry's page
 * tables and GDT go into guest memory. */
int vcpu_set_entry(struct vcpu *vcpu, const struct guest_memory *memory, const struct boot_entry *entry,
		   struct error *err);

/* Runs until something ends it; port and memory accesses go to io meanwhile. On VCPU_FAULT err holds one sentence. */
enum vcpu_stop vcpu_run(struct vcpu *vcpu, struct error *err);

/* Makes a running vcpu_run, or else the next one, return VCPU_KICKED soon (immediate_exit and SIGRTMIN). A kick is never
 * lost; several before the return count as one. Nobody may kick any more once the vCPU's thread is joined. */
void vcpu_kick(struct vcpu *vcpu);
/* Installs the empty SIGRTMIN handler that kicks need; once a process, before the first vCPU thread. */
int vcpu_signals_init(struct error *err);

#define VCPU_STATE_TEXT_MAX 2048

/* Registers, control registers and the bytes at RIP as lines of text, as far as they can be read. vCPU's thread. After a
 * triple fault on AMD they are those of a CPU just reset: the hardware keeps no others. */
void vcpu_describe_state(struct vcpu *vcpu, const struct guest_memory *memory,
			 char text[VCPU_STATE_TEXT_MAX]);

/* As a processor that was just put in: it waits for its start-up IPI (KVM_SET_MP_STATE). vCPU's thread, not in
 * vcpu_run. */
void vcpu_wait_for_startup(struct vcpu *vcpu);

/* After a pause: tells the guest's clock source that the vCPU stood still, so that its watchdogs are content
 * (KVM_KVMCLOCK_CTRL; a guest without kvmclock has none to tell). vCPU's thread. */
void vcpu_tell_paused(struct vcpu *vcpu);
