/*
 * One port of a virtio console device (virtio 1.2, 5.3): a queue of what the guest prints and one of buffers
 * for what it is to read, with a backend behind them. console.h has one, channels.h has several.
 *
 * Back-pressure as chardev.h says: output the backend does not take stays in the guest's buffers, unpopped;
 * input that finds no buffer stays with the backend, which is told when there is one.
 *
 * All on the device's loop, with the lock of the queue that it is about; a reset with all locks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devmodel/chardev.h"
#include "devmodel/virtio/device.h"

struct console_port {
	/* Set by the device. */
	struct virtio_device *device;
	struct chardev_backend *backend;
	unsigned receive; /* queues, named from the driver's side */
	unsigned transmit;
	struct virtq_chain *chain; /* scratch, shared by the device's ports */

	size_t output_sent;  /* of the oldest chain in `transmit`, which the backend took only in part */
	bool output_blocked; /* until the backend says writable */
	bool input_waits;    /* the backend has input that found no buffer */
};

/* Gives the backend what the guest has printed. */
void console_port_transmit(struct console_port *port);
/* Puts input into the guest's buffers; returns how much. What is left over is announced by the backend's
 * readable once there are buffers. */
size_t console_port_receive(struct console_port *port, const uint8_t *data, size_t len);
/* The backend takes output again. */
void console_port_writable(struct console_port *port);
/* There are buffers for input. */
void console_port_refilled(struct console_port *port);
/* The device was reset. */
void console_port_reset(struct console_port *port);
/* One of the device's queues was. */
void console_port_queue_reset(struct console_port *port, unsigned queue);
