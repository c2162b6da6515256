#include "devmodel/virtio/console.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/console_port.h"

#define CONSOLE_QUEUE_SIZE 64

/* 5.3.2; named from the driver's side. */
#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1
#define QUEUE_COUNT    2

struct console {
	struct virtio_device device;
	struct chardev_frontend frontend;
	struct console_port port;
	char *name;
	struct virtio_console_config config;
	struct virtq_chain chain;
};

static size_t console_input(struct chardev_frontend *frontend, const uint8_t *data, size_t len)
{
	struct console *console = CONTAINER_OF(frontend, struct console, frontend);
	size_t taken;

	virtio_queue_lock(&console->device, QUEUE_RECEIVE);
	taken = console_port_receive(&console->port, data, len);
	virtio_queue_unlock(&console->device, QUEUE_RECEIVE);
	return taken;
}

static void console_writable(struct chardev_frontend *frontend)
{
	struct console *console = CONTAINER_OF(frontend, struct console, frontend);

	virtio_queue_lock(&console->device, QUEUE_TRANSMIT);
	console_port_writable(&console->port);
	virtio_queue_unlock(&console->device, QUEUE_TRANSMIT);
}

static void console_notify(struct virtio_device *device, unsigned index)
{
	struct console *console = CONTAINER_OF(device, struct console, device);

	if (index == QUEUE_TRANSMIT)
		console_port_transmit(&console->port);
	else
		console_port_refilled(&console->port);
}

static void console_reset(struct virtio_device *device)
{
	console_port_reset(&CONTAINER_OF(device, struct console, device)->port);
}

static void console_queue_reset(struct virtio_device *device, unsigned queue)
{
	console_port_queue_reset(&CONTAINER_OF(device, struct console, device)->port, queue);
}

static void console_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	struct console *console = CONTAINER_OF(device, struct console, device);

	memcpy(data, (const uint8_t *)&console->config + offset, len);
}

static void console_destroy(struct virtio_device *device)
{
	struct console *console = CONTAINER_OF(device, struct console, device);

	virtio_device_close(device);
	free(console->name);
	free(console);
}

static const struct virtio_device_ops console_ops = {
	.config_read = console_config_read,
	.reset = console_reset,
	.queue_reset = console_queue_reset,
	.notify = console_notify,
	.destroy = console_destroy,
};

static int console_init(struct console *console, const char *name, const struct guest_memory *memory,
			struct loop *loop, struct error *err)
{
	if (asprintf(&console->name, "console %s", name) < 0) {
		console->name = NULL;
		return error_set(err, -ENOMEM, "console %s: out of memory", name);
	}
	console->frontend = (struct chardev_frontend){.input = console_input, .writable = console_writable};
	console->device.ops = &console_ops;
	console->device.id = VIRTIO_ID_CONSOLE;
	console->device.name = console->name;
	console->device.offered = 1ULL << VIRTIO_CONSOLE_F_SIZE;
	console->device.queue_count = QUEUE_COUNT;
	console->device.in_order = true;
	console->device.config_size = sizeof(console->config);
	return virtio_device_init(&console->device, memory, loop, err);
}

struct virtio_device *virtio_console_create(const char *name, struct chardev_backend *backend,
					    const struct guest_memory *memory, struct loop *loop,
					    struct error *err)
{
	struct console *console = calloc(1, sizeof(*console));

	if (!console) {
		error_set(err, -ENOMEM, "console %s: out of memory", name);
		return NULL;
	}
	console->port = (struct console_port){
		.device = &console->device,
		.backend = backend,
		.receive = QUEUE_RECEIVE,
		.transmit = QUEUE_TRANSMIT,
		.chain = &console->chain,
	};
	if (console_init(console, name, memory, loop, err) < 0) {
		free(console->name);
		free(console);
		return NULL;
	}
	for (unsigned i = 0; i < QUEUE_COUNT; i++)
		console->device.queues[i].size_max = CONSOLE_QUEUE_SIZE;
	return &console->device;
}

struct chardev_frontend *virtio_console_frontend(struct virtio_device *device)
{
	return &CONTAINER_OF(device, struct console, device)->frontend;
}

void virtio_console_resize(struct virtio_device *device, uint16_t columns, uint16_t rows)
{
	struct console *console = CONTAINER_OF(device, struct console, device);

	pthread_mutex_lock(&device->lock);
	if (le16toh(console->config.cols) != columns || le16toh(console->config.rows) != rows) {
		console->config.cols = htole16(columns);
		console->config.rows = htole16(rows);
		virtio_config_changed(device);
	}
	pthread_mutex_unlock(&device->lock);
}
