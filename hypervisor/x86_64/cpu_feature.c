#include "hypervisor/x86_64/cpu_feature.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/util.h"
#include "hypervisor/x86_64/cpuid.h"

enum output {
	EAX,
	EBX,
	ECX,
	EDX,
};

enum word {
	LEAF_1_ECX,
	LEAF_1_EDX,
	LEAF_6_EAX,
	LEAF_7_EBX,
	LEAF_7_ECX,
	LEAF_7_EDX,
	LEAF_7_1_EAX,
	LEAF_D_1_EAX,
	EXTENDED_1_ECX,
	EXTENDED_1_EDX,
	EXTENDED_7_EDX,
	EXTENDED_8_EBX,
};

static const struct {
	uint32_t function;
	uint32_t index;
	enum output output;
} words[] = {
	[LEAF_1_ECX] = {0x1, 0, ECX},
	[LEAF_1_EDX] = {0x1, 0, EDX},
	[LEAF_6_EAX] = {0x6, 0, EAX},
	[LEAF_7_EBX] = {0x7, 0, EBX},
	[LEAF_7_ECX] = {0x7, 0, ECX},
	[LEAF_7_EDX] = {0x7, 0, EDX},
	[LEAF_7_1_EAX] = {0x7, 1, EAX},
	[LEAF_D_1_EAX] = {0xd, 1, EAX},
	[EXTENDED_1_ECX] = {0x80000001, 0, ECX},
	[EXTENDED_1_EDX] = {0x80000001, 0, EDX},
	[EXTENDED_7_EDX] = {0x80000007, 0, EDX},
	[EXTENDED_8_EBX] = {0x80000008, 0, EBX},
};

struct cpu_feature {
	char name[20];
	uint8_t word;
	uint8_t bit;
};

