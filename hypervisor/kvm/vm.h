/*
 * One virtual machine: its memory slots, in-kernel interrupt controllers and event descriptors
 * (Documentation/virt/kvm/api.rst, VM ioctls).
 *
 *      vm_memory_create ---> vm_create ---> vm_irqfd, vm_ioeventfd_mmio, vcpu_create ---> vcpu_run
 *             |
 *             +---> the kernel may be loaded meanwhile, on another thread
 *
 * Set up by one thread before vCPUs run; what is said to be for any thread may come later, too. The VM owns
 * its descriptor only: memory, eventfds and vCPUs are their makers'.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/guest_memory.h"
#include "hypervisor/kvm/kvm.h"
#include "hypervisor/kvm/vm_memory.h"

struct vm {
	int fd;
	const struct kvm *kvm;
};

/*
 * Makes the VM, each region of memory a slot, with in-kernel irqchip (IOAPIC, local APICs; its PICs reach no
 * CPU), without performance counters and without a PIT: a guest takes the time and its TSC's frequency from
 * kvm-clock and its timer interrupts from the local APIC, as Linux with CONFIG_KVM_GUEST does (every
 * distribution's kernel).
 *
 * The order inside is chosen: a memory slot waits for all readers of the VM's bus and slots (SRCU), and that
 * wait takes milliseconds when the interrupt controllers have just been put on the bus, microseconds before.
 */
int vm_create(struct vm *vm, const struct kvm *kvm, const struct guest_memory *memory, struct error *err);
void vm_close(struct vm *vm);

/* An eventfd whose write raises interrupt line gsi, as an edge (KVM_IRQFD). */
int vm_irqfd(struct vm *vm, int eventfd, uint32_t gsi, struct error *err);

/* The same line set high or low, for those that are level triggered (KVM_IRQ_LINE). Any thread; cannot fail
 * for a line that is there. */
void vm_irq_level(const struct vm *vm, uint32_t gsi, bool high);

/* A PCI function's message to a local APIC (KVM_SIGNAL_MSI). One that no APIC takes is lost, as on a real
 * bus. Any thread. */
void vm_signal_msi(const struct vm *vm, uint64_t address, uint32_t data);

/* An eventfd written by the kernel when the guest stores `value`, `len` bytes wide, at `address`
 * (KVM_IOEVENTFD). */
int vm_ioeventfd_mmio(struct vm *vm, int eventfd, uint64_t address, uint32_t len, uint64_t value,
		      struct error *err);

/* The same for a store of any value and width at `address`; with bind false, no longer. Any thread. */
int vm_ioeventfd_any(const struct vm *vm, int eventfd, uint64_t address, bool bind, struct error *err);
