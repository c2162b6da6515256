/* What a guest's machine has done, as JSON and back. */
#include <criterion/criterion.h>
#include <string.h>

#include "vmm/guest/counters.h"

static struct machine_counters counters;

static void read_text(const char *text)
{
	cJSON *json = cJSON_Parse(text);

	memset(&counters, 0xff, sizeof(counters));
	counters_from_json(json, &counters);
	cJSON_Delete(json);
}

Test(counters, come_back_as_they_went)
{
	struct machine_counters before = {
		.vcpu_count = 2,
		.disk_count = 1,
		.network_count = 1,
		.vcpus = {{17, 123456789012ULL}, {1ULL << 53, 0}},
		.disks = {{512, 1ULL << 40}},
		.networks = {{60, 1514}},
	};
	cJSON *json = counters_to_json(&before);

	counters_from_json(json, &counters);
	cJSON_Delete(json);
	cr_expect_eq(memcmp(&before, &counters, sizeof(before)), 0);
}

Test(counters, what_is_no_number_is_0)
{
	read_text(
		"{\"vcpus\":[{\"exits\":\"9\",\"cpu_ns\":-1},{\"exits\":1e300,\"cpu_ns\":9007199254740994},7,null],"
		"\"disks\":{\"a\":{\"read_bytes\":5}},\"networks\":[[]]}");
	cr_expect_eq(counters.vcpu_count, 4);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(counters.vcpus[i].exits + counters.vcpus[i].cpu_ns, 0);
	cr_expect_eq(counters.network_count, 1);
	cr_expect_eq(counters.networks[0].to_guest, 0);
}

Test(counters, too_many_are_left_out)
{
	cJSON *json = cJSON_CreateObject();
	static const char *const arrays[] = {"vcpus", "disks", "networks"};

	for (unsigned i = 0; i < 3; i++) {
		cJSON *array = cJSON_AddArrayToObject(json, arrays[i]);

		for (unsigned j = 0; j < 1000; j++)
			cJSON_AddItemToArray(array, cJSON_CreateObject());
	}
	counters_from_json(json, &counters);
	cJSON_Delete(json);
	cr_expect_eq(counters.vcpu_count, DEFINITION_VCPUS_MAX);
	cr_expect_eq(counters.disk_count, DEFINITION_DISKS_MAX);
	cr_expect_eq(counters.network_count, DEFINITION_NETWORKS_MAX);
}

Test(counters, nothing_is_nothing)
{
	static const char *const texts[] = {"{}", "[]", "7", "", "{\"vcpus\":null}"};

	for (unsigned i = 0; i < 5; i++) {
		read_text(texts[i]);
		cr_expect_eq(counters.vcpu_count + counters.disk_count + counters.network_count, 0);
	}
}
