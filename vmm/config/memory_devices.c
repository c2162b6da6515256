#include "vmm/config/memory_devices.h"

#include "common/util.h"

static int check_device(const struct json_place *place, const struct memory_device_definition *device)
{
	uint64_t block = device->block_mib;

	if (block & (block - 1))
		return json_error(place, "block_mib", "must be a power of two");
	if (!device->size_mib)
		return json_error(place, "size_mib", "is missing: how much can it be at most?");
	if (device->size_mib % block || device->size_mib / block > MEMORY_BLOCKS_MAX)
		return json_error(place, "size_mib", "must be whole blocks of %llu MiB, at most %u of them",
				  (unsigned long long)block, MEMORY_BLOCKS_MAX);
	if (device->requested_mib > device->size_mib)
		return json_error(place, "requested_mib", "is more than size_mib");
	if (device->requested_mib % block)
		return json_error(place, "requested_mib", "must be whole blocks of %llu MiB",
				  (unsigned long long)block);
	return 0;
}

static int read_device(const struct json_place *place, struct memory_device_definition *device)
{
	static const char *const keys[] = {"model", "size_mib", "block_mib", "requested_mib", "node", NULL};
	static const char *const models[] = {"virtio-mem", NULL};
	unsigned model = 0;
	uint64_t node = 0;
	int code;

	device->block_mib = MEMORY_BLOCK_MIN;
	if ((code = json_keys(place, keys)) < 0 || (code = json_word(place, "model", models, &model)) < 0 ||
	    (code = json_uint(place, "size_mib", MEMORY_BLOCK_MIN, WANTS_MEMORY_MAX, &device->size_mib)) <
		    0 ||
	    (code = json_uint(place, "block_mib", MEMORY_BLOCK_MIN, MEMORY_BLOCK_MAX, &device->block_mib)) <
		    0 ||
	    (code = json_uint(place, "requested_mib", 0, WANTS_MEMORY_MAX, &device->requested_mib)) < 0 ||
	    (code = json_uint(place, "node", 0, 0, &node)) < 0)
		return code;
	return check_device(place, device);
}

/* Where memory_mib is not said, the plan gives a machine no less than this (vmm/plan/plan.h). */
#define UNSAID_MIN 64

static int check_most(const struct json_place *root, const struct guest_wants *wants)
{
	uint64_t all = wants->devices_mib + (wants->memory_mib ? wants->memory_mib : UNSAID_MIN);

	if (!wants->max_mib || all <= wants->max_mib)
		return 0;
	return json_error(root, "max_memory_mib", "is less than memory_mib and the memory devices: %llu MiB",
			  (unsigned long long)all);
}

int memory_devices_read(const struct json_place *root, struct guest_wants *wants,
			struct memory_devices *devices)
{
	const cJSON *array;
	int code = json_array(root, "memory_devices", MEMORY_DEVICES_MAX, &array, &devices->count);

	for (unsigned i = 0; i < devices->count && code == 0; i++) {
		struct json_place place;

		code = json_array_object(root, "memory_devices", array, i, &place);
		if (code == 0)
			code = read_device(&place, &devices->list[i]);
	}
	if (code == 0)
		code = json_uint(root, "max_memory_mib", WANTS_MEMORY_MIN, WANTS_MEMORY_MAX, &wants->max_mib);
	if (code < 0)
		return code;
	if (devices->count && wants->pages != PAGES_NORMAL)
		return json_error(root, "memory_devices",
				  "and memory_backing.hugepages exclude each other: huge pages are reserved");
	wants->devices_mib = memory_devices_size(devices);
	wants->requested_mib = memory_devices_requested(devices);
	return check_most(root, wants);
}

uint64_t memory_devices_size(const struct memory_devices *devices)
{
	uint64_t mib = 0;

	for (unsigned i = 0; i < devices->count; i++)
		mib += devices->list[i].size_mib;
	return mib;
}

uint64_t memory_devices_requested(const struct memory_devices *devices)
{
	uint64_t mib = 0;

	for (unsigned i = 0; i < devices->count; i++)
		mib += devices->list[i].requested_mib;
	return mib;
}

uint64_t memory_devices_divide(const struct memory_devices *devices, uint64_t mib,
			       uint64_t parts[MEMORY_DEVICES_MAX])
{
	for (unsigned i = 0; i < devices->count; i++) {
		const struct memory_device_definition *device = &devices->list[i];

		parts[i] = MIN(mib, device->size_mib) / device->block_mib * device->block_mib;
		mib -= parts[i];
	}
	return mib;
}
