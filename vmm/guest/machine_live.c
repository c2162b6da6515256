#include "vmm/guest/machine_state.h"

#include <errno.h>
#include <string.h>

static int check_new_device(struct machine *machine, const char *id, struct error *err)
{
	const char *guest = machine->config.definition->name;

	if (!machine->devices.is_pci)
		return error_set(err, -EOPNOTSUPP,
				 "guest %s: with transport mmio no device can come or go while it runs",
				 guest);
	if (strlen(id) >= MACHINE_DEVICE_ID)
		return error_set(err, -EINVAL, "guest %s: a device's id has at most %d bytes", guest,
				 MACHINE_DEVICE_ID - 1);
	if (machine_hotplug_has(&machine->devices, id))
		return error_set(err, -EEXIST, "guest %s: has a disk or network card %s already", guest, id);
	return 0;
}

int machine_add_disk(struct machine *machine, const struct disk_definition *definition, const char *id,
		     struct disk_resource *resource, struct error *err)
{
	struct virtio_slot *slot;
	int code = check_new_device(machine, id, err);

	if (code == 0)
		code = machine_devices_add_disk(&machine->devices, definition, id, resource, &slot, err);
	if (code == 0)
		machine_hotplug_came(slot);
	return code;
}

int machine_add_network(struct machine *machine, const struct network_definition *definition, const char *id,
			struct network_resource *resource, struct error *err)
{
	struct virtio_slot *slot;
	int code = check_new_device(machine, id, err);

	if (code == 0)
		code = machine_devices_add_network(&machine->devices, definition, id, resource, &slot, err);
	if (code == 0)
		machine_hotplug_came(slot);
	return code;
}

int machine_remove_device(struct machine *machine, const char *id, struct error *err)
{
	return machine_hotplug_ask(&machine->devices, id, err);
}

int machine_set_link(struct machine *machine, const char *id, bool up, struct error *err)
{
	return machine_devices_set_link(&machine->devices, id, up, err);
}

int machine_resize_disk(struct machine *machine, const char *id, uint64_t size, struct error *err)
{
	return machine_devices_resize_disk(&machine->devices, id, size, err);
}

int machine_limit_disk(struct machine *machine, const char *id, const struct disk_definition *definition,
		       struct error *err)
{
	return machine_devices_limit_disk(&machine->devices, id, definition, err);
}

int machine_set_rates(struct machine *machine, const char *id, const struct network_rates *rates,
		      struct error *err)
{
	return machine_devices_set_rates(&machine->devices, id, rates, err);
}

bool machine_has_hotplug(const struct machine *machine)
{
	return machine->devices.is_pci;
}

void machine_each_device(const struct machine *machine,
			 void (*each)(void *argument, const struct machine_device *device), void *argument)
{
	for (unsigned i = 0; i < VIRTIO_SLOTS_MAX; i++) {
		const struct virtio_slot *slot = &machine->devices.virtio[i];
		struct machine_device device = {
			.id = slot->id,
			.kind = slot->kind == VIRTIO_SLOT_DISK ? "disk" : "network",
			.slot = i + 1,
			.leaving = slot->leaving,
		};

		if (atomic_load(&slot->state) != VIRTIO_SLOT_EMPTY && slot->kind != VIRTIO_SLOT_FIXED)
			each(argument, &device);
	}
}
