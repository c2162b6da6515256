#include "vmm/manager/devices.h"

#include <string.h>

#include "common/util.h"
#include "vmm/manager/stats.h"

/* --- Which there are --- */

const struct device_kind device_kinds[DEVICE_KINDS] = {
	{"disk", "disks", "disk", {"iotune", NULL}},
	{"network", "networks", "net", {"link", "bandwidth", NULL}},
};

unsigned device_count(const struct guest_definition *definition, const struct device_kind *kind)
{
	return kind == DEVICE_DISK ? definition->disk_count : definition->network_count;
}

const char *device_id(const struct guest_definition *definition, const struct device_kind *kind,
		      unsigned index, char *buffer)
{
	return kind == DEVICE_DISK ? definition_disk_id(definition, index, buffer)
				   : definition_network_id(definition, index, buffer);
}

cJSON *device_array(const cJSON *definition, const struct device_kind *kind)
{
	return cJSON_GetObjectItemCaseSensitive(definition, kind->array);
}

bool device_find(const struct guest_definition *definition, const char *id, const struct device_kind **kind,
		 unsigned *index)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];

	for (unsigned i = 0; i < ARRAY_SIZE(device_kinds); i++) {
		for (unsigned j = 0; j < device_count(definition, &device_kinds[i]); j++) {
			if (strcmp(device_id(definition, &device_kinds[i], j, buffer), id) == 0) {
				*kind = &device_kinds[i];
				*index = j;
				return true;
			}
		}
	}
	return false;
}

/* --- What is told --- */

/* What a guest has: one that is off has what its next start will give it. */
static const struct guest_definition *shown(const struct managed_guest *guest)
{
	return guest->fresh && !guest_alive(guest) ? guest->fresh : guest->definition;
}

static bool comes_and_goes(const struct managed_guest *guest)
{
	return guest_alive(guest) ? guest->devices.told : shown(guest)->transport == GUEST_TRANSPORT_PCI;
}

static bool is_leaving(const struct managed_guest *guest, const char *id)
{
	for (unsigned i = 0; i < guest->devices.count; i++) {
		if (strcmp(guest->devices.list[i].id, id) == 0)
			return guest->devices.list[i].leaving;
	}
	return false;
}

static void add_counters(cJSON *device, const char *id, cJSON *counters)
{
	static const char *const arrays[] = {"disks", "networks", "others"};
	cJSON *item;

	for (unsigned i = 0; counters && i < ARRAY_SIZE(arrays); i++) {
		cJSON *array = cJSON_GetObjectItemCaseSensitive(counters, arrays[i]);

		cJSON_ArrayForEach(item, array)
		{
			const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "device");

			if (!cJSON_IsString(name) || strcmp(name->valuestring, id) != 0)
				continue;
			cJSON_DetachItemViaPointer(array, item);
			cJSON_DeleteItemFromObjectCaseSensitive(item, "device");
			cJSON_AddItemToObject(device, "counters", item);
			return;
		}
	}
}

static cJSON *device_new(const char *id, const char *type, bool hotplug, cJSON *counters)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "id", id);
	cJSON_AddStringToObject(json, "type", type);
	cJSON_AddBoolToObject(json, "hotplug", hotplug);
	add_counters(json, id, counters);
	return json;
}

static void add_devices(cJSON *list, const struct managed_guest *guest,
			const struct guest_definition *definition, const struct device_kind *kind,
			cJSON *counters)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];

	for (unsigned i = 0; i < device_count(definition, kind); i++) {
		const char *id = device_id(definition, kind, i, buffer);
		cJSON *device = device_new(id, kind->type, comes_and_goes(guest), counters);
		const cJSON *item = cJSON_GetArrayItem(device_array(definition->json, kind), (int)i);

		cJSON_AddNumberToObject(device, "index", i);
		cJSON_AddItemToObject(device, kind->type, cJSON_Duplicate(item, true));
		if (is_leaving(guest, id))
			cJSON_AddTrueToObject(device, "leaving");
		cJSON_AddItemToArray(list, device);
	}
}

