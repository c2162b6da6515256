/*
 * Named ports for agents: a virtio console device with VIRTIO_CONSOLE_F_MULTIPORT (virtio 1.2, 5.3), what
 * libvirt calls channels. In a Linux guest port NAME is /dev/virtio-ports/NAME.
 *
 *      queues 0, 1   port 0: there is none, as no port is a console (console.h is a device of its own)
 *      queues 2, 3   control messages to and from the driver (5.3.6.2)
 *      queues 4...   two for each port, from 1 on
 *
 *      driver  DEVICE_READY --------> PORT_ADD for each port
 *              PORT_READY ----------> PORT_NAME, and PORT_OPEN while somebody of the host is there
 *              PORT_OPEN -----------> backend's opened(): a program of the guest is there, or is not
 *
 * What the driver is to be told are flags and no messages, so that nothing is lost and nothing grows while it
 * offers no buffer. Messages of a port that is not, of an unknown event or out of turn change nothing.
 *
 * Input waits while no program of the guest has the port open; output is dropped while nobody of the host is
 * there. Back-pressure per port as chardev.h says.
 */
#pragma once

#include "devmodel/chardev.h"
#include "devmodel/virtio/device.h"

#define VIRTIO_CHANNELS_MAX 8

struct virtio_channel {
	const char *name; /* copied */
	struct chardev_backend *backend;
	/* A program of the guest has opened or closed it; so does a reset. Any thread, the device's lock
	 * held: must not block and not call back. */
	void (*opened)(struct chardev_backend *backend, bool open);
};

/* count: 1 to VIRTIO_CHANNELS_MAX. */
struct virtio_device *virtio_channels_create(const struct virtio_channel *channels, unsigned count,
					     const struct guest_memory *memory, struct loop *loop,
					     struct error *err);

/* Where a channel's backend puts input and announces room; valid for the device's life. */
struct chardev_frontend *virtio_channels_frontend(struct virtio_device *device, unsigned channel);
/* Somebody of the host has come or gone; loop thread. Gone and come again is told as both. */
void virtio_channels_set_open(struct virtio_device *device, unsigned channel, bool open);
