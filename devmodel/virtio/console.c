#include "devmodel/virtio/console.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define CONSOLE_QUEUE_SIZE 64

/* 5.3.2; named from the driver's side. */
#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1
#define QUEUE_COUNT    2

struct console {
	struct virtio_device device;
	struct chardev_frontend frontend;
	struct chardev_backend *backend;
	char *name;
	struct virtio_console_config config;
	size_t output_sent;  /* of the oldest chain in the transmit queue, which the backend took only in part
			      */
	bool output_blocked; /* until the backend says writable */
	bool input_waits;    /* the backend has input that found no buffer */
	struct virtq_chain chain;
};

/* Hands the popped chain to the backend, from output_sent on; true when it took all. */
static bool console_send(struct console *console)
{
	size_t offset = 0; /* of the part in the chain */

	for (unsigned i = 0; i < console->chain.readable_count; i++) {
		const struct iovec *part = &console->chain.iov[i];
		size_t skip = console->output_sent - offset;

		if (skip < part->iov_len)
			console->output_sent += console->backend->output(
				console->backend, (const uint8_t *)part->iov_base + skip,
				part->iov_len - skip);
		offset += part->iov_len;
		if (console->output_sent < offset)
			return false;
	}
	return true;
}

static void console_transmit(struct console *console)
{
	struct virtq *queue = &console->device.queues[QUEUE_TRANSMIT];
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(&console->device, QUEUE_TRANSMIT, &console->chain, &budget)) {
		if (!console_send(console)) {
			console->output_blocked = true;
			virtq_unpop(queue, console->chain.token);
			break;
		}
		console->output_sent = 0;
		virtq_push(queue, console->chain.token, 0);
	}
	virtio_interrupt(&console->device, QUEUE_TRANSMIT);
}

static size_t console_receive(struct console *console, const uint8_t *data, size_t len)
{
	struct virtio_device *device = &console->device;
	struct virtq_chain *chain = &console->chain;
	unsigned budget = VIRTIO_BATCH;
	size_t taken = 0;

	while (taken < len && virtio_device_pop(device, QUEUE_RECEIVE, chain, &budget)) {
		size_t written = virtq_chain_write(chain, 0, data + taken, len - taken);

		if (written == 0) {
			virtio_device_broken(device, "a receive buffer that cannot be written");
			break;
		}
		virtq_push(&device->queues[QUEUE_RECEIVE], chain->token, (uint32_t)written);
		taken += written;
	}
	virtio_interrupt(device, QUEUE_RECEIVE);
	return taken;
}

static size_t console_input(struct chardev_frontend *frontend, const uint8_t *data, size_t len)
{
	struct console *console = CONTAINER_OF(frontend, struct console, frontend);
	size_t taken = 0;

	pthread_mutex_lock(&console->device.lock);
	if (virtio_device_live(&console->device))
		taken = console_receive(console, data, len);
	console->input_waits = taken < len;
	pthread_mutex_unlock(&console->device.lock);
	return taken;
}

static void console_writable(struct chardev_frontend *frontend)
{
	struct console *console = CONTAINER_OF(frontend, struct console, frontend);

	pthread_mutex_lock(&console->device.lock);
	if (console->output_blocked && virtio_device_live(&console->device)) {
		console->output_blocked = false;
		console_transmit(console);
	}
	pthread_mutex_unlock(&console->device.lock);
}

static void console_notify(struct virtio_device *device, unsigned index)
{
	struct console *console = CONTAINER_OF(device, struct console, device);

	if (index == QUEUE_TRANSMIT) {
		if (!console->output_blocked)
			console_transmit(console);
	} else if (console->input_waits) {
		console->input_waits = false;
		console->backend->readable(console->backend);
	} else {
		virtq_disable_notify(&device->queues[index]); /* until there is input and no buffer */
	}
}

static void console_reset(struct virtio_device *device)
{
	struct console *console = CONTAINER_OF(device, struct console, device);

	console->output_sent = 0;
	console->output_blocked = false;
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
	console->backend = backend;
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
