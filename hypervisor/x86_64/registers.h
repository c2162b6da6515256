/*
 * The boot CPU's registers at the kernel's entry, for both ways in:
 *
 *   PVH         32-bit protected mode, flat segments, paging off, rbx = hvm_start_info  (Xen docs/misc/pvh.pandoc)
 *   64-bit      long mode, flat segments from a GDT at LAYOUT_GDT, 4 GiB mapped one to one by page tables at
 *               LAYOUT_PAGE_TABLES, rsi = boot_params          (Linux Documentation/arch/x86/boot.rst, "64-bit")
 *
 * Interrupts are off. sregs comes in as KVM reset the vCPU and keeps what is not named here (local APIC base).
 * No ioctl, no state; the 64-bit entry writes its tables into guest memory.
 */
#pragma once

#include <linux/kvm.h>
#include <stdint.h>

#include "common/guest_memory.h"

void registers_pvh(struct kvm_regs *regs, struct kvm_sregs *sregs, uint64_t rip, uint64_t start_info, uint64_t stack);

/* -EFAULT when guest memory does not reach over the tables. */
int registers_linux64(const struct guest_memory *memory, struct kvm_regs *regs, struct kvm_sregs *sregs, uint64_t rip,
		      uint64_t boot_params, uint64_t stack);
