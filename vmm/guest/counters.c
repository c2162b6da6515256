#include "vmm/guest/counters.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_MAX 9007199254740992.0 /* 2^53: what a double holds exactly */

const char *const counters_exit_names[VCPU_EXIT_KINDS] = {
	[VCPU_EXIT_IO] = "io",
	[VCPU_EXIT_MMIO] = "mmio",
	[VCPU_EXIT_INTERRUPTED] = "interrupted",
	[VCPU_EXIT_OTHER] = "other",
};

const char *const counters_blk_names[VIRTIO_BLK_KINDS] = {
	[VIRTIO_BLK_READ] = "read",
	[VIRTIO_BLK_WRITE] = "write",
	[VIRTIO_BLK_FLUSH] = "flush",
};

const char *const counters_balloon_names[VIRTIO_BALLOON_STATS] = {
	[VIRTIO_BALLOON_SWAP_IN] = "swap_in_bytes",
	[VIRTIO_BALLOON_SWAP_OUT] = "swap_out_bytes",
	[VIRTIO_BALLOON_MAJOR_FAULTS] = "major_faults",
	[VIRTIO_BALLOON_MINOR_FAULTS] = "minor_faults",
	[VIRTIO_BALLOON_FREE] = "free_bytes",
	[VIRTIO_BALLOON_TOTAL] = "total_bytes",
	[VIRTIO_BALLOON_AVAILABLE] = "available_bytes",
	[VIRTIO_BALLOON_CACHES] = "cache_bytes",
	[VIRTIO_BALLOON_HUGE_ALLOCATED] = "huge_pages_allocated",
	[VIRTIO_BALLOON_HUGE_FAILED] = "huge_pages_failed",
};

/* --- To JSON --- */

static void add_number(cJSON *json, const char *key, uint64_t number)
{
	cJSON_AddNumberToObject(json, key, (double)number);
}

static void add_vcpus(cJSON *json, const struct machine_counters *counters)
{
	cJSON *array = cJSON_AddArrayToObject(json, "vcpus");
	cJSON *exits;

	for (unsigned i = 0; i < counters->vcpu_count; i++) {
		cJSON *item = cJSON_CreateObject();

		add_number(item, "exits", counters->vcpus[i].exits);
		add_number(item, "cpu_ns", counters->vcpus[i].cpu_ns);
		cJSON_AddItemToArray(array, item);
	}
	exits = cJSON_AddObjectToObject(json, "exits");
	for (unsigned i = 0; i < VCPU_EXIT_KINDS; i++)
		add_number(exits, counters_exit_names[i], counters->exits[i]);
}

static cJSON *device_json(const struct device_counters *device)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "device", device->device);
	add_number(json, "notifications", device->notifications);
	add_number(json, "requests", device->requests);
	add_number(json, "errors", device->errors);
	add_number(json, "interrupts", device->interrupts);
	return json;
}

static void add_latency(cJSON *json, const char *key, const struct latency_counters *latency)
{
	cJSON *object = cJSON_AddObjectToObject(json, key);
	cJSON *counts = cJSON_AddArrayToObject(object, "counts");

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		cJSON_AddItemToArray(counts, cJSON_CreateNumber((double)latency->counts[i]));
	add_number(object, "sum_ns", latency->sum_ns);
}

static void add_disks(cJSON *json, const struct machine_counters *counters)
{
	cJSON *array = cJSON_AddArrayToObject(json, "disks");

	for (unsigned i = 0; i < counters->disk_count; i++) {
		cJSON *item = device_json(&counters->disks[i]);

		add_number(item, "read_bytes", counters->disks[i].to_guest);
		add_number(item, "written_bytes", counters->disks[i].from_guest);
		for (unsigned kind = 0; kind < VIRTIO_BLK_KINDS; kind++)
			add_latency(item, counters_blk_names[kind], &counters->latencies[i][kind]);
		cJSON_AddItemToArray(array, item);
	}
}

static void add_balloon(cJSON *json, const struct balloon_counters *balloon)
{
	cJSON *object = cJSON_AddObjectToObject(json, "balloon");

	add_number(object, "target_bytes", balloon->target_bytes);
	add_number(object, "current_bytes", balloon->current_bytes);
	add_number(object, "returned_bytes", balloon->returned_bytes);
	if (balloon->known)
		add_number(object, "age_ms", balloon->age_ms);
	for (unsigned i = 0; i < VIRTIO_BALLOON_STATS; i++) {
		if (balloon->known >> i & 1)
			add_number(object, counters_balloon_names[i], balloon->stats[i]);
	}
}

static void add_memory(cJSON *json, const struct memory_counters *memory)
{
	cJSON *object = cJSON_AddObjectToObject(json, "memory");

	add_number(object, "size_bytes", memory->size_bytes);
	add_number(object, "requested_bytes", memory->requested_bytes);
	add_number(object, "plugged_bytes", memory->plugged_bytes);
}

cJSON *counters_to_json(const struct machine_counters *counters)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *array;

	add_vcpus(json, counters);
	add_disks(json, counters);
	array = cJSON_AddArrayToObject(json, "networks");
	for (unsigned i = 0; i < counters->network_count; i++) {
		cJSON *item = device_json(&counters->networks[i]);

		add_number(item, "received_bytes", counters->networks[i].to_guest);
		add_number(item, "sent_bytes", counters->networks[i].from_guest);
		cJSON_AddItemToArray(array, item);
	}
	array = cJSON_AddArrayToObject(json, "others");
	for (unsigned i = 0; i < counters->other_count; i++)
		cJSON_AddItemToArray(array, device_json(&counters->others[i]));
	if (counters->balloon.present)
		add_balloon(json, &counters->balloon);
	if (counters->memory.size_bytes)
		add_memory(json, &counters->memory);
	return json;
}

