/*
 * The devices by which a guest and its host help each other: vsock, entropy, the virtio console, channels for
 * agents, the balloon, memory that is plugged in. Part of machine_devices.c; loop thread only.
 */
#pragma once

#include "common/error.h"
#include "devmodel/virtio/device.h"
#include "vmm/config/channel.h"
#include "vmm/config/memory_devices.h"
#include "vmm/guest/channel.h"

struct machine_devices;

struct machine_services {
	struct virtio_device *vsock; /* each: NULL, it has none */
	struct virtio_device *console;
	struct virtio_device *balloon;
	struct virtio_device *memory[MEMORY_DEVICES_MAX];
	unsigned channel_count;
	struct channel *channels[CHANNELS_MAX];
};

/* Those of the definition; descriptors are taken over from the machine's resources. */
int machine_services_add(struct machine_devices *devices, struct error *err);
/* Of these the balloon and memory devices (machine_memory.c). */
int machine_memory_add(struct machine_devices *devices, struct error *err);
/* Before the devices go: nobody of the host reaches them any more. */
void machine_services_disconnect(struct machine_services *services);
/* After they have gone. */
void machine_services_close(struct machine_services *services);
