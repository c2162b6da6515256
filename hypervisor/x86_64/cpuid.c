#include "hypervisor/x86_64/cpuid.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/util.h"

#define LEAF_VENDOR            0x0
#define LEAF_FEATURES          0x1
#define LEAF_CACHE_INTEL       0x4
#define LEAF_PERFMON_INTEL     0xa
#define LEAF_TOPOLOGY          0xb
#define LEAF_LBR_INTEL         0x1c
#define LEAF_TOPOLOGY_V2       0x1f
#define LEAF_VENDOR_EXTENDED   0x80000000
#define LEAF_FEATURES_EXTENDED 0x80000001
#define LEAF_ADDRESS_SIZES     0x80000008
#define LEAF_SVM               0x8000000a
#define LEAF_CACHE_AMD         0x8000001d
#define LEAF_TOPOLOGY_AMD      0x8000001e
#define LEAF_PERFMON_AMD       0x80000022
#define LEAF_TOPOLOGY_AMD_V2   0x80000026

/* Leaf 0x1 */
#define FEATURES_EBX_LOGICAL_SHIFT 16
#define FEATURES_EBX_APIC_ID_SHIFT 24
#define FEATURES_EBX_KEEP          0x0000ffffU /* brand index, CLFLUSH line size */
#define FEATURES_ECX_DTES64        (1U << 2)   /* debug store: needs performance counters */
#define FEATURES_ECX_VMX           (1U << 5)
#define FEATURES_ECX_PDCM          (1U << 15)  /* performance capabilities MSR */
#define FEATURES_ECX_TSC_DEADLINE  (1U << 24)
#define FEATURES_ECX_OSXSAVE       (1U << 27) /* mirrors the guest's CR4: KVM keeps it */
#define FEATURES_ECX_HYPERVISOR    (1U << 31)
#define FEATURES_EDX_DS            (1U << 21)
#define FEATURES_EDX_HTT           (1U << 28)

/* Leaves 0x4 and 0x8000001d, EAX */
#define CACHE_TYPE(eax)     ((eax)&0x1f)
#define CACHE_LEVEL(eax)    ((eax) >> 5 & 0x7)
#define CACHE_KEEP          0x00003fffU
#define CACHE_SHARING_SHIFT 14
#define CACHE_SHARING_MAX   0xfffU
#define CACHE_CORES_SHIFT   26
#define CACHE_CORES_MAX     0x3fU
#define CACHE_LEVEL_SOCKET  3 /* from this level on, a socket's cores share a cache */

/* Leaves 0xb and 0x1f, ECX */
#define LEVEL_TYPE_SHIFT  8
#define LEVEL_TYPE_NONE   0
#define LEVEL_TYPE_THREAD 1
#define LEVEL_TYPE_CORE   2

/* Leaf 0x80000001, ECX */
#define EXTENDED_ECX_CMP_LEGACY   (1U << 1)
#define EXTENDED_ECX_SVM          (1U << 2)
#define EXTENDED_ECX_TOPOEXT      (1U << 22) /* leaves 0x8000001d and 0x8000001e are there */
#define EXTENDED_ECX_PERFCTR_CORE (1U << 23)
#define EXTENDED_ECX_PERFCTR_NB   (1U << 24)
#define EXTENDED_ECX_PERFCTR_LLC  (1U << 28)

/* Leaf 0x80000008, ECX */
#define SIZES_ECX_THREADS_MAX   0xffU
#define SIZES_ECX_ID_SIZE_SHIFT 12
#define SIZES_ECX_ID_SIZE_MAX   0xfU

/* Leaf 0x8000001e */
#define AMD_EBX_THREADS_SHIFT 8

/* One vCPU's place, worked out once. */
struct place {
	bool amd;
	uint32_t apic_id;
	unsigned threads; /* a core */
	unsigned logical; /* a socket */
	unsigned core;    /* in its socket */
	unsigned socket;
	unsigned thread_bits;
	unsigned core_bits; /* thread and core */
};

static bool vendor_is(const struct kvm_cpuid_entry2 *leaf, const char text[12])
{
	return memcmp(&leaf->ebx, text, 4) == 0 && memcmp(&leaf->edx, text + 4, 4) == 0 &&
	       memcmp(&leaf->ecx, text + 8, 4) == 0;
}

