/* What the guest's CPUs are: CPUID as it was worked out, and more than one of them. */
#define LEAVES     0x200000UL /* the test puts what to ask here, the guest what it reads */
#define LEAVES_MAX 256
#define TRAMPOLINE 0x8000UL /* where an application CPU starts in real mode; a page under 1 MiB */

struct leaf_query {
	unsigned function;
	unsigned index;
	unsigned eax, ebx, ecx, edx;
};

struct leaf_queries {
	unsigned count;
	unsigned cpu; /* the CPU that asks */
	struct leaf_query queries[LEAVES_MAX];
};

#ifdef MICRO_GUEST
#include "tests/micro/guest_apic.h"

static void queries_answer(struct leaf_queries *all)
{
	for (unsigned i = 0; i < all->count; i++) {
		struct leaf_query *q = &all->queries[i];

		__asm__ volatile("cpuid"
				 : "=a"(q->eax), "=b"(q->ebx), "=c"(q->ecx), "=d"(q->edx)
				 : "a"(q->function), "c"(q->index));
	}
}

GUEST(asks_cpuid)
{
	queries_answer((void *)LEAVES);
	return 0;
}

/* From real mode to here: guest_trampoline.S. */
extern const uint8_t trampoline_begin[], trampoline_end[];
void ap_main(void);

static volatile unsigned ap_up;

__attribute__((used)) void ap_main(void)
{
	struct leaf_queries *queries = (void *)LEAVES;

	queries_answer(queries);
	ap_up = mmio_read32(LAPIC_ID) >> 24;
	for (;;)
		cpu_halt();
}

GUEST(starts_another_cpu)
{
	struct leaf_queries *queries = (void *)LEAVES;
	uint8_t *page = (uint8_t *)TRAMPOLINE;

	for (unsigned i = 0; i < trampoline_end - trampoline_begin; i++)
		page[i] = trampoline_begin[i];
	lapic_enable();
	lapic_send(queries->cpu, LAPIC_INIT | LAPIC_ASSERT);
	lapic_send(queries->cpu, LAPIC_STARTUP | LAPIC_ASSERT | TRAMPOLINE >> 12);
	while (!ap_up)
		cpu_pause();
	return ap_up;
}

#else
#include "tests/micro/micro.h"

#include <stdlib.h>
#include <string.h>

#include "hypervisor/x86_64/cpuid.h"

/* Bits that KVM keeps in step with the running CPU. */
static const struct kvm_cpuid_entry2 moving[] = {
	{.function = 0x1, .ecx = 1U << 27},               /* OSXSAVE */
	{.function = 0x7, .ecx = 1U << 4},                /* OSPKE */
	{.function = 0xd, .index = 0, .ebx = UINT32_MAX}, /* size of the enabled state */
	{.function = 0xd, .index = 1, .ebx = UINT32_MAX},
};

static struct kvm_cpuid2 *expected_table(const struct micro *micro, unsigned cpu)
{
	struct kvm_cpuid2 *table = calloc(1, CPUID_TABLE_SIZE);

	cr_assert_eq(cpuid_for_vcpu(micro->kvm.cpuid, &micro->topology, cpu, table), 0);
	return table;
}

static struct leaf_queries *queries_put(struct micro *micro, const struct kvm_cpuid2 *table)
{
	struct leaf_queries *queries = guest_memory_at(&micro->memory, LEAVES, sizeof(*queries));

	queries->count = table->nent;
	for (unsigned i = 0; i < table->nent; i++) {
		queries->queries[i].function = table->entries[i].function;
		queries->queries[i].index = table->entries[i].index;
	}
	return queries;
}

static struct kvm_cpuid_entry2 moving_bits(uint32_t function, uint32_t index)
{
	for (unsigned i = 0; i < sizeof(moving) / sizeof(moving[0]); i++) {
		if (moving[i].function == function && moving[i].index == index)
			return moving[i];
	}
	return (struct kvm_cpuid_entry2){0};
}

/* Without hardware virtualization there may be no way to intercept CPUID: guests then read the host's. */
static bool cpuid_is_intercepted(void)
{
	const char *vendor;

	return kvm_hardware(&vendor);
}

