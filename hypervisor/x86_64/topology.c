#include "hypervisor/x86_64/topology.h"

/* Bits that number `count` things: 0 for 1, 2 for 3 and 4. */
static unsigned bits_for(unsigned count)
{
	unsigned bits = 0;

	while (bits < 31 && (1U << bits) < count)
		bits++;
	return bits;
}

unsigned topology_thread_bits(const struct cpu_topology *topology)
{
	return bits_for(topology->threads);
}

unsigned topology_core_bits(const struct cpu_topology *topology)
{
	return topology_thread_bits(topology) + bits_for(topology->cores);
}

uint32_t topology_apic_id(const struct cpu_topology *topology, unsigned index)
{
	unsigned thread = index % topology->threads;
	unsigned core = index / topology->threads % topology->cores;
	unsigned socket = index / topology->threads / topology->cores;

	return socket << topology_core_bits(topology) | core << topology_thread_bits(topology) | thread;
}
