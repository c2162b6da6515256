/*
 * How the guest's CPUs are arranged, as the guest reads it from CPUID. Sockets x cores x threads is the vCPU count;
 * any count works (3 cores, 7 threads): widths of APIC id fields are rounded up, so APIC ids may have gaps.
 */
#pragma once

#include <stdint.h>

struct cpu_topology {
	unsigned sockets;
	unsigned cores;   /* a socket */
	unsigned threads; /* a core */
};

static inline unsigned topology_vcpus(const struct cpu_topology *topology)
{
	return topology->sockets * topology->cores * topology->threads;
}

/* The APIC id of vCPU `index`, the one in its CPUID leaves and in the MADT. */
uint32_t topology_apic_id(const struct cpu_topology *topology, unsigned index);
/* Bits that select the thread in a core, and thread and core in a socket. */
unsigned topology_thread_bits(const struct cpu_topology *topology);
unsigned topology_core_bits(const struct cpu_topology *topology);
