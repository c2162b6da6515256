/*
 * What a guest's CPUID instruction says: the host's supported leaves, as KVM_GET_SUPPORTED_CPUID returns them, with
 * everything that names a place in the machine written anew for one vCPU (Intel SDM volume 2A, CPUID; AMD APM volume 3,
 * appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst).
 *
 *      0x1                    APIC id, logical CPUs, HTT, hypervisor present, TSC deadline timer
 *      0x4, 0x8000001d        which CPUs share each cache: a core's threads up to level 2, the socket above
 *      0xb, 0x1f              thread and core fields of the x2APIC id
 *      0x80000008, 0x8000001e AMD's older ways to say the same
 *      vmx, svm               not there: guests do not nest
 *      0xa and friends        no performance counters: the VM has none (KVM_PMU_CAP_DISABLE)
 *
 * All other leaves, KVM's own at 0x40000000 among them, are handed on as they came. Leaves of four zeros are left out:
 * the guest reads a missing leaf as zeros, and KVM searches its table from the front at every CPUID.
 *
 * Pure: no ioctl, no state.
 */
#pragma once

#include <linux/kvm.h>
#include <stdint.h>

#include "hypervisor/x86_64/topology.h"

#define CPUID_ENTRIES_MAX 256 /* KVM's own limit, KVM_MAX_CPUID_ENTRIES */

/* Bytes of a struct kvm_cpuid2 with room for CPUID_ENTRIES_MAX. */
#define CPUID_TABLE_SIZE (sizeof(struct kvm_cpuid2) + CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2))

/* Writes the table of vCPU `index` into guest, which has CPUID_TABLE_SIZE bytes. -E2BIG when it does not fit, -EINVAL
 * when the host's table has no leaf 0. */
int cpuid_for_vcpu(const struct kvm_cpuid2 *host, const struct cpu_topology *topology, unsigned index,
		   struct kvm_cpuid2 *guest);

/* The entry a CPUID instruction with eax = function, ecx = index reads, or NULL: it reads zeros. */
const struct kvm_cpuid_entry2 *cpuid_find(const struct kvm_cpuid2 *table, uint32_t function, uint32_t index);
