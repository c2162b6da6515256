/*
 * What a guest's driver of a virtio device may choose from: the object "driver" of a disk or a network card
 * (docs/configuration.md), in the words of libvirt's <driver>, and what that means for the features that the
 * device offers (virtio 1.2, 6).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/config/json.h"

/* Zeroed: the defaults, which devices without such an object have, too. */
struct virtio_driver {
	bool packed;         /* packed rings beside split ones */
	bool no_event_index; /* each side tells the other of all it does */
	bool no_in_order;    /* the driver expects requests back in any order */
	bool no_indirect;    /* a request takes as many places of a ring as it has pieces */
};

/* Reads the object "driver" of a device, which may be absent. */
int virtio_driver_read(const struct json_place *place, struct virtio_driver *driver);
/* The features that a device does not offer for it. */
uint64_t virtio_driver_withheld(const struct virtio_driver *driver);