static const struct cpu_feature features[] = {
	{"pni", LEAF_1_ECX, 0},
	{"pclmuldq", LEAF_1_ECX, 1},
	{"monitor", LEAF_1_ECX, 3},
	{"vmx", LEAF_1_ECX, 5},
	{"ssse3", LEAF_1_ECX, 9},
	{"fma", LEAF_1_ECX, 12},
	{"cx16", LEAF_1_ECX, 13},
	{"pcid", LEAF_1_ECX, 17},
	{"sse4.1", LEAF_1_ECX, 19},
	{"sse4.2", LEAF_1_ECX, 20},
	{"x2apic", LEAF_1_ECX, 21},
	{"movbe", LEAF_1_ECX, 22},
	{"popcnt", LEAF_1_ECX, 23},
	{"aes", LEAF_1_ECX, 25},
	{"xsave", LEAF_1_ECX, 26},
	{"avx", LEAF_1_ECX, 28},
	{"f16c", LEAF_1_ECX, 29},
	{"rdrand", LEAF_1_ECX, 30},
	{"fpu", LEAF_1_EDX, 0},
	{"vme", LEAF_1_EDX, 1},
	{"de", LEAF_1_EDX, 2},
	{"pse", LEAF_1_EDX, 3},
	{"tsc", LEAF_1_EDX, 4},
	{"msr", LEAF_1_EDX, 5},
	{"pae", LEAF_1_EDX, 6},
	{"mce", LEAF_1_EDX, 7},
	{"cx8", LEAF_1_EDX, 8},
	{"apic", LEAF_1_EDX, 9},
	{"sep", LEAF_1_EDX, 11},
	{"mtrr", LEAF_1_EDX, 12},
	{"pge", LEAF_1_EDX, 13},
	{"mca", LEAF_1_EDX, 14},
	{"cmov", LEAF_1_EDX, 15},
	{"pat", LEAF_1_EDX, 16},
	{"pse36", LEAF_1_EDX, 17},
	{"clflush", LEAF_1_EDX, 19},
	{"mmx", LEAF_1_EDX, 23},
	{"fxsr", LEAF_1_EDX, 24},
	{"sse", LEAF_1_EDX, 25},
	{"sse2", LEAF_1_EDX, 26},
	{"ss", LEAF_1_EDX, 27},
	{"arat", LEAF_6_EAX, 2},
	{"fsgsbase", LEAF_7_EBX, 0},
	{"tsc_adjust", LEAF_7_EBX, 1},
	{"bmi1", LEAF_7_EBX, 3},
	{"hle", LEAF_7_EBX, 4},
	{"avx2", LEAF_7_EBX, 5},
	{"smep", LEAF_7_EBX, 7},
	{"bmi2", LEAF_7_EBX, 8},
	{"erms", LEAF_7_EBX, 9},
	{"invpcid", LEAF_7_EBX, 10},
	{"rtm", LEAF_7_EBX, 11},
	{"mpx", LEAF_7_EBX, 14},
	{"avx512f", LEAF_7_EBX, 16},
	{"avx512dq", LEAF_7_EBX, 17},
	{"rdseed", LEAF_7_EBX, 18},
	{"adx", LEAF_7_EBX, 19},
	{"smap", LEAF_7_EBX, 20},
	{"avx512ifma", LEAF_7_EBX, 21},
	{"clflushopt", LEAF_7_EBX, 23},
	{"clwb", LEAF_7_EBX, 24},
	{"avx512cd", LEAF_7_EBX, 28},
	{"sha-ni", LEAF_7_EBX, 29},
	{"avx512bw", LEAF_7_EBX, 30},
	{"avx512vl", LEAF_7_EBX, 31},
	{"avx512vbmi", LEAF_7_ECX, 1},
	{"umip", LEAF_7_ECX, 2},
	{"pku", LEAF_7_ECX, 3},
	{"waitpkg", LEAF_7_ECX, 5},
	{"avx512vbmi2", LEAF_7_ECX, 6},
	{"gfni", LEAF_7_ECX, 8},
	{"vaes", LEAF_7_ECX, 9},
	{"vpclmulqdq", LEAF_7_ECX, 10},
	{"avx512vnni", LEAF_7_ECX, 11},
	{"avx512bitalg", LEAF_7_ECX, 12},
	{"avx512-vpopcntdq", LEAF_7_ECX, 14},
	{"la57", LEAF_7_ECX, 16},
	{"rdpid", LEAF_7_ECX, 22},
	{"movdiri", LEAF_7_ECX, 27},
	{"movdir64b", LEAF_7_ECX, 28},
	{"fsrm", LEAF_7_EDX, 4},
	{"avx512-vp2intersect", LEAF_7_EDX, 8},
	{"md-clear", LEAF_7_EDX, 10},
	{"serialize", LEAF_7_EDX, 14},
	{"amx-bf16", LEAF_7_EDX, 22},
	{"avx512-fp16", LEAF_7_EDX, 23},
	{"amx-tile", LEAF_7_EDX, 24},
	{"amx-int8", LEAF_7_EDX, 25},
	{"spec-ctrl", LEAF_7_EDX, 26},
	{"stibp", LEAF_7_EDX, 27},
	{"arch-capabilities", LEAF_7_EDX, 29},
	{"ssbd", LEAF_7_EDX, 31},
	{"avx-vnni", LEAF_7_1_EAX, 4},
	{"avx512-bf16", LEAF_7_1_EAX, 5},
	{"xsaveopt", LEAF_D_1_EAX, 0},
	{"xsavec", LEAF_D_1_EAX, 1},
	{"xgetbv1", LEAF_D_1_EAX, 2},
	{"xsaves", LEAF_D_1_EAX, 3},
	{"lahf_lm", EXTENDED_1_ECX, 0},
	{"svm", EXTENDED_1_ECX, 2},
	{"cr8legacy", EXTENDED_1_ECX, 4},
	{"abm", EXTENDED_1_ECX, 5},
	{"sse4a", EXTENDED_1_ECX, 6},
	{"misalignsse", EXTENDED_1_ECX, 7},
	{"3dnowprefetch", EXTENDED_1_ECX, 8},
	{"osvw", EXTENDED_1_ECX, 9},
	{"xop", EXTENDED_1_ECX, 11},
	{"fma4", EXTENDED_1_ECX, 16},
	{"tbm", EXTENDED_1_ECX, 21},
	{"syscall", EXTENDED_1_EDX, 11},
	{"nx", EXTENDED_1_EDX, 20},
	{"mmxext", EXTENDED_1_EDX, 22},
	{"fxsr_opt", EXTENDED_1_EDX, 25},
	{"pdpe1gb", EXTENDED_1_EDX, 26},
	{"rdtscp", EXTENDED_1_EDX, 27},
	{"lm", EXTENDED_1_EDX, 29},
	{"3dnowext", EXTENDED_1_EDX, 30},
	{"3dnow", EXTENDED_1_EDX, 31},
	{"invtsc", EXTENDED_7_EDX, 8},
	{"clzero", EXTENDED_8_EBX, 0},
	{"xsaveerptr", EXTENDED_8_EBX, 2},
	{"wbnoinvd", EXTENDED_8_EBX, 9},
	{"ibpb", EXTENDED_8_EBX, 12},
	{"amd-stibp", EXTENDED_8_EBX, 15},
	{"amd-ssbd", EXTENDED_8_EBX, 24},
	{"virt-ssbd", EXTENDED_8_EBX, 25},
};

const struct cpu_feature *cpu_feature_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
		if (strcmp(features[i].name, name) == 0)
			return &features[i];
	}
	return NULL;
}

const char *cpu_feature_name(const struct cpu_feature *feature)
{
	return feature->name;
}

const char *cpu_feature_name_at(unsigned index)
{
	return index < ARRAY_SIZE(features) ? features[index].name : NULL;
}

static uint32_t *feature_word(const struct kvm_cpuid2 *table, const struct cpu_feature *feature)
{
	struct kvm_cpuid_entry2 *leaf = (struct kvm_cpuid_entry2 *)cpuid_find(
		table, words[feature->word].function, words[feature->word].index);

	if (!leaf)
		return NULL;
	switch (words[feature->word].output) {
	case EAX:
		return &leaf->eax;
	case EBX:
		return &leaf->ebx;
	case ECX:
		return &leaf->ecx;
	default:
		return &leaf->edx;
	}
}

bool cpu_feature_present(const struct kvm_cpuid2 *table, const struct cpu_feature *feature)
{
	const uint32_t *word = feature_word(table, feature);

	return word && *word >> feature->bit & 1;
}

void cpu_feature_clear(struct kvm_cpuid2 *table, const struct cpu_feature *feature)
{
	uint32_t *word = feature_word(table, feature);

	if (word)
		*word &= ~(1U << feature->bit);
}
