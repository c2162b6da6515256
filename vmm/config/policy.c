#include "vmm/config/policy.h"

#include "vmm/config/wants.h"

struct resource_policy policy_default(void)
{
	return (struct resource_policy){
		.reserve_cpus = POLICY_UNSAID,
		.reserve_mib = POLICY_UNSAID,
		.overcommit_cpus = 100,
		.overcommit_memory = 100,
		.server_percent = POLICY_SERVER_PERCENT,
		.memory_wait_s = POLICY_MEMORY_WAIT_S,
	};
}

static int read_reserve(const struct json_place *root, struct resource_policy *policy)
{
	static const char *const keys[] = {"cpus", "memory_mib", NULL};
	struct json_place place;
	int code = json_object(root, "reserve", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_uint(&place, "cpus", 0, POLICY_RESERVE_CPUS_MAX, &policy->reserve_cpus)) < 0)
		return code;
	return json_uint(&place, "memory_mib", 0, WANTS_MEMORY_MAX, &policy->reserve_mib);
}

static int read_overcommit(const struct json_place *root, struct resource_policy *policy)
{
	static const char *const keys[] = {"cpus", "memory", NULL};
	struct json_place place;
	int code = json_object(root, "overcommit", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_hundredths(&place, "cpus", 1, POLICY_OVERCOMMIT_MAX, &policy->overcommit_cpus)) < 0)
		return code;
	return json_hundredths(&place, "memory", 1, POLICY_OVERCOMMIT_MAX, &policy->overcommit_memory);
}

static int read_desktop(const struct json_place *root, struct resource_policy *policy)
{
	static const char *const keys[] = {"server_percent", NULL};
	uint64_t percent = policy->server_percent;
	struct json_place place;
	int code = json_object(root, "desktop", &place);

	if (code < 0 || !place.object)
		return code;
	code = json_keys(&place, keys);
	if (code == 0)
		code = json_uint(&place, "server_percent", 1, 99, &percent);
	policy->server_percent = (unsigned)percent;
	return code;
}

static int read_memory(const struct json_place *root, struct resource_policy *policy)
{
	static const char *const keys[] = {"wait_seconds", NULL};
	struct json_place place;
	int code = json_object(root, "memory", &place);

	if (code < 0 || !place.object)
		return code;
	code = json_keys(&place, keys);
	return code < 0 ? code
			: json_uint(&place, "wait_seconds", 0, POLICY_MEMORY_WAIT_MAX, &policy->memory_wait_s);
}

int policy_read(const struct json_place *root, struct resource_policy *policy)
{
	int code = read_reserve(root, policy);

	if (code == 0)
		code = read_overcommit(root, policy);
	if (code == 0)
		code = read_desktop(root, policy);
	return code < 0 ? code : read_memory(root, policy);
}
