/* How much memory the guest has while it runs: its balloon, and memory that is plugged in. */
#include "vmm/guest/machine_state.h"

#include <errno.h>
#include <stdio.h>

#include "common/util.h"
#include "devmodel/virtio/balloon.h"
#include "devmodel/virtio/mem.h"

/* --- Making --- */

static int add_balloon(struct machine_devices *devices, struct error *err)
{
	const struct guest_definition *definition = devices->config->definition;
	const struct memballoon_definition *memballoon = &definition->memballoon;
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, "balloon0", false, err);
	struct virtio_device *device;
	struct virtio_balloon_options options = {
		.deflate_on_oom = memballoon->autodeflate,
		.reporting = memballoon->free_page_reporting,
		.stats_period = memballoon->stats_period,
		.driver_came = devices->config->memory_changes,
		.owner = devices->config->owner,
	};

	if (!slot)
		return -ENOSPC;
	if (memballoon->current_mib && memballoon->current_mib < definition->memory_mib)
		options.held = MIB(definition->memory_mib - memballoon->current_mib);
	device = virtio_balloon_create(&options, devices->memory, virtio_slot_loop(slot), err);
	devices->services.balloon = device;
	return virtio_slot_fill(slot, device, NULL, err);
}

/* Its region is the index-th of those that come and go. */
static uint64_t region_base(const struct guest_memory *memory, unsigned index)
{
	for (unsigned i = 0; i < memory->count; i++) {
		if (memory->regions[i].blocks.bits && index-- == 0)
			return memory->regions[i].base;
	}
	return 0;
}

static int add_memory(struct machine_devices *devices, unsigned index, struct error *err)
{
	char id[MACHINE_DEVICE_ID];
	struct virtio_slot *slot;
	struct virtio_mem_options options = {
		.address = region_base(devices->memory, index),
		.requested = MIB(devices->config->definition->memory_devices.list[index].requested_mib),
		.driver_came = devices->config->memory_changes,
		.owner = devices->config->owner,
	};

	snprintf(id, sizeof(id), "memory%u", index);
	slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, id, false, err);
	if (!slot)
		return -ENOSPC;
	options.name = slot->id;
	devices->services.memory[index] =
		virtio_mem_create(&options, devices->memory, virtio_slot_loop(slot), err);
	return virtio_slot_fill(slot, devices->services.memory[index], NULL, err);
}

int machine_memory_add(struct machine_devices *devices, struct error *err)
{
	const struct guest_definition *definition = devices->config->definition;
	int code = definition->memballoon.present ? add_balloon(devices, err) : 0;

	for (unsigned i = 0; i < definition->memory_devices.count && code == 0; i++)
		code = add_memory(devices, i, err);
	return code;
}

/* --- While it runs (machine.h) --- */

int machine_set_memory(struct machine *machine, uint64_t mib, struct error *err)
{
	const struct guest_definition *definition = machine->config.definition;
	const struct machine_services *services = &machine->devices.services;
	uint64_t ram = definition->memory_mib;
	uint64_t parts[MEMORY_DEVICES_MAX];

	if (!services->balloon && mib < ram)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: has no balloon: its definition has no memballoon",
				 definition->name);
	memory_devices_divide(&definition->memory_devices, mib > ram ? mib - ram : 0, parts);
	for (unsigned i = 0; i < definition->memory_devices.count; i++)
		virtio_mem_request(services->memory[i], MIB(parts[i]));
	if (services->balloon)
		virtio_balloon_set_held(services->balloon, MIB(ram - MIN(mib, ram)));
	return 0;
}

void machine_memory_read(const struct machine *machine, struct machine_memory *memory)
{
	const struct machine_services *services = &machine->devices.services;
	unsigned devices = machine->config.definition->memory_devices.count;

	*memory = (struct machine_memory){.bytes = MIB(machine->config.definition->memory_mib)};
	memory->changes = services->balloon || devices;
	memory->driver = memory->changes;
	if (services->balloon) {
		struct virtio_balloon_state state;

		virtio_balloon_read(services->balloon, &state);
		memory->driver = state.driver;
		memory->bytes -= MIN(state.actual, memory->bytes);
	}
	for (unsigned i = 0; i < devices; i++) {
		struct virtio_mem_state state;

		virtio_mem_read(services->memory[i], &state);
		memory->driver &= state.driver || services->balloon;
		memory->size += state.size;
		memory->requested += state.requested;
		memory->plugged += state.plugged;
	}
	memory->bytes += memory->plugged;
}
