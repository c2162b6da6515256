#include "vmm/guest/counters.h"

#define NUMBER_MAX 9007199254740992.0 /* 2^53: what a double holds exactly */

/* --- To JSON --- */

static void add_pair(cJSON *array, const char *first_key, uint64_t first, const char *second_key,
		     uint64_t second)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddNumberToObject(item, first_key, (double)first);
	cJSON_AddNumberToObject(item, second_key, (double)second);
	cJSON_AddItemToArray(array, item);
}

cJSON *counters_to_json(const struct machine_counters *counters)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *array = cJSON_AddArrayToObject(json, "vcpus");

	for (unsigned i = 0; i < counters->vcpu_count; i++)
		add_pair(array, "exits", counters->vcpus[i].exits, "cpu_ns", counters->vcpus[i].cpu_ns);
	array = cJSON_AddArrayToObject(json, "disks");
	for (unsigned i = 0; i < counters->disk_count; i++)
		add_pair(array, "read_bytes", counters->disks[i].to_guest, "written_bytes",
			 counters->disks[i].from_guest);
	array = cJSON_AddArrayToObject(json, "networks");
	for (unsigned i = 0; i < counters->network_count; i++)
		add_pair(array, "received_bytes", counters->networks[i].to_guest, "sent_bytes",
			 counters->networks[i].from_guest);
	return json;
}

/* --- From JSON --- */

static uint64_t number(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble <= NUMBER_MAX
		       ? (uint64_t)item->valuedouble
		       : 0;
}

static unsigned read_traffic(const cJSON *array, unsigned max, const char *to_guest, const char *from_guest,
			     struct traffic_counters *traffic)
{
	unsigned count = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (count == max)
			break;
		traffic[count++] = (struct traffic_counters){
			.to_guest = number(item, to_guest),
			.from_guest = number(item, from_guest),
		};
	}
	return count;
}

void counters_from_json(const cJSON *json, struct machine_counters *counters)
{
	const cJSON *item;

	*counters = (struct machine_counters){0};
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "vcpus"))
	{
		if (counters->vcpu_count == DEFINITION_VCPUS_MAX)
			break;
		counters->vcpus[counters->vcpu_count++] = (struct vcpu_counters){
			.exits = number(item, "exits"),
			.cpu_ns = number(item, "cpu_ns"),
		};
	}
	counters->disk_count =
		read_traffic(cJSON_GetObjectItemCaseSensitive(json, "disks"), DEFINITION_DISKS_MAX,
			     "read_bytes", "written_bytes", counters->disks);
	counters->network_count =
		read_traffic(cJSON_GetObjectItemCaseSensitive(json, "networks"), DEFINITION_NETWORKS_MAX,
			     "received_bytes", "sent_bytes", counters->networks);
}
