#include "devmodel/virtio/channels.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/console_port.h"

#define PORT_QUEUE_SIZE 64

/* 5.3.2; named from the driver's side. */
#define QUEUE_PORT0_RECEIVE    0
#define QUEUE_PORT0_TRANSMIT   1
#define QUEUE_CONTROL_RECEIVE  2
#define QUEUE_CONTROL_TRANSMIT 3
#define QUEUES_OF_PORT         2

_Static_assert(QUEUES_OF_PORT *(VIRTIO_CHANNELS_MAX + 2) <= VIRTIO_QUEUES_MAX, "each port has its queues");

/* What the driver is to be told of a port, in this order. */
enum channel_owed {
	OWED_ADD = 1 << 0,
	OWED_NAME = 1 << 1,
	OWED_CLOSE = 1 << 2,
	OWED_OPEN = 1 << 3,
};

struct channel {
	struct channels *channels;
	struct chardev_frontend frontend;
	struct console_port port;
	void (*opened)(struct chardev_backend *backend, bool open);
	char *name;
	unsigned owed;
	bool added;      /* the driver was told of it, ... */
	bool ready;      /* ... and has it */
	bool guest_open; /* a program of the guest is there */
	bool host_open;  /* somebody of the host is */
};

struct channels {
	struct virtio_device device;
	struct virtio_console_config config;
	struct virtq_chain chain;
	unsigned count;
	struct channel channels[VIRTIO_CHANNELS_MAX];
};

static uint32_t channel_id(const struct channel *channel)
{
	return (uint32_t)(channel - channel->channels->channels) + 1;
}

static struct channel *channel_find(struct channels *channels, uint32_t id)
{
	return id >= 1 && id <= channels->count ? &channels->channels[id - 1] : NULL;
}

static void channel_set_guest_open(struct channel *channel, bool open)
{
	if (channel->guest_open == open)
		return;
	channel->guest_open = open;
	channel->opened(channel->port.backend, open);
}

/* ---- What the driver is told ---- */

static struct channel *channel_owing(struct channels *channels)
{
	for (unsigned i = 0; i < channels->count; i++) {
		if (channels->channels[i].owed)
			return &channels->channels[i];
	}
	return NULL;
}

/* The next message that is owed of this channel. */
static struct virtio_console_control control_next(struct channel *channel)
{
	static const struct {
		enum channel_owed owed;
		uint16_t event, value;
	} messages[] = {
		{OWED_ADD, VIRTIO_CONSOLE_PORT_ADD, 1},
		{OWED_NAME, VIRTIO_CONSOLE_PORT_NAME, 1},
		{OWED_CLOSE, VIRTIO_CONSOLE_PORT_OPEN, 0},
		{OWED_OPEN, VIRTIO_CONSOLE_PORT_OPEN, 1},
	};
	unsigned i = 0;

	while (!(channel->owed & messages[i].owed))
		i++;
	channel->owed &= ~(unsigned)messages[i].owed;
	return (struct virtio_console_control){
		.id = htole32(channel_id(channel)),
		.event = htole16(messages[i].event),
		.value = htole16(messages[i].value),
	};
}

/* Into the popped chain; the bytes written, 0 when it has no room. The name has no 0 behind it (5.3.6.2). */
static uint32_t control_write(struct channel *channel, const struct virtq_chain *chain)
{
	size_t name_len =
		channel->owed & OWED_ADD || !(channel->owed & OWED_NAME) ? 0 : strlen(channel->name);
	struct virtio_console_control control;

	if (chain->writable_len < sizeof(control) + name_len)
		return 0;
	control = control_next(channel);
	virtq_chain_write(chain, 0, &control, sizeof(control));
	virtq_chain_write(chain, sizeof(control), channel->name, name_len);
	return (uint32_t)(sizeof(control) + name_len);
}

static void control_send(struct channels *channels)
{
	struct virtio_device *device = &channels->device;
	struct virtq *queue = &device->queues[QUEUE_CONTROL_RECEIVE];
	unsigned budget = VIRTIO_BATCH;
	struct channel *channel;

	if (!virtio_device_live(device))
		return;
	virtq_disable_notify(queue);
	while ((channel = channel_owing(channels)) &&
	       virtio_device_pop(device, QUEUE_CONTROL_RECEIVE, &channels->chain, &budget)) {
		uint32_t written = control_write(channel, &channels->chain);

		if (written == 0) {
			virtio_device_broken(device, "a control buffer has no room for a message");
			break;
		}
		virtq_push(queue, channels->chain.token, written);
	}
	virtio_interrupt(device, QUEUE_CONTROL_RECEIVE);
}

/* ---- What the driver says ---- */

