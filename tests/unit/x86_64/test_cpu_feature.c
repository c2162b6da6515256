/* CPU features by name. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/x86_64/cpu_feature.h"
#include "hypervisor/x86_64/cpuid.h"

static struct {
	struct kvm_cpuid2 table;
	struct kvm_cpuid_entry2 entries[4];
} cpuid = {
	.table = {.nent = 4},
	.entries =
		{
			{.function = 0x1, .ecx = 1U << 25 | 1U << 28, .edx = 1U << 25},
			{.function = 0x7,
			 .index = 0,
			 .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			 .ebx = 1U << 16},
			{.function = 0x7,
			 .index = 1,
			 .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			 .eax = 1U << 4},
			{.function = 0x80000001, .edx = 1U << 29},
		},
};

static bool present(const char *name)
{
	const struct cpu_feature *feature = cpu_feature_find(name);

	cr_assert_not_null(feature, "%s is not known", name);
	cr_assert_str_eq(cpu_feature_name(feature), name);
	return cpu_feature_present(&cpuid.table, feature);
}

Test(cpu_feature, bits_are_found_by_name)
{
	static const char *const there[] = {"aes", "avx", "sse", "avx512f", "avx-vnni", "lm"};
	static const char *const missing[] = {"vmx", "sse2", "avx2",   "avx512-bf16",
					      "nx",  "umip", "xsaves", "invtsc"};

	for (unsigned i = 0; i < ARRAY_SIZE(there); i++)
		cr_expect(present(there[i]), "%s", there[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(missing); i++)
		cr_expect_not(present(missing[i]), "%s", missing[i]);
}

Test(cpu_feature, one_bit_is_cleared_and_no_other)
{
	cpu_feature_clear(&cpuid.table, cpu_feature_find("aes"));
	cpu_feature_clear(&cpuid.table, cpu_feature_find("invtsc")); /* which has no leaf */
	cr_assert_eq(cpuid.entries[0].ecx, 1U << 28);
	cr_assert_eq(cpuid.entries[0].edx, 1U << 25);
	cr_assert_eq(cpuid.entries[1].ebx, 1U << 16);
}

Test(cpu_feature, names_are_few_and_different)
{
	unsigned count = 0;

	for (; cpu_feature_name_at(count); count++) {
		for (unsigned other = 0; other < count; other++)
			cr_assert_str_neq(cpu_feature_name_at(count), cpu_feature_name_at(other));
	}
	cr_assert_gt(count, 100);
	cr_assert_null(cpu_feature_find("hypervisor"), "without it the guest has no clock");
	cr_assert_null(cpu_feature_find(""));
}

/* What this very CPU says must be what the compiler's own names for it say. */
Test(cpu_feature, this_cpu_agrees_with_the_compiler)
{
	static struct {
		struct kvm_cpuid2 table;
		struct kvm_cpuid_entry2 entries[2];
	} host = {.table = {.nent = 2}};

	host.entries[0].function = 1;
	host.entries[1] = (struct kvm_cpuid_entry2){.function = 7, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX};
	for (unsigned i = 0; i < 2; i++) {
		struct kvm_cpuid_entry2 *leaf = &host.entries[i];

		__asm__("cpuid"
			: "=a"(leaf->eax), "=b"(leaf->ebx), "=c"(leaf->ecx), "=d"(leaf->edx)
			: "a"(leaf->function), "c"(0));
	}
#define AGREES(ours, theirs)                                                                                 \
	cr_expect_eq(cpu_feature_present(&host.table, cpu_feature_find(ours)),                               \
		     !!__builtin_cpu_supports(theirs), ours)
	AGREES("sse4.2", "sse4.2");
	AGREES("popcnt", "popcnt");
	AGREES("ssse3", "ssse3");
	AGREES("bmi1", "bmi");
	AGREES("bmi2", "bmi2");
}