static void answers_check(const struct leaf_queries *queries, const struct kvm_cpuid2 *table)
{
	for (unsigned i = 0; i < table->nent; i++) {
		const struct leaf_query *q = &queries->queries[i];
		const struct kvm_cpuid_entry2 *e = &table->entries[i];
		struct kvm_cpuid_entry2 m = moving_bits(e->function, e->index);

		cr_assert_eq((q->eax ^ e->eax) & ~m.eax, 0, "leaf 0x%x.%u eax 0x%x, worked out 0x%x",
			     e->function, e->index, q->eax, e->eax);
		cr_assert_eq((q->ebx ^ e->ebx) & ~m.ebx, 0, "leaf 0x%x.%u ebx 0x%x, worked out 0x%x",
			     e->function, e->index, q->ebx, e->ebx);
		cr_assert_eq((q->ecx ^ e->ecx) & ~m.ecx, 0, "leaf 0x%x.%u ecx 0x%x, worked out 0x%x",
			     e->function, e->index, q->ecx, e->ecx);
		cr_assert_eq((q->edx ^ e->edx) & ~m.edx, 0, "leaf 0x%x.%u edx 0x%x, worked out 0x%x",
			     e->function, e->index, q->edx, e->edx);
	}
}

static void boot_cpu_check(struct cpu_topology topology)
{
	struct leaf_queries *queries;
	struct kvm_cpuid2 *table;
	struct micro micro;

	micro_create_topology(&micro, topology);
	table = expected_table(&micro, 0);
	queries = queries_put(&micro, table);
	micro_expect(&micro, "asks_cpuid", 0);
	answers_check(queries, table);
	free(table);
	micro_destroy(&micro);
}

MICRO_TEST(cpus, cpuid_reads_as_worked_out)
{
	if (!cpuid_is_intercepted())
		cr_skip_test("this host has no hardware virtualization, its KVM does not intercept CPUID");
	boot_cpu_check((struct cpu_topology){1, 1, 1});
	boot_cpu_check((struct cpu_topology){1, 2, 2});
	boot_cpu_check((struct cpu_topology){1, 3, 1});
}

/* A leaf that is left out of the table reads as zeros, in range or not. */
MICRO_TEST(cpus, cpuid_left_out_reads_zero)
{
	struct leaf_queries *queries;
	struct micro micro;

	if (!cpuid_is_intercepted())
		cr_skip_test("this host has no hardware virtualization, its KVM does not intercept CPUID");
	micro_create(&micro, 1);
	queries = guest_memory_at(&micro.memory, LEAVES, sizeof(*queries));
	queries->count = 1;
	queries->queries[0] = (struct leaf_query){.function = 0xa, .eax = 1, .ebx = 1, .ecx = 1, .edx = 1};
	micro_expect(&micro, "asks_cpuid", 0);
	cr_assert_eq(queries->queries[0].eax | queries->queries[0].ebx | queries->queries[0].ecx |
			     queries->queries[0].edx,
		     0);
	micro_destroy(&micro);
}

/* INIT and start-up IPI by APIC id; the CPU that comes up reads its own place in CPUID. */
static void other_cpu_check(struct cpu_topology topology, unsigned index)
{
	struct leaf_queries *queries;
	struct kvm_cpuid2 *table;
	struct micro micro;

	micro_create_topology(&micro, topology);
	table = expected_table(&micro, index);
	queries = queries_put(&micro, table);
	queries->cpu = topology_apic_id(&topology, index);
	micro_expect(&micro, "starts_another_cpu", queries->cpu);
	if (cpuid_is_intercepted())
		answers_check(queries, table);
	free(table);
	micro_destroy(&micro);
}

MICRO_TEST(cpus, second_cpu_starts_and_reads_its_place)
{
	other_cpu_check((struct cpu_topology){1, 2, 1}, 1);
}

MICRO_TEST(cpus, cpu_behind_a_gap_of_apic_ids_starts)
{
	other_cpu_check((struct cpu_topology){1, 1, 3}, 2);
	other_cpu_check((struct cpu_topology){2, 1, 2}, 3);
}

MICRO_TEST(cpus, apic_id_that_does_not_fit_is_refused)
{
	struct cpu_topology topology = {2, 129, 1};
	struct error err = {0};
	struct micro micro;
	struct vcpu vcpu;

	micro_create(&micro, 1);
	cr_assert_lt(vcpu_create(&vcpu, &micro.vm, 129, &topology, &micro.io, &err), 0);
	cr_assert(strstr(err.text, "APIC id 256"), "%s", err.text);
	micro_destroy(&micro);
}
#endif