/* --- From JSON --- */

static uint64_t number_of(const cJSON *item)
{
	return cJSON_IsNumber(item) && item->valuedouble > 0 && item->valuedouble <= NUMBER_MAX
		       ? (uint64_t)item->valuedouble
		       : 0;
}

static uint64_t number(const cJSON *json, const char *key)
{
	return number_of(cJSON_GetObjectItemCaseSensitive(json, key));
}

static void read_vcpus(const cJSON *json, struct machine_counters *counters)
{
	const cJSON *exits = cJSON_GetObjectItemCaseSensitive(json, "exits");
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "vcpus"))
	{
		if (counters->vcpu_count == DEFINITION_VCPUS_MAX)
			break;
		counters->vcpus[counters->vcpu_count++] = (struct vcpu_counters){
			.exits = number(item, "exits"),
			.cpu_ns = number(item, "cpu_ns"),
		};
	}
	for (unsigned i = 0; i < VCPU_EXIT_KINDS; i++)
		counters->exits[i] = number(exits, counters_exit_names[i]);
}

static void read_device(const cJSON *json, const char *to_guest, const char *from_guest,
			struct device_counters *device)
{
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "device"));

	*device = (struct device_counters){
		.notifications = number(json, "notifications"),
		.requests = number(json, "requests"),
		.errors = number(json, "errors"),
		.interrupts = number(json, "interrupts"),
		.to_guest = number(json, to_guest),
		.from_guest = number(json, from_guest),
	};
	if (id && definition_name_valid(id))
		snprintf(device->device, sizeof(device->device), "%s", id);
}

static unsigned read_devices(const cJSON *array, unsigned max, const char *to_guest, const char *from_guest,
			     struct device_counters *devices)
{
	unsigned count = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (count == max)
			break;
		read_device(item, to_guest, from_guest, &devices[count++]);
	}
	return count;
}

static void read_latency(const cJSON *json, struct latency_counters *latency)
{
	unsigned bucket = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "counts"))
	{
		if (bucket == LATENCY_BUCKETS)
			break;
		latency->counts[bucket++] = number_of(item);
	}
	latency->sum_ns = number(json, "sum_ns");
}

static void read_disks(const cJSON *array, struct machine_counters *counters)
{
	unsigned disk = 0;
	const cJSON *item;

	counters->disk_count =
		read_devices(array, DEFINITION_DISKS_MAX, "read_bytes", "written_bytes", counters->disks);
	cJSON_ArrayForEach(item, array)
	{
		if (disk == counters->disk_count)
			break;
		for (unsigned kind = 0; kind < VIRTIO_BLK_KINDS; kind++)
			read_latency(cJSON_GetObjectItemCaseSensitive(item, counters_blk_names[kind]),
				     &counters->latencies[disk][kind]);
		disk++;
	}
}

static void read_balloon(const cJSON *json, struct balloon_counters *balloon)
{
	balloon->present = cJSON_IsObject(json);
	balloon->target_bytes = number(json, "target_bytes");
	balloon->current_bytes = number(json, "current_bytes");
	balloon->returned_bytes = number(json, "returned_bytes");
	balloon->age_ms = number(json, "age_ms");
	for (unsigned i = 0; i < VIRTIO_BALLOON_STATS; i++) {
		if (!cJSON_HasObjectItem(json, counters_balloon_names[i]))
			continue;
		balloon->known |= 1U << i;
		balloon->stats[i] = number(json, counters_balloon_names[i]);
	}
}

static void read_memory(const cJSON *json, struct memory_counters *memory)
{
	memory->size_bytes = number(json, "size_bytes");
	memory->requested_bytes = number(json, "requested_bytes");
	memory->plugged_bytes = number(json, "plugged_bytes");
}

/* A device of the same id as one before it has none: whoever lists them would have two of one name. */
static void forget_repeated(struct machine_counters *counters)
{
	struct device_counters *all[DEFINITION_DISKS_MAX + DEFINITION_NETWORKS_MAX + COUNTERS_OTHERS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < counters->disk_count; i++)
		all[count++] = &counters->disks[i];
	for (unsigned i = 0; i < counters->network_count; i++)
		all[count++] = &counters->networks[i];
	for (unsigned i = 0; i < counters->other_count; i++)
		all[count++] = &counters->others[i];
	for (unsigned i = 1; i < count; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(all[i]->device, all[j]->device) == 0)
				memset(all[i]->device, 0, sizeof(all[i]->device));
		}
	}
}

void counters_from_json(const cJSON *json, struct machine_counters *counters)
{
	*counters = (struct machine_counters){0};
	read_vcpus(json, counters);
	read_disks(cJSON_GetObjectItemCaseSensitive(json, "disks"), counters);
	counters->network_count =
		read_devices(cJSON_GetObjectItemCaseSensitive(json, "networks"), DEFINITION_NETWORKS_MAX,
			     "received_bytes", "sent_bytes", counters->networks);
	counters->other_count = read_devices(cJSON_GetObjectItemCaseSensitive(json, "others"),
					     COUNTERS_OTHERS_MAX, NULL, NULL, counters->others);
	read_balloon(cJSON_GetObjectItemCaseSensitive(json, "balloon"), &counters->balloon);
	read_memory(cJSON_GetObjectItemCaseSensitive(json, "memory"), &counters->memory);
	forget_repeated(counters);
}
