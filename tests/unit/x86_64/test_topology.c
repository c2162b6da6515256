#include <criterion/criterion.h>

#include "hypervisor/x86_64/topology.h"

Test(topology, one_cpu_needs_no_bits)
{
	struct cpu_topology topology = {1, 1, 1};

	cr_assert_eq(topology_vcpus(&topology), 1);
	cr_assert_eq(topology_thread_bits(&topology), 0);
	cr_assert_eq(topology_core_bits(&topology), 0);
	cr_assert_eq(topology_apic_id(&topology, 0), 0);
}

Test(topology, powers_of_two_have_no_gaps)
{
	struct cpu_topology topology = {2, 4, 2};

	cr_assert_eq(topology_thread_bits(&topology), 1);
	cr_assert_eq(topology_core_bits(&topology), 3);
	for (unsigned i = 0; i < topology_vcpus(&topology); i++)
		cr_assert_eq(topology_apic_id(&topology, i), i);
}

Test(topology, widths_round_up_and_leave_gaps)
{
	struct cpu_topology topology = {2, 3, 1};
	const uint32_t ids[] = {0, 1, 2, 4, 5, 6};

	cr_assert_eq(topology_core_bits(&topology), 2);
	for (unsigned i = 0; i < 6; i++)
		cr_assert_eq(topology_apic_id(&topology, i), ids[i]);
}

Test(topology, each_level_rounds_up_by_itself)
{
	struct cpu_topology topology = {1, 5, 3};

	cr_assert_eq(topology_thread_bits(&topology), 2);
	cr_assert_eq(topology_core_bits(&topology), 5);
	cr_assert_eq(topology_apic_id(&topology, 2), 2);
	cr_assert_eq(topology_apic_id(&topology, 3), 4);
	cr_assert_eq(topology_apic_id(&topology, 14), 4 << 2 | 2);
}

Test(topology, no_two_cpus_share_an_apic_id)
{
	for (unsigned sockets = 1; sockets <= 3; sockets++) {
		for (unsigned cores = 1; cores <= 7; cores++) {
			for (unsigned threads = 1; threads <= 3; threads++) {
				struct cpu_topology topology = {sockets, cores, threads};

				for (unsigned i = 1; i < topology_vcpus(&topology); i++)
					cr_assert_gt(topology_apic_id(&topology, i),
						     topology_apic_id(&topology, i - 1));
			}
		}
	}
}
