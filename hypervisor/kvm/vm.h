/*
 * One virtual machine: its memory slots, in-kernel interrupt controllers and event descriptors
 * (Documentation/virt/kvm/api.rst, VM ioctls).
 *
 * Set up by one thread before vCPUs run. The VM owns its descriptor only: memory, eventfds and vCPUs are their makers'.
 */
#pragma once

#include <stdint.h>

#include "common/guest_memory.h"
#include "hypervisor/kvm/kvm.h"

struct vm {
	int fd;
	const struct kvm *kvm;
};

/* Makes the VM with in-kernel irqchip (IOAPIC, PIC, local APICs) and PIT (speaker port answered by a dummy). */
int vm_create(struct vm *vm, const struct kvm *kvm, struct error *err);
void vm_close(struct vm *vm);

/* Allocates RAM of `size` bytes in one memfd named `name`, maps it (no reservation, no huge pages asked), lays it out
 * around the hole under 4 GiB (hypervisor/x86_64/layout.h) and makes each region a memory slot. */
int vm_memory_create(struct vm *vm, struct guest_memory *memory, uint64_t size, const char *name, struct error *err);
void vm_memory_destroy(struct guest_memory *memory); /* after vm_close */

/* An eventfd whose write raises interrupt line gsi, as an edge (KVM_IRQFD). */
int vm_irqfd(struct vm *vm, int eventfd, uint32_t gsi, struct error *err);

/* An eventfd written by the kernel when the guest stores `value`, `len` bytes wide, at `address` (KVM_IOEVENTFD). */
int vm_ioeventfd_mmio(struct vm *vm, int eventfd, uint64_t address, uint32_t len, uint64_t value, struct error *err);
