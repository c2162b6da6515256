/* What a guest's machine has done, as JSON and back. */
#include <criterion/criterion.h>
#include <string.h>

#include "vmm/guest/counters.h"
#include "vmm/guest/process.h"

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
		.other_count = 1,
		.exits = {9, 7, 1, 3},
		.disks = {{"root", 1, 2, 3, 4, 512, 1ULL << 40}},
		.latencies = {{{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 13}, {{[11] = 5}, 14}, {{0}, 15}}},
		.networks = {{"net0", 5, 6, 7, 8, 60, 1514}},
		.others = {{"vsock0", 9, 10, 11, 12, 0, 0}},
		.balloon = {.present = true,
			    .target_bytes = 1 << 20,
			    .current_bytes = 2 << 20,
			    .returned_bytes = 3,
			    .age_ms = 4,
			    .known = 1U << VIRTIO_BALLOON_FREE | 1U << VIRTIO_BALLOON_HUGE_FAILED,
			    .stats = {[VIRTIO_BALLOON_FREE] = 5, [VIRTIO_BALLOON_HUGE_FAILED] = 6}},
		.memory = {.size_bytes = 1 << 30, .requested_bytes = 1 << 21, .plugged_bytes = 1 << 22},
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

Test(counters, memory_devices_that_lie_have_none)
{
	read_text("{\"memory\":{\"size_bytes\":-1,\"requested_bytes\":\"x\",\"plugged_bytes\":1e300}}");
	cr_expect_eq(counters.memory.size_bytes + counters.memory.requested_bytes +
			     counters.memory.plugged_bytes,
		     0);
	read_text("{\"memory\":[1]}");
	cr_expect_eq(counters.memory.size_bytes, 0);
}

Test(counters, a_balloon_that_lies_says_0)
{
	read_text(
		"{\"balloon\":{\"target_bytes\":-1,\"free_bytes\":\"x\",\"cache_bytes\":1e300,\"total_bytes\":7}}");
	cr_expect(counters.balloon.present);
	cr_expect_eq(counters.balloon.target_bytes, 0);
	cr_expect_eq(counters.balloon.stats[VIRTIO_BALLOON_FREE], 0);
	cr_expect_eq(counters.balloon.stats[VIRTIO_BALLOON_TOTAL], 7);
	read_text("{\"balloon\":7}");
	cr_expect_not(counters.balloon.present);
}

Test(counters, too_many_are_left_out)
{
	cJSON *json = cJSON_CreateObject();
	static const char *const arrays[] = {"vcpus", "disks", "networks", "others"};

	for (unsigned i = 0; i < 4; i++) {
		cJSON *array = cJSON_AddArrayToObject(json, arrays[i]);

		for (unsigned j = 0; j < 1000; j++)
			cJSON_AddItemToArray(array, cJSON_CreateObject());
	}
	counters_from_json(json, &counters);
	cJSON_Delete(json);
	cr_expect_eq(counters.vcpu_count, DEFINITION_VCPUS_MAX);
	cr_expect_eq(counters.disk_count, DEFINITION_DISKS_MAX);
	cr_expect_eq(counters.network_count, DEFINITION_NETWORKS_MAX);
	cr_expect_eq(counters.other_count, COUNTERS_OTHERS_MAX);
}

Test(counters, ids_that_are_none_are_empty)
{
	read_text(
		"{\"disks\":[{\"device\":\"a\\\"} 1\\n\"},{\"device\":7},{\"device\":\"ok-1\"},{\"device\":\"\"}]}");
	cr_expect_eq(counters.disk_count, 4);
	cr_expect_str_eq(counters.disks[0].device, "");
	cr_expect_str_eq(counters.disks[1].device, "");
	cr_expect_str_eq(counters.disks[2].device, "ok-1");
	cr_expect_str_eq(counters.disks[3].device, "");
}

Test(counters, an_id_comes_once)
{
	read_text("{\"disks\":[{\"device\":\"a\"},{\"device\":\"a\"},{\"device\":\"b\"}],"
		  "\"networks\":[{\"device\":\"b\"}],\"others\":[{\"device\":\"a\"},{\"device\":\"c\"}]}");
	cr_expect_str_eq(counters.disks[0].device, "a");
	cr_expect_str_eq(counters.disks[1].device, "");
	cr_expect_str_eq(counters.disks[2].device, "b");
	cr_expect_str_eq(counters.networks[0].device, "");
	cr_expect_str_eq(counters.others[0].device, "");
	cr_expect_str_eq(counters.others[1].device, "c");
}

Test(counters, too_many_counts_are_left_out)
{
	read_text(
		"{\"disks\":[{\"read\":{\"counts\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"sum_ns\":2},\"write\":7}]}");
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		cr_expect_eq(counters.latencies[0][VIRTIO_BLK_READ].counts[i], 1);
	cr_expect_eq(counters.latencies[0][VIRTIO_BLK_READ].sum_ns, 2);
}

/* What a machine of the largest size says after a very long time still is one message. */
Test(counters, the_longest_is_a_message)
{
	cJSON *json;
	char *text;

	memset(&counters, 0, sizeof(counters));
	counters.vcpu_count = DEFINITION_VCPUS_MAX;
	counters.disk_count = DEFINITION_DISKS_MAX;
	counters.network_count = DEFINITION_NETWORKS_MAX;
	counters.other_count = COUNTERS_OTHERS_MAX;
	for (unsigned i = 0; i < DEFINITION_VCPUS_MAX; i++)
		counters.vcpus[i] = (struct vcpu_counters){1ULL << 40, 1ULL << 53};
	for (unsigned i = 0; i < DEFINITION_DISKS_MAX; i++) {
		counters.disks[i] = (struct device_counters){"twenty-characters-id",
							     1ULL << 40,
							     1ULL << 40,
							     1ULL << 40,
							     1ULL << 40,
							     1ULL << 53,
							     1ULL << 53};
		for (unsigned kind = 0; kind < VIRTIO_BLK_KINDS; kind++) {
			for (unsigned j = 0; j < LATENCY_BUCKETS; j++)
				counters.latencies[i][kind].counts[j] = 1ULL << 40;
			counters.latencies[i][kind].sum_ns = 1ULL << 53;
		}
	}
	json = counters_to_json(&counters);
	text = cJSON_PrintUnformatted(json);
	cr_expect_lt(strlen(text) + 64, GUEST_MESSAGE_MAX, "%zu bytes", strlen(text));
	cJSON_free(text);
	cJSON_Delete(json);
}

Test(counters, nothing_is_nothing)
{
	static const char *const texts[] = {"{}", "[]", "7", "", "{\"vcpus\":null}"};

	for (unsigned i = 0; i < 5; i++) {
		read_text(texts[i]);
		cr_expect_eq(counters.vcpu_count + counters.disk_count + counters.network_count, 0);
	}
}
