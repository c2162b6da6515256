/*
 * What a definition says of the CPU's features, by libvirt's names and policies (format domain, "CPU model
 * and topology"). A guest has all that the host's CPU and KVM have, but for these:
 *
 *      "cpu": { "features": { "avx512f": "disable", "aes": "require" } }
 *
 *      disable   the guest does not see it
 *      require   the guest is not started where it would not have it
 *      forbid    the guest is not started where it would have it
 */
#pragma once

#include "vmm/config/json.h"

#define CPU_FEATURES_MAX 64

struct cpu_feature;
struct kvm_cpuid2;

enum cpu_feature_policy {
	CPU_FEATURE_DISABLE,
	CPU_FEATURE_REQUIRE,
	CPU_FEATURE_FORBID,
};

struct cpu_features {
	unsigned count;
	struct {
		const struct cpu_feature *feature;
		enum cpu_feature_policy policy;
	} list[CPU_FEATURES_MAX];
};

/* Reads "cpu" of a definition. */
int cpu_features_read(const struct json_place *root, struct cpu_features *features);
/* Takes the disabled ones out of what the host has; then looks at what a guest would have of the others
 * (seen: its table). `guest` is its name, for errors. */
void cpu_features_disable(const struct cpu_features *features, struct kvm_cpuid2 *host);
int cpu_features_check(const struct cpu_features *features, const struct kvm_cpuid2 *seen, const char *guest,
		       struct error *err);
