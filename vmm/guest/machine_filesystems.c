/* The directories of the host that a guest's machine shares. Part of machine_devices.c. */
#include <errno.h>
#include <stdio.h>

#include "devmodel/virtio/fs.h"
#include "vmm/guest/machine_devices.h"

int machine_devices_add_filesystem(struct machine_devices *devices, unsigned index, struct error *err)
{
	const struct filesystem_definition *definition =
		&devices->config->definition->filesystems.list[index];
	int *channel = &devices->config->resources->filesystem_fds[index];
	const struct virtio_fs_options options = {
		.tag = definition->tag,
		.channel = *channel,
		.queue_size = definition->queue_size,
	};
	char id[MACHINE_DEVICE_ID];
	struct virtio_slot *slot;
	struct virtio_device *device;

	_Static_assert(FILESYSTEM_TAG_MAX == VIRTIO_FS_TAG_MAX && FILESYSTEM_QUEUE_MAX == VIRTIO_FS_QUEUE_MAX,
		       "the device takes what a definition may say");
	snprintf(id, sizeof(id), "fs%u", index);
	slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, id, false, err);
	if (!slot)
		return -ENOSPC;
	device = virtio_fs_create(&options, devices->memory, virtio_slot_loop(slot), err);
	if (device)
		*channel = -1;
	return virtio_slot_fill(slot, device, &definition->driver, err);
}
