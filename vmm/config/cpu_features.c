#include "vmm/config/cpu_features.h"

#include <errno.h>

#include "hypervisor/x86_64/cpu_feature.h"
#include "vmm/config/nearest.h"

static const char *const policy_words[] = {
	[CPU_FEATURE_DISABLE] = "disable",
	[CPU_FEATURE_REQUIRE] = "require",
	[CPU_FEATURE_FORBID] = "forbid",
	NULL,
};

#define NAMES_MAX 256

static int unknown_feature(const struct json_place *place, const char *name)
{
	const char *names[NAMES_MAX];
	const char *nearest;
	unsigned count = 0;

	while (count < NAMES_MAX - 1 && cpu_feature_name_at(count)) {
		names[count] = cpu_feature_name_at(count);
		count++;
	}
	names[count] = NULL;
	nearest = nearest_word(name, names);
	if (nearest)
		return json_error(place, name,
				  "is not a CPU feature that can be chosen, did you mean \"%s\"?", nearest);
	return json_error(place, name, "is not a CPU feature that can be chosen");
}

static int read_feature(const struct json_place *place, const char *name, struct cpu_features *features)
{
	const struct cpu_feature *feature = cpu_feature_find(name);
	unsigned policy = CPU_FEATURE_DISABLE;
	int code;

	if (!feature)
		return unknown_feature(place, name);
	for (unsigned i = 0; i < features->count; i++) {
		if (features->list[i].feature == feature)
			return json_error(place, name, "is given twice");
	}
	code = json_word(place, name, policy_words, &policy);
	if (code < 0)
		return code;
	features->list[features->count].feature = feature;
	features->list[features->count++].policy = (enum cpu_feature_policy)policy;
	return 0;
}

int cpu_features_read(const struct json_place *root, struct cpu_features *features)
{
	static const char *const keys[] = {"features", NULL};
	struct json_place cpu, place;
	const cJSON *item;
	int code = json_object(root, "cpu", &cpu);

	if (code < 0 || !cpu.object || (code = json_keys(&cpu, keys)) < 0 ||
	    (code = json_object(&cpu, "features", &place)) < 0 || !place.object)
		return code;
	if (cJSON_GetArraySize(place.object) > CPU_FEATURES_MAX)
		return json_error(&cpu, "features", "has more than %u", CPU_FEATURES_MAX);
	cJSON_ArrayForEach(item, place.object)
	{
		code = read_feature(&place, item->string, features);
		if (code < 0)
			return code;
	}
	return 0;
}

void cpu_features_disable(const struct cpu_features *features, struct kvm_cpuid2 *host)
{
	for (unsigned i = 0; i < features->count; i++) {
		if (features->list[i].policy == CPU_FEATURE_DISABLE)
			cpu_feature_clear(host, features->list[i].feature);
	}
}

int cpu_features_check(const struct cpu_features *features, const struct kvm_cpuid2 *seen, const char *guest,
		       struct error *err)
{
	for (unsigned i = 0; i < features->count; i++) {
		const struct cpu_feature *feature = features->list[i].feature;
		bool present = cpu_feature_present(seen, feature);

		if (features->list[i].policy == CPU_FEATURE_REQUIRE && !present)
			return error_set(
				err, -ENOTSUP,
				"guest %s: cpu.features.%s: is required, and a guest of this host's CPU "
				"does not have it",
				guest, cpu_feature_name(feature));
		if (features->list[i].policy == CPU_FEATURE_FORBID && present)
			return error_set(
				err, -ENOTSUP,
				"guest %s: cpu.features.%s: is forbidden, and this host's CPU has it; "
				"\"disable\" hides it",
				guest, cpu_feature_name(feature));
	}
	return 0;
}