static void device_ready(struct channels *channels, bool ready)
{
	for (unsigned i = 0; ready && i < channels->count; i++) {
		struct channel *channel = &channels->channels[i];

		if (!channel->added)
			channel->owed |= OWED_ADD;
		channel->added = true;
	}
	if (!ready)
		log_limited(&channels->device.log_limit, LOG_LEVEL_WARNING,
			    "virtio %s: the driver cannot use it", channels->device.name);
}

static void port_ready(struct channel *channel, bool ready)
{
	if (!channel->added || channel->ready)
		return;
	if (!ready) {
		log_limited(&channel->channels->device.log_limit, LOG_LEVEL_WARNING,
			    "virtio %s: the driver cannot use port %s", channel->channels->device.name,
			    channel->name);
		return;
	}
	channel->ready = true;
	channel->owed |= OWED_NAME | (channel->host_open ? OWED_OPEN : 0U);
}

static void port_open(struct channel *channel, bool open)
{
	if (!channel->ready)
		return;
	channel_set_guest_open(channel, open);
	/* What waited for the program, or was printed by it before it came. */
	if (open && channel->port.input_waits)
		console_port_refilled(&channel->port);
}

static void control_receive(struct channels *channels, const struct virtio_console_control *control)
{
	struct channel *channel = channel_find(channels, le32toh(control->id));
	bool value = le16toh(control->value) != 0;

	switch (le16toh(control->event)) {
	case VIRTIO_CONSOLE_DEVICE_READY:
		device_ready(channels, value);
		break;
	case VIRTIO_CONSOLE_PORT_READY:
		if (channel)
			port_ready(channel, value);
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		if (channel)
			port_open(channel, value);
		break;
	default:
		break;
	}
}

static void control_take(struct channels *channels)
{
	struct virtio_device *device = &channels->device;
	struct virtq *queue = &device->queues[QUEUE_CONTROL_TRANSMIT];
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, QUEUE_CONTROL_TRANSMIT, &channels->chain, &budget)) {
		struct virtio_console_control control;

		if (virtq_chain_read(&channels->chain, 0, &control, sizeof(control)) != sizeof(control)) {
			virtio_device_broken(device, "a control message is too short");
			break;
		}
		virtq_push(queue, channels->chain.token, 0);
		control_receive(channels, &control);
	}
	virtio_interrupt(device, QUEUE_CONTROL_TRANSMIT);
	if (!virtio_queue_trylock(device, QUEUE_CONTROL_RECEIVE)) {
		virtio_device_kick(device, QUEUE_CONTROL_RECEIVE);
		return;
	}
	control_send(channels);
	virtio_queue_unlock(device, QUEUE_CONTROL_RECEIVE);
}

/* ---- Ports ---- */

/* A driver without VIRTIO_CONSOLE_F_MULTIPORT has port 0 only, and prints to nobody. */
static void port0_drop(struct channels *channels)
{
	struct virtio_device *device = &channels->device;
	unsigned budget = VIRTIO_BATCH;

	while (virtio_device_pop(device, QUEUE_PORT0_TRANSMIT, &channels->chain, &budget))
		virtq_push(&device->queues[QUEUE_PORT0_TRANSMIT], channels->chain.token, 0);
	virtio_interrupt(device, QUEUE_PORT0_TRANSMIT);
}

static void port_notify(struct channels *channels, unsigned queue)
{
	struct channel *channel = channel_find(channels, queue / QUEUES_OF_PORT - 1);

	if (queue % QUEUES_OF_PORT)
		console_port_transmit(&channel->port);
	else if (channel->guest_open)
		console_port_refilled(&channel->port);
}

static void channels_notify(struct virtio_device *device, unsigned queue)
{
	struct channels *channels = CONTAINER_OF(device, struct channels, device);

	if (queue == QUEUE_PORT0_TRANSMIT)
		port0_drop(channels);
	else if (queue == QUEUE_PORT0_RECEIVE || !virtio_has(device, VIRTIO_CONSOLE_F_MULTIPORT))
		virtq_disable_notify(&device->queues[queue]);
	else if (queue == QUEUE_CONTROL_RECEIVE)
		control_send(channels);
	else if (queue == QUEUE_CONTROL_TRANSMIT)
		control_take(channels);
	else
		port_notify(channels, queue);
}

static size_t channel_input(struct chardev_frontend *frontend, const uint8_t *data, size_t len)
{
	struct channel *channel = CONTAINER_OF(frontend, struct channel, frontend);
	struct virtio_device *device = &channel->channels->device;
	size_t taken = 0;

	virtio_queue_lock(device, channel->port.receive);
	if (channel->guest_open)
		taken = console_port_receive(&channel->port, data, len);
	else
		channel->port.input_waits = len > 0;
	virtio_queue_unlock(device, channel->port.receive);
	return taken;
}

