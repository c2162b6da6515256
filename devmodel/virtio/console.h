/*
 * virtio console (virtio 1.2, 5.3), one port without VIRTIO_CONSOLE_F_MULTIPORT: hvc0.
 *
 * It is a device of its own beside the ports for agents (channels.h): so its size is always told by the
 * configuration space (5.3.4). The control message that tells it with several ports has its two fields in
 * another order in the specification than in most of Linux' drivers, and nobody can tell which one a guest
 * has.
 *
 * Back-pressure as chardev.h says: output the backend does not take stays in the guest's buffers, unpopped.
 */
#pragma once

#include "devmodel/chardev.h"
#include "devmodel/virtio/device.h"

struct virtio_device *virtio_console_create(const char *name, struct chardev_backend *backend,
					    const struct guest_memory *memory, struct loop *loop,
					    struct error *err);

/* Where the backend puts input and announces room; valid for the device's life. */
struct chardev_frontend *virtio_console_frontend(struct virtio_device *device);

/* The terminal's size changed (5.3.4 VIRTIO_CONSOLE_F_SIZE); loop thread. */
void virtio_console_resize(struct virtio_device *device, uint16_t columns, uint16_t rows);
