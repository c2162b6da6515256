/*
 * The displays of a guest's machine: a virtio GPU with a thread of its own, so that the copy of a large
 * picture holds up no other device. Part of machine_devices.c.
 */
#include <errno.h>

#include "common/util.h"
#include "devmodel/virtio/gpu.h"
#include "vmm/guest/machine_devices.h"
#include "vmm/guest/machine_state.h"

int machine_display_add(struct machine_devices *devices, struct error *err)
{
	const struct video_definition *video = &devices->config->definition->video;
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, "video0", false, err);
	struct virtio_device *device = NULL;
	struct virtio_gpu_options options = {
		.heads = video->heads,
		.width = video->width,
		.height = video->height,
		.vram = KIB(video->vram_kib),
		.display = devices->config->display,
	};

	if (!slot)
		return -ENOSPC;
	if (virtio_slot_make_thread(slot, MACHINE_THREAD_DISPLAY, err) == 0)
		device = virtio_gpu_create(&options, devices->memory, virtio_slot_loop(slot), err);
	devices->gpu = device;
	return virtio_slot_fill(slot, device, NULL, err);
}

int machine_resize_display(struct machine *machine, unsigned index, uint32_t width, uint32_t height)
{
	struct virtio_device *gpu = machine->devices.gpu;

	return gpu ? virtio_gpu_set_size(gpu, index, width, height) : -ENODEV;
}
