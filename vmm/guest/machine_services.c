#include "vmm/guest/machine_services.h"

#include <errno.h>

#include "common/util.h"
#include "devmodel/virtio/channels.h"
#include "devmodel/virtio/console.h"
#include "devmodel/virtio/rng.h"
#include "devmodel/virtio/vsock.h"
#include "vmm/guest/machine_devices.h"
#include "vmm/guest/machine_state.h"

static int add_vsock(struct machine_devices *devices, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, "vsock0", false, err);
	struct virtio_device *device;
	struct virtio_vsock_options options = {
		.cid = devices->config->definition->vsock_cid,
		.listen_fd = devices->config->resources->vsock_listen_fd,
		.connect = devices->config->vsock_connect,
		.owner = devices->config->owner,
	};

	if (!slot)
		return -ENOSPC;
	device = virtio_vsock_create(&options, devices->memory, virtio_slot_loop(slot), err);
	if (device)
		devices->config->resources->vsock_listen_fd = -1;
	devices->services.vsock = device;
	return virtio_slot_fill(slot, device, NULL, err);
}

static int add_rng(struct machine_devices *devices, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, "rng0", false, err);
	const struct rate *rate = &devices->config->definition->rng.rate;

	if (!slot)
		return -ENOSPC;
	return virtio_slot_fill(slot, virtio_rng_create(rate, devices->memory, virtio_slot_loop(slot), err),
				NULL, err);
}

static int add_console(struct machine_devices *devices, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, "console0", false, err);
	struct virtio_device *device;

	if (!slot)
		return -ENOSPC;
	device = virtio_console_create("console", console_hub_backend(devices->config->console),
				       devices->memory, virtio_slot_loop(slot), err);
	if (device)
		console_hub_connect(devices->config->console, virtio_console_frontend(device));
	devices->services.console = device;
	return virtio_slot_fill(slot, device, NULL, err);
}

/* --- Channels --- */

static int make_channels(struct machine_devices *devices, struct virtio_channel *descriptions,
			 struct error *err)
{
	const struct channel_definitions *definitions = &devices->config->definition->channels;
	struct machine_services *services = &devices->services;

	for (unsigned i = 0; i < definitions->count; i++) {
		int *fd = &devices->config->resources->channel_fds[i];
		struct channel *channel =
			channel_create(definitions->channels[i].name, *fd, devices->config->loop, err);

		if (!channel)
			return -ENOMEM;
		*fd = -1;
		services->channels[services->channel_count++] = channel;
		channel_watch(channel, devices->config->channels_changed, devices->config->owner);
		descriptions[i] = channel_describe(channel);
	}
	return 0;
}

static int add_channels(struct machine_devices *devices, struct error *err)
{
	struct virtio_slot *slot = virtio_slot_open(devices, VIRTIO_SLOT_FIXED, "channels0", false, err);
	struct virtio_channel descriptions[CHANNELS_MAX];
	struct machine_services *services = &devices->services;
	struct virtio_device *device = NULL;
	int code;

	_Static_assert((int)CHANNELS_MAX == (int)VIRTIO_CHANNELS_MAX, "a port a channel");
	if (!slot)
		return -ENOSPC;
	if (make_channels(devices, descriptions, err) == 0)
		device = virtio_channels_create(descriptions, services->channel_count, devices->memory,
						virtio_slot_loop(slot), err);
	code = virtio_slot_fill(slot, device, NULL, err);
	for (unsigned i = 0; i < services->channel_count && code == 0; i++)
		channel_connect(services->channels[i], device, i);
	return code;
}

int machine_services_add(struct machine_devices *devices, struct error *err)
{
	const struct guest_definition *definition = devices->config->definition;
	int code = definition->vsock_cid ? add_vsock(devices, err) : 0;

	if (code == 0 && definition->rng.present)
		code = add_rng(devices, err);
	if (code == 0 && definition->console == GUEST_CONSOLE_VIRTIO)
		code = add_console(devices, err);
	if (code == 0 && definition->channels.count)
		code = add_channels(devices, err);
	if (code == 0)
		code = machine_memory_add(devices, err);
	return code;
}

void machine_services_disconnect(struct machine_services *services)
{
	for (unsigned i = 0; i < services->channel_count; i++)
		channel_connect(services->channels[i], NULL, 0);
}

void machine_services_close(struct machine_services *services)
{
	for (unsigned i = 0; i < services->channel_count; i++)
		channel_destroy(services->channels[i]);
	services->channel_count = 0;
}

/* --- While it runs (machine.h) --- */

int machine_vsock_connect(struct machine *machine, int fd, uint32_t port)
{
	struct virtio_device *vsock = machine->devices.services.vsock;

	return vsock ? virtio_vsock_connect(vsock, fd, port) : -ENODEV;
}

void machine_resize_console(struct machine *machine, uint16_t columns, uint16_t rows)
{
	struct virtio_device *console = machine->devices.services.console;

	if (console)
		virtio_console_resize(console, columns, rows);
}

unsigned machine_channels(const struct machine *machine)
{
	return machine->devices.services.channel_count;
}

bool machine_channel_open(const struct machine *machine, unsigned channel)
{
	return channel_guest_open(machine->devices.services.channels[channel]);
}

int machine_connect_channel(struct machine *machine, const char *name, int fd, struct error *err)
{
	const struct guest_definition *definition = machine->config.definition;
	int channel = channel_definitions_find(&definition->channels, name);

	if (channel < 0)
		return error_set(err, -ENOENT, "guest %s: has no channel %s", definition->name, name);
	return channel_add_client(machine->devices.services.channels[channel], fd, err);
}
