#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/x86_64/cpuid.h"

#define INDEXED KVM_CPUID_FLAG_SIGNIFCANT_INDEX

/* What KVM says it supports on an Intel host of 2 sockets of 8 cores of 2 threads, as far as it matters here.
 */
static const struct kvm_cpuid_entry2 intel[] = {
	{.function = 0x0, .eax = 0x1f, .ebx = 0x756e6547, .ecx = 0x6c65746e, .edx = 0x49656e69},
	{.function = 0x1, .eax = 0x806f8, .ebx = 0x11100800, .ecx = 0x0000ffff | 1 << 27, .edx = 0xffffffff},
	{.function = 0x4,
	 .index = 0,
	 .flags = INDEXED,
	 .eax = 0x7c004121 | 1 << 14,
	 .ebx = 0x02c0003f,
	 .ecx = 0x3f},
	{.function = 0x4, .index = 1, .flags = INDEXED, .eax = 0x7c004122, .ebx = 0x01c0003f, .ecx = 0x3f},
	{.function = 0x4, .index = 2, .flags = INDEXED, .eax = 0x7c004143, .ebx = 0x03c0003f, .ecx = 0x7ff},
	{.function = 0x4, .index = 3, .flags = INDEXED, .eax = 0x7c07c163, .ebx = 0x03c0003f, .ecx = 0x17fff},
	{.function = 0x4, .index = 4, .flags = INDEXED},
	{.function = 0x7, .flags = INDEXED, .ebx = 0x1234},
	{.function = 0xa, .eax = 0x07300805, .edx = 0x8603},
	{.function = 0xb, .index = 0, .flags = INDEXED, .edx = 0x11},
	{.function = 0x1f, .index = 0, .flags = INDEXED, .edx = 0x11},
	{.function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b, .ecx = 0x564b4d56, .edx = 0x4d},
	{.function = 0x40000001, .eax = 0x01007efb},
	{.function = 0x80000000, .eax = 0x80000008},
	{.function = 0x80000001, .ecx = 0x121, .edx = 0x2c100800},
	{.function = 0x80000008, .eax = 0x3030},
};

/* An AMD host of 64 cores of 2 threads. */
static const struct kvm_cpuid_entry2 amd[] = {
	{.function = 0x0, .eax = 0x10, .ebx = 0x68747541, .ecx = 0x444d4163, .edx = 0x69746e65},
	{.function = 0x1, .eax = 0xa10f11, .ebx = 0x33800800, .ecx = 0x80202000, .edx = 0x078bfbff},
	{.function = 0x4, .index = 0, .flags = INDEXED},
	{.function = 0xb, .index = 0, .flags = INDEXED, .edx = 0x33},
	{.function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b, .ecx = 0x564b4d56, .edx = 0x4d},
	{.function = 0x80000000, .eax = 0x80000022, .ebx = 0x68747541, .ecx = 0x444d4163, .edx = 0x69746e65},
	{.function = 0x80000001, .ecx = 0x00400393 | 1 << 23 | 1 << 24 | 1 << 28, .edx = 0x23d3fbff},
	{.function = 0x80000008, .eax = 0x3030, .ecx = 0x707f},
	{.function = 0x8000001d, .index = 0, .flags = INDEXED, .eax = 0x4121, .ebx = 0x1c0003f, .ecx = 0x3f},
	{.function = 0x8000001d, .index = 1, .flags = INDEXED, .eax = 0x4122, .ebx = 0x1c0003f, .ecx = 0x3f},
	{.function = 0x8000001d, .index = 2, .flags = INDEXED, .eax = 0x4143, .ebx = 0x1c0003f, .ecx = 0x7ff},
	{.function = 0x8000001d,
	 .index = 3,
	 .flags = INDEXED,
	 .eax = 0x3c163,
	 .ebx = 0x3c0003f,
	 .ecx = 0x7fff},
	{.function = 0x8000001e},
	{.function = 0x80000022, .eax = 1, .ebx = 6},
};

static struct kvm_cpuid2 *table_make(const struct kvm_cpuid_entry2 *entries, unsigned count)
{
	struct kvm_cpuid2 *table = calloc(1, CPUID_TABLE_SIZE);