static void channel_writable(struct chardev_frontend *frontend)
{
	struct channel *channel = CONTAINER_OF(frontend, struct channel, frontend);
	struct virtio_device *device = &channel->channels->device;

	virtio_queue_lock(device, channel->port.transmit);
	console_port_writable(&channel->port);
	virtio_queue_unlock(device, channel->port.transmit);
}

void virtio_channels_set_open(struct virtio_device *device, unsigned index, bool open)
{
	struct channels *channels = CONTAINER_OF(device, struct channels, device);
	struct channel *channel = &channels->channels[index];

	virtio_queue_lock(device, QUEUE_CONTROL_RECEIVE);
	if (channel->host_open != open) {
		channel->host_open = open;
		if (channel->ready) {
			channel->owed &= ~(unsigned)OWED_OPEN;
			channel->owed |= open ? OWED_OPEN : OWED_CLOSE;
		}
		control_send(channels);
	}
	virtio_queue_unlock(device, QUEUE_CONTROL_RECEIVE);
}

/* ---- The device ---- */

static void channels_reset(struct virtio_device *device)
{
	struct channels *channels = CONTAINER_OF(device, struct channels, device);

	for (unsigned i = 0; i < channels->count; i++) {
		struct channel *channel = &channels->channels[i];

		console_port_reset(&channel->port);
		channel->owed = 0;
		channel->added = channel->ready = false;
		channel_set_guest_open(channel, false);
	}
}

static void channels_queue_reset(struct virtio_device *device, unsigned queue)
{
	struct channels *channels = CONTAINER_OF(device, struct channels, device);

	for (unsigned i = 0; i < channels->count; i++)
		console_port_queue_reset(&channels->channels[i].port, queue);
}

static void channels_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	struct channels *channels = CONTAINER_OF(device, struct channels, device);

	memcpy(data, (const uint8_t *)&channels->config + offset, len);
}

static void channels_free(struct channels *channels)
{
	for (unsigned i = 0; i < channels->count; i++)
		free(channels->channels[i].name);
	free(channels);
}

static void channels_destroy(struct virtio_device *device)
{
	virtio_device_close(device);
	channels_free(CONTAINER_OF(device, struct channels, device));
}

static const struct virtio_device_ops channels_ops = {
	.config_read = channels_config_read,
	.reset = channels_reset,
	.queue_reset = channels_queue_reset,
	.notify = channels_notify,
	.destroy = channels_destroy,
};

/* False: out of memory. */
static bool channel_make(struct channels *channels, const struct virtio_channel *options)
{
	unsigned id = channels->count + 1;
	struct channel *channel = &channels->channels[channels->count];

	*channel = (struct channel){
		.channels = channels,
		.frontend = {.input = channel_input, .writable = channel_writable},
		.opened = options->opened,
		.name = strdup(options->name),
		.port =
			{
				.device = &channels->device,
				.backend = options->backend,
				.receive = QUEUES_OF_PORT * (id + 1),
				.transmit = QUEUES_OF_PORT * (id + 1) + 1,
				.chain = &channels->chain,
			},
	};
	channels->count++;
	return channel->name != NULL;
}

struct virtio_device *virtio_channels_create(const struct virtio_channel *options, unsigned count,
					     const struct guest_memory *memory, struct loop *loop,
					     struct error *err)
{
	struct channels *channels = calloc(1, sizeof(*channels));
	bool made = channels != NULL;

	for (unsigned i = 0; i < count && made; i++)
		made = channel_make(channels, &options[i]);
	if (!made) {
		error_set(err, -ENOMEM, "channels: out of memory");
		goto failed;
	}
	channels->config.max_nr_ports = htole32(count + 1);
	channels->device.ops = &channels_ops;
	channels->device.id = VIRTIO_ID_CONSOLE;
	channels->device.name = "channels";
	channels->device.offered = 1ULL << VIRTIO_CONSOLE_F_MULTIPORT;
	channels->device.queue_count = QUEUES_OF_PORT * (count + 2);
	channels->device.in_order = true;
	channels->device.config_size = sizeof(channels->config);
	if (virtio_device_init(&channels->device, memory, loop, err) < 0)
		goto failed;
	for (unsigned i = 0; i < channels->device.queue_count; i++)
		channels->device.queues[i].size_max = PORT_QUEUE_SIZE;
	return &channels->device;
failed:
	if (channels)
		channels_free(channels);
	return NULL;
}

struct chardev_frontend *virtio_channels_frontend(struct virtio_device *device, unsigned channel)
{
	return &CONTAINER_OF(device, struct channels, device)->channels[channel].frontend;
}
