/*
 * The features of a CPU by name: bits of the CPUID table (Intel SDM volume 2A, CPUID; AMD APM volume 3,
 * appendix E). The names are those that libvirt's users know (its x86_features.xml), which are mostly those
 * of Linux' /proc/cpuinfo.
 *
 * Bits that the machine sets as it needs them are not features to choose: hypervisor, tsc-deadline, ht,
 * topoext.
 *
 * Pure: no ioctl, no state.
 */
#pragma once

#include <linux/kvm.h>
#include <stdbool.h>

struct cpu_feature; /* one of a constant table */

/* NULL: no such name. */
const struct cpu_feature *cpu_feature_find(const char *name);
const char *cpu_feature_name(const struct cpu_feature *feature);
/* The name at an index, NULL behind the last: for whom the nearest one is to be found. */
const char *cpu_feature_name_at(unsigned index);

bool cpu_feature_present(const struct kvm_cpuid2 *table, const struct cpu_feature *feature);
void cpu_feature_clear(struct kvm_cpuid2 *table, const struct cpu_feature *feature);