	table->nent = count;
	if (count)
		memcpy(table->entries, entries, count * sizeof(*entries));
	return table;
}

/* The guest's table of one vCPU; in static memory, good until the next. */
static const struct kvm_cpuid2 *guest_table(const struct kvm_cpuid_entry2 *entries, unsigned count,
					    struct cpu_topology topology, unsigned index)
{
	static union {
		struct kvm_cpuid2 table;
		uint8_t room[CPUID_TABLE_SIZE];
	} guest;
	struct kvm_cpuid2 *host = table_make(entries, count);

	cr_assert_eq(cpuid_for_vcpu(host, &topology, index, &guest.table), 0);
	free(host);
	return &guest.table;
}

#define ON_INTEL(topology, index) guest_table(intel, ARRAY_SIZE(intel), topology, index)
#define ON_AMD(topology, index)   guest_table(amd, ARRAY_SIZE(amd), topology, index)
#define TOPOLOGY(...)             ((struct cpu_topology){__VA_ARGS__})

static struct kvm_cpuid_entry2 leaf(const struct kvm_cpuid2 *table, uint32_t function, uint32_t index)
{
	const struct kvm_cpuid_entry2 *found = cpuid_find(table, function, index);

	return found ? *found : (struct kvm_cpuid_entry2){0};
}

static uint32_t bits(uint32_t value, unsigned high, unsigned low)
{
	return value >> low & (uint32_t)((1ULL << (high - low + 1)) - 1);
}

Test(cpuid, features_carry_apic_id_and_hypervisor)
{
	struct kvm_cpuid_entry2 features = leaf(ON_INTEL(TOPOLOGY(2, 3, 1), 4), 0x1, 0);

	cr_assert_eq(bits(features.ebx, 31, 24), 5, "the second socket begins at 4");
	cr_assert_eq(bits(features.ebx, 15, 8), 8, "CLFLUSH size is the host's");
	cr_assert(features.ecx & 1U << 31);
	cr_assert(features.ecx & 1U << 24, "TSC deadline");
	cr_assert_not(features.ecx & 1U << 27, "OSXSAVE follows the guest's CR4");
}

Test(cpuid, single_cpu_has_no_htt)
{
	cr_assert_not(leaf(ON_INTEL(TOPOLOGY(4, 1, 1), 2), 0x1, 0).edx & 1U << 28);
	cr_assert_not(leaf(ON_AMD(TOPOLOGY(4, 1, 1), 2), 0x1, 0).edx & 1U << 28);
	cr_assert_not(leaf(ON_AMD(TOPOLOGY(4, 1, 1), 2), 0x80000001, 0).ecx & 2);
}

Test(cpuid, several_cpus_a_socket_have_htt)
{
	cr_assert(leaf(ON_INTEL(TOPOLOGY(1, 1, 2), 0), 0x1, 0).edx & 1U << 28);
	cr_assert(leaf(ON_AMD(TOPOLOGY(1, 3, 1), 0), 0x1, 0).edx & 1U << 28);
	cr_assert(leaf(ON_AMD(TOPOLOGY(1, 3, 1), 0), 0x80000001, 0).ecx & 2);
}

Test(cpuid, logical_count_is_ids_on_intel_and_cpus_on_amd)
{
	cr_assert_eq(bits(leaf(ON_INTEL(TOPOLOGY(1, 5, 5), 0), 0x1, 0).ebx, 23, 16), 64);
	cr_assert_eq(bits(leaf(ON_AMD(TOPOLOGY(1, 5, 5), 0), 0x1, 0).ebx, 23, 16), 25);
}

