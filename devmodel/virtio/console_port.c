#include "devmodel/virtio/console_port.h"

#include "common/counter.h"

/* Hands the popped chain to the backend, from output_sent on; true when it took all. */
static bool port_send(struct console_port *port)
{
	size_t offset = 0; /* of the part in the chain */

	for (unsigned i = 0; i < port->chain->readable_count; i++) {
		const struct iovec *part = &port->chain->iov[i];
		size_t skip = port->output_sent - offset;

		if (skip < part->iov_len) {
			size_t taken = port->backend->output(
				port->backend, (const uint8_t *)part->iov_base + skip, part->iov_len - skip);

			port->output_sent += taken;
			counter_add(&virtio_queue_counters(port->device, port->transmit)->from_guest, taken);
		}
		offset += part->iov_len;
		if (port->output_sent < offset)
			return false;
	}
	return true;
}

void console_port_transmit(struct console_port *port)
{
	struct virtq *queue = &port->device->queues[port->transmit];
	unsigned budget = VIRTIO_BATCH;

	if (port->output_blocked)
		return;
	virtq_disable_notify(queue);
	while (virtio_device_pop(port->device, port->transmit, port->chain, &budget)) {
		if (!port_send(port)) {
			port->output_blocked = true;
			virtq_unpop(queue, port->chain->token);
			break;
		}
		port->output_sent = 0;
		virtq_push(queue, port->chain->token, 0);
	}
	virtio_interrupt(port->device, port->transmit);
}

static size_t port_fill(struct console_port *port, const uint8_t *data, size_t len)
{
	struct virtq *queue = &port->device->queues[port->receive];
	unsigned budget = VIRTIO_BATCH;
	size_t taken = 0;

	while (taken < len && virtio_device_pop(port->device, port->receive, port->chain, &budget)) {
		size_t written = virtq_chain_write(port->chain, 0, data + taken, len - taken);

		if (written == 0) {
			virtio_device_broken(port->device, "a receive buffer that cannot be written");
			break;
		}
		virtq_push(queue, port->chain->token, (uint32_t)written);
		taken += written;
	}
	virtio_interrupt(port->device, port->receive);
	counter_add(&virtio_queue_counters(port->device, port->receive)->to_guest, taken);
	return taken;
}

size_t console_port_receive(struct console_port *port, const uint8_t *data, size_t len)
{
	size_t taken = virtio_device_live(port->device) ? port_fill(port, data, len) : 0;

	port->input_waits = taken < len;
	return taken;
}

void console_port_writable(struct console_port *port)
{
	if (!port->output_blocked || !virtio_device_live(port->device))
		return;
	port->output_blocked = false;
	console_port_transmit(port);
}

void console_port_refilled(struct console_port *port)
{
	if (port->input_waits) {
		port->input_waits = false;
		port->backend->readable(port->backend);
	} else {
		/* until there is input and no buffer */
		virtq_disable_notify(&port->device->queues[port->receive]);
	}
}

void console_port_queue_reset(struct console_port *port, unsigned queue)
{
	if (queue == port->transmit)
		port->output_sent = 0;
}

void console_port_reset(struct console_port *port)
{
	port->output_sent = 0;
	port->output_blocked = false;
}