static void place_init(struct place *place, const struct kvm_cpuid_entry2 *vendor,
		       const struct cpu_topology *topology, unsigned index)
{
	*place = (struct place){
		.amd = vendor_is(vendor, "AuthenticAMD") || vendor_is(vendor, "HygonGenuine"),
		.apic_id = topology_apic_id(topology, index),
		.threads = topology->threads,
		.logical = topology->cores * topology->threads,
		.core = index / topology->threads % topology->cores,
		.socket = index / topology->threads / topology->cores,
		.thread_bits = topology_thread_bits(topology),
		.core_bits = topology_core_bits(topology),
	};
}

static void patch_vendor(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	(void)place;
	leaf->eax = MAX(leaf->eax, (uint32_t)LEAF_TOPOLOGY);
}

static void patch_features(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	/* Intel counts the ids a socket reserves, AMD the CPUs that are there. */
	unsigned logical = place->amd ? place->logical : 1U << place->core_bits;

	leaf->ebx = (leaf->ebx & FEATURES_EBX_KEEP) | MIN(logical, 0xffU) << FEATURES_EBX_LOGICAL_SHIFT |
		    place->apic_id << FEATURES_EBX_APIC_ID_SHIFT;
	leaf->ecx &= ~(FEATURES_ECX_DTES64 | FEATURES_ECX_VMX | FEATURES_ECX_PDCM | FEATURES_ECX_OSXSAVE);
	leaf->ecx |= FEATURES_ECX_HYPERVISOR | FEATURES_ECX_TSC_DEADLINE;
	leaf->edx &= ~(FEATURES_EDX_DS | FEATURES_EDX_HTT);
	if (place->logical > 1)
		leaf->edx |= FEATURES_EDX_HTT;
}

/* Ids that share a cache, less one: a power of two on both makes, since software masks APIC ids with it. */
static uint32_t cache_sharing(const struct place *place, uint32_t eax)
{
	unsigned bits = CACHE_LEVEL(eax) >= CACHE_LEVEL_SOCKET ? place->core_bits : place->thread_bits;

	return MIN((1U << bits) - 1, CACHE_SHARING_MAX) << CACHE_SHARING_SHIFT;
}

static void patch_cache_intel(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	uint32_t cores = (1U << (place->core_bits - place->thread_bits)) - 1;

	if (CACHE_TYPE(leaf->eax) == 0)
		return;
	leaf->eax = (leaf->eax & CACHE_KEEP) | cache_sharing(place, leaf->eax) |
		    MIN(cores, CACHE_CORES_MAX) << CACHE_CORES_SHIFT;
}

static void patch_cache_amd(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	if (CACHE_TYPE(leaf->eax) == 0)
		return;
	leaf->eax = (leaf->eax & CACHE_KEEP) | cache_sharing(place, leaf->eax);
}

/* Linux learns an AMD CPU's threads from leaf 0x8000001e alone: the guest has it even where the host has not. */
static void patch_vendor_extended(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	if (place->amd)
		leaf->eax = MAX(leaf->eax, (uint32_t)LEAF_TOPOLOGY_AMD);
}

static void patch_features_extended(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	if (!place->amd)
		return;
	leaf->ecx |= EXTENDED_ECX_TOPOEXT;
	leaf->ecx &= ~(EXTENDED_ECX_CMP_LEGACY | EXTENDED_ECX_SVM | EXTENDED_ECX_PERFCTR_CORE | EXTENDED_ECX_PERFCTR_NB |
		       EXTENDED_ECX_PERFCTR_LLC);
	if (place->logical > 1)
		leaf->ecx |= EXTENDED_ECX_CMP_LEGACY;
}

static void patch_address_sizes(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	leaf->ecx = 0;
	if (place->amd)
		leaf->ecx = MIN(place->logical - 1, SIZES_ECX_THREADS_MAX) |
			    MIN(place->core_bits, SIZES_ECX_ID_SIZE_MAX) << SIZES_ECX_ID_SIZE_SHIFT;
}

static void patch_clear(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	(void)place;
	leaf->eax = leaf->ebx = leaf->ecx = leaf->edx = 0;
}