/* What every topology must say, whatever the host. */
static void levels_check(const struct kvm_cpuid2 *table, uint32_t function,
			 const struct cpu_topology *topology, unsigned index)
{
	struct kvm_cpuid_entry2 thread = leaf(table, function, 0);
	struct kvm_cpuid_entry2 core = leaf(table, function, 1);
	struct kvm_cpuid_entry2 end = leaf(table, function, 2);
	uint32_t id = topology_apic_id(topology, index);

	cr_assert_eq(thread.ecx, 1 << 8 | 0);
	cr_assert_eq(core.ecx, 2 << 8 | 1);
	cr_assert_eq(end.ecx, 2);
	cr_assert_eq(thread.ebx, topology->threads);
	cr_assert_eq(core.ebx, topology->threads * topology->cores);
	cr_assert_eq(end.ebx, 0);
	cr_assert(thread.edx == id && core.edx == id && end.edx == id);
	cr_assert_eq(id >> core.eax, index / (topology->cores * topology->threads), "the socket");
	cr_assert_eq((id & ((1U << core.eax) - 1)) >> thread.eax, index / topology->threads % topology->cores,
		     "the core");
	cr_assert_eq(id & ((1U << thread.eax) - 1), index % topology->threads, "the thread");
}

Test(cpuid, levels_tell_socket_core_and_thread_for_any_count)
{
	for (unsigned cores = 1; cores <= 7; cores++) {
		for (unsigned threads = 1; threads <= 3; threads++) {
			struct cpu_topology topology = {2, cores, threads};

			for (unsigned i = 0; i < topology_vcpus(&topology); i++) {
				levels_check(ON_INTEL(topology, i), 0xb, &topology, i);
				levels_check(ON_INTEL(topology, i), 0x1f, &topology, i);
				levels_check(ON_AMD(topology, i), 0xb, &topology, i);
			}
		}
	}
}

Test(cpuid, host_without_leaf_1f_gives_none)
{
	cr_assert_null(cpuid_find(ON_AMD(TOPOLOGY(1, 2, 1), 0), 0x1f, 0));
	cr_assert_eq(leaf(ON_AMD(TOPOLOGY(1, 2, 1), 0), 0x0, 0).eax, 0x10);
}

Test(cpuid, host_without_leaf_b_is_given_one)
{
	struct kvm_cpuid_entry2 old[] = {amd[0], amd[1]};
	const struct kvm_cpuid2 *table;

	old[0].eax = 0x7;
	table = guest_table(old, 2, TOPOLOGY(1, 2, 1), 1);
	cr_assert_eq(leaf(table, 0x0, 0).eax, 0xb);
	cr_assert_eq(leaf(table, 0xb, 1).ebx, 2);
}

Test(cpuid, intel_caches_are_shared_by_core_and_socket)
{
	const struct kvm_cpuid2 *table = ON_INTEL(TOPOLOGY(2, 3, 2), 0);

	for (unsigned cache = 0; cache < 3; cache++)
		cr_assert_eq(bits(leaf(table, 0x4, cache).eax, 25, 14), 1, "a core's two threads");
	cr_assert_eq(bits(leaf(table, 0x4, 3).eax, 25, 14), 7, "eight ids a socket");
	for (unsigned cache = 0; cache < 4; cache++)
		cr_assert_eq(bits(leaf(table, 0x4, cache).eax, 31, 26), 3, "four core ids a socket");
	cr_assert_eq(bits(leaf(table, 0x4, 3).eax, 13, 0), bits(intel[5].eax, 13, 0));
	cr_assert_eq(leaf(table, 0x4, 3).ecx, intel[5].ecx, "size is the host's");
	cr_assert_null(cpuid_find(table, 0x4, 4));
}

Test(cpuid, amd_caches_are_shared_by_core_and_socket)
{
	const struct kvm_cpuid2 *table = ON_AMD(TOPOLOGY(1, 7, 1), 0);

	for (unsigned cache = 0; cache < 3; cache++)
		cr_assert_eq(bits(leaf(table, 0x8000001d, cache).eax, 25, 14), 0);
	cr_assert_eq(bits(leaf(table, 0x8000001d, 3).eax, 25, 14), 7);
	cr_assert_null(cpuid_find(table, 0x4, 0));
}

