/*
 * PCI functions' messages that KVM sends by itself: whoever serves a queue outside of this process (vhost)
 * writes an eventfd, and no thread of ours need be woken for the interrupt (Documentation/virt/kvm/api.rst,
 * KVM_IRQFD and KVM_SET_GSI_ROUTING).
 *
 *      eventfd --KVM_IRQFD--> a line beyond the IOAPIC's --routing table--> address, data
 *
 * The table is the whole VM's: it also holds the IOAPIC's own lines as KVM lays them out, without those of
 * the old PICs, which reach no CPU (vm.h). It is first written when the first message is bound: a machine
 * that binds none pays nothing.
 *
 * Threads: any function but the first from any thread.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "hypervisor/kvm/vm.h"

#define VM_MESSAGES_MAX 64

struct vm_message {
	int eventfd; /* -1: the line is nobody's */
	uint64_t address;
	uint32_t data;
};

struct vm_messages {
	const struct vm *vm;
	pthread_mutex_t lock;
	struct vm_message lines[VM_MESSAGES_MAX];
};

void vm_messages_open(struct vm_messages *messages, const struct vm *vm);

/* From now on each write of the eventfd, which stays the caller's, sends this message, and nobody else hears
 * of the write; it must not be bound. -ENOSPC: VM_MESSAGES_MAX are; or what KVM says: then nothing has
 * changed. */
int vm_messages_bind(struct vm_messages *messages, int eventfd, uint64_t address, uint32_t data);
/* Not any more. One that is not bound stays so. */
void vm_messages_unbind(struct vm_messages *messages, int eventfd);