static const struct {
	uint32_t function;
	void (*patch)(const struct place *place, struct kvm_cpuid_entry2 *leaf);
} patches[] = {
	{LEAF_VENDOR, patch_vendor},
	{LEAF_FEATURES, patch_features},
	{LEAF_CACHE_INTEL, patch_cache_intel},
	{LEAF_PERFMON_INTEL, patch_clear},
	{LEAF_TOPOLOGY, patch_clear}, /* written anew below */
	{LEAF_LBR_INTEL, patch_clear},
	{LEAF_TOPOLOGY_V2, patch_clear},
	{LEAF_VENDOR_EXTENDED, patch_vendor_extended},
	{LEAF_FEATURES_EXTENDED, patch_features_extended},
	{LEAF_ADDRESS_SIZES, patch_address_sizes},
	{LEAF_SVM, patch_clear},
	{LEAF_CACHE_AMD, patch_cache_amd},
	{LEAF_TOPOLOGY_AMD, patch_clear}, /* written anew below */
	{LEAF_PERFMON_AMD, patch_clear},
	{LEAF_TOPOLOGY_AMD_V2, patch_clear},
};

static void leaf_patch(const struct place *place, struct kvm_cpuid_entry2 *leaf)
{
	for (unsigned i = 0; i < ARRAY_SIZE(patches); i++) {
		if (patches[i].function == leaf->function) {
			patches[i].patch(place, leaf);
			return;
		}
	}
}

static int table_append(struct kvm_cpuid2 *table, const struct kvm_cpuid_entry2 *leaf)
{
	if (!(leaf->eax | leaf->ebx | leaf->ecx | leaf->edx))
		return 0;
	if (table->nent == CPUID_ENTRIES_MAX)
		return -E2BIG;
	table->entries[table->nent++] = *leaf;
	return 0;
}

/* The levels of leaf 0xb or 0x1f: threads of a core, cores of a socket, end. */
static int table_append_levels(struct kvm_cpuid2 *table, uint32_t function, const struct place *place)
{
	const struct {
		uint32_t bits, count, type;
	} levels[] = {
		{place->thread_bits, place->threads, LEVEL_TYPE_THREAD},
		{place->core_bits, place->logical, LEVEL_TYPE_CORE},
		{0, 0, LEVEL_TYPE_NONE},
	};
	int code = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(levels) && code == 0; i++) {
		struct kvm_cpuid_entry2 leaf = {
			.function = function,
			.index = i,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.eax = levels[i].bits,
			.ebx = levels[i].count,
			.ecx = i | levels[i].type << LEVEL_TYPE_SHIFT,
			.edx = place->apic_id,
		};

		code = table_append(table, &leaf);
	}
	return code;
}

static int table_append_topology_amd(struct kvm_cpuid2 *table, const struct place *place)
{
	struct kvm_cpuid_entry2 leaf = {
		.function = LEAF_TOPOLOGY_AMD,
		.eax = place->apic_id,
		.ebx = (place->core & 0xff) | ((place->threads - 1) & 0xff) << AMD_EBX_THREADS_SHIFT,
		.ecx = place->socket & 0xff, /* one node a socket */
	};

	return place->amd ? table_append(table, &leaf) : 0;
}

int cpuid_for_vcpu(const struct kvm_cpuid2 *host, const struct cpu_topology *topology, unsigned index,
		   struct kvm_cpuid2 *guest)
{
	const struct kvm_cpuid_entry2 *vendor = cpuid_find(host, LEAF_VENDOR, 0);
	struct place place;
	int code = 0;

	if (!vendor)
		return -EINVAL;
	place_init(&place, vendor, topology, index);
	*guest = (struct kvm_cpuid2){0};
	for (uint32_t i = 0; i < host->nent && code == 0; i++) {
		struct kvm_cpuid_entry2 leaf = host->entries[i];

		leaf_patch(&place, &leaf);
		code = table_append(guest, &leaf);
	}
	if (code == 0)
		code = table_append_topology_amd(guest, &place);
	if (code == 0)
		code = table_append_levels(guest, LEAF_TOPOLOGY, &place);
	if (code == 0 && vendor->eax >= LEAF_TOPOLOGY_V2)
		code = table_append_levels(guest, LEAF_TOPOLOGY_V2, &place);
	return code;
}

const struct kvm_cpuid_entry2 *cpuid_find(const struct kvm_cpuid2 *table, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < table->nent; i++) {
		const struct kvm_cpuid_entry2 *leaf = &table->entries[i];

		if (leaf->function == function &&
		    (leaf->index == index || !(leaf->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return leaf;
	}
	return NULL;
}