static cJSON *filesystem_device(const struct guest_definition *definition, unsigned index, cJSON *counters)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(definition->json, "filesystems");
	char id[DEFINITION_DEVICE_ID_MAX + 1];
	cJSON *device;

	snprintf(id, sizeof(id), "fs%u", index);
	device = device_new(id, "filesystem", false, counters);
	cJSON_AddNumberToObject(device, "index", index);
	cJSON_AddItemToObject(device, "filesystem",
			      cJSON_Duplicate(cJSON_GetArrayItem(array, (int)index), true));
	return device;
}

/* Where programs of the host find each channel, and whether one of the guest's is there. */
static cJSON *channels_device(const struct managed_guest *guest, const struct guest_definition *definition,
			      cJSON *counters)
{
	cJSON *device = device_new("channels0", "channels", false, counters);
	cJSON *list = cJSON_AddArrayToObject(device, "channels");

	for (unsigned i = 0; i < definition->channels.count; i++) {
		const struct channel_definition *channel = &definition->channels.channels[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", channel->name);
		cJSON_AddStringToObject(item, "path", channel->path);
		cJSON_AddBoolToObject(item, "open", guest_alive(guest) && guest->channels_open >> i & 1);
		cJSON_AddItemToArray(list, item);
	}
	return device;
}

static void add_inputs(cJSON *list, const struct input_definitions *inputs, cJSON *counters)
{
	if (inputs->keyboard)
		cJSON_AddItemToArray(list, device_new("keyboard0", "input", false, counters));
	if (inputs->mouse)
		cJSON_AddItemToArray(list, device_new("mouse0", "input", false, counters));
	if (inputs->tablet)
		cJSON_AddItemToArray(list, device_new("tablet0", "input", false, counters));
}

static cJSON *list_of(const struct managed_guest *guest, const struct guest_definition *definition)
{
	bool counts = definition == shown(guest) && stats_counted(guest);
	cJSON *counters = counts ? counters_to_json(&guest->counters) : NULL;
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < ARRAY_SIZE(device_kinds); i++)
		add_devices(list, guest, definition, &device_kinds[i], counters);
	for (unsigned i = 0; i < definition->filesystems.count; i++)
		cJSON_AddItemToArray(list, filesystem_device(definition, i, counters));
	if (definition->rng.present)
		cJSON_AddItemToArray(list, device_new("rng0", "rng", false, counters));
	if (definition->vsock_cid)
		cJSON_AddItemToArray(list, device_new("vsock0", "vsock", false, counters));
	cJSON_AddItemToArray(list, device_new("console0", "console", false, counters));
	if (definition->channels.count)
		cJSON_AddItemToArray(list, channels_device(guest, definition, counters));
	if (definition->memballoon.present)
		cJSON_AddItemToArray(list, device_new("balloon0", "balloon", false, counters));
	for (unsigned i = 0; i < definition->memory_devices.count; i++) {
		char id[DEFINITION_DEVICE_ID_MAX + 1];

		snprintf(id, sizeof(id), "memory%u", i);
		cJSON_AddItemToArray(list, device_new(id, "memory", false, counters));
	}
	if (definition->video.heads)
		cJSON_AddItemToArray(list, device_new("video0", "video", false, counters));
	add_inputs(list, &definition->inputs, counters);
	cJSON_Delete(counters);
	return list;
}

cJSON *devices_to_json(const struct managed_guest *guest)
{
	return list_of(guest, shown(guest));
}

cJSON *device_to_json(const struct managed_guest *guest, const char *id, bool next_start)
{
	cJSON *list = list_of(guest, next_start && guest->fresh ? guest->fresh : shown(guest));
	cJSON *item, *found = NULL;

	cJSON_ArrayForEach(item, list)
	{
		const char *is = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "id"));

		if (is && strcmp(is, id) == 0) { /* without memory it has none */
			found = cJSON_DetachItemViaPointer(list, item);
			break;
		}
	}
	cJSON_Delete(list);
	return found;
}