Test(cpuid, fields_too_small_for_the_count_are_full_not_wrapped)
{
	const struct kvm_cpuid2 *table = ON_INTEL(TOPOLOGY(1, 1024, 8), 0);

	cr_assert_eq(bits(leaf(table, 0x1, 0).ebx, 23, 16), 0xff);
	cr_assert_eq(bits(leaf(table, 0x4, 3).eax, 25, 14), 0xfff);
	cr_assert_eq(bits(leaf(table, 0x4, 3).eax, 31, 26), 0x3f);
	table = ON_AMD(TOPOLOGY(1, 1024, 8), 0);
	cr_assert_eq(bits(leaf(table, 0x80000008, 0).ecx, 7, 0), 0xff);
	cr_assert_eq(bits(leaf(table, 0x80000008, 0).ecx, 15, 12), 13);
}

Test(cpuid, amd_sizes_count_threads_and_id_bits)
{
	struct kvm_cpuid_entry2 sizes = leaf(ON_AMD(TOPOLOGY(2, 3, 2), 0), 0x80000008, 0);

	cr_assert_eq(sizes.ecx, 3 << 12 | 5);
	cr_assert_eq(sizes.eax, 0x3030);
	cr_assert_eq(leaf(ON_INTEL(TOPOLOGY(2, 3, 2), 0), 0x80000008, 0).ecx, 0, "reserved on Intel");
}

Test(cpuid, amd_extended_topology_places_the_cpu)
{
	struct kvm_cpuid_entry2 place = leaf(ON_AMD(TOPOLOGY(2, 3, 2), 11), 0x8000001e, 0);

	cr_assert_eq(place.eax, 1 << 3 | 2 << 1 | 1);
	cr_assert_eq(bits(place.ebx, 7, 0), 2, "the core");
	cr_assert_eq(bits(place.ebx, 15, 8), 1, "threads of a core less one");
	cr_assert_eq(place.ecx, 1, "the socket's node");
}

Test(cpuid, performance_counters_are_gone)
{
	const struct kvm_cpuid2 *table = ON_INTEL(TOPOLOGY(1, 1, 1), 0);

	cr_assert_null(cpuid_find(table, 0xa, 0));
	cr_assert_not(leaf(table, 0x1, 0).ecx & (1U << 15 | 1U << 2));
	cr_assert_not(leaf(table, 0x1, 0).edx & 1U << 21);
	table = ON_AMD(TOPOLOGY(1, 1, 1), 0);
	cr_assert_null(cpuid_find(table, 0x80000022, 0));
	cr_assert_eq(leaf(table, 0x80000001, 0).ecx, 0x00400391);
}

Test(cpuid, hypervisor_leaves_are_kvms)
{
	const struct kvm_cpuid2 *table = ON_INTEL(TOPOLOGY(1, 1, 1), 0);

	cr_assert_eq(leaf(table, 0x40000000, 0).ebx, 0x4b4d564b);
	cr_assert_eq(leaf(table, 0x40000001, 0).eax, 0x01007efb);
}

Test(cpuid, other_leaves_pass_and_empty_ones_are_left_out)
{
	const struct kvm_cpuid2 *table = ON_INTEL(TOPOLOGY(1, 1, 1), 0);

	cr_assert_eq(leaf(table, 0x7, 0).ebx, 0x1234);
	for (unsigned i = 0; i < table->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &table->entries[i];

		cr_assert_neq(e->eax | e->ebx | e->ecx | e->edx, 0);
	}
}

Test(cpuid, table_without_a_vendor_is_refused)
{
	struct kvm_cpuid2 *host = table_make(NULL, 0);
	struct kvm_cpuid2 *guest = table_make(NULL, 0);

	cr_assert_eq(cpuid_for_vcpu(host, &TOPOLOGY(1, 1, 1), 0, guest), -EINVAL);
	free(host);
	free(guest);
}

Test(cpuid, full_table_is_refused_not_overrun)
{
	struct kvm_cpuid2 *host = table_make(amd, 1);
	struct kvm_cpuid2 *guest = table_make(NULL, 0);

	for (host->nent = 1; host->nent < CPUID_ENTRIES_MAX; host->nent++)
		host->entries[host->nent] = (struct kvm_cpuid_entry2){.function = 0x20, .eax = 1};
	cr_assert_eq(cpuid_for_vcpu(host, &TOPOLOGY(1, 1, 1), 0, guest), -E2BIG);
	free(host);
	free(guest);
}
