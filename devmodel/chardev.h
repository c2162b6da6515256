/*
 * What a character device (16550, virtio console) is plugged into: a terminal, a socket, a test.
 *
 *     guest --> device --output--> backend       the backend may take less than offered, even nothing
 *     guest <-- device <--input--- backend       the device may take less than offered, even nothing
 *
 * Back-pressure, both ways: when output takes less than len, the device keeps the rest and calls again after the
 * backend calls frontend->writable. When input takes less, the backend keeps the rest and calls again after the device
 * calls backend->readable. A slow reader on the host therefore never blocks a vCPU: the guest's driver waits for its
 * transmit register, as it would for a slow line.
 *
 * Threads: output and readable may be called on any thread, and may be called with locks of the device held: they must
 * not block and must not call back into the device. writable and input are called on the device loop's thread, without
 * any of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct chardev_backend {
	size_t (*output)(struct chardev_backend *backend, const uint8_t *data, size_t len);
	void (*readable)(struct chardev_backend *backend);
};

struct chardev_frontend {
	size_t (*input)(struct chardev_frontend *frontend, const uint8_t *data, size_t len);
	void (*writable)(struct chardev_frontend *frontend);
};
