/*
 * virtio input device (virtio 1.2, 5.8): a keyboard, a mouse or a tablet of the guest's, played by whoever
 * shows its screen.
 *
 *      queue 0  events    buffers that the device fills: struct virtio_input_event, 8 bytes each
 *      queue 1  status    what the guest wants shown: the keyboard's lights
 *
 *      input.c         the device: its queues
 *      input_kind.c    what each kind has, and what its configuration space says (5.8.4)
 *
 * Events are evdev's (linux/input-event-codes.h). They are sent as updates, whole or not at all (5.8.6.2):
 * the device adds the SYN_REPORT that ends one. Keys have a state here: an event that changes none is left
 * out, so a client's key repetition does not arrive, and the guest repeats by itself (EV_REP).
 *
 * A guest that gives no buffers costs VIRTIO_INPUT_PENDING events of memory; what comes beyond is lost. Once
 * it gives some again it is told what its keys and axes are by then, so that no key stays down for ever.
 *
 * Threads: virtio_input_send may be called by any; `leds` is called on the device's loop, with a lock of it
 * held: it must not call the device.
 */
#pragma once

#include "devmodel/virtio/device.h"

#define VIRTIO_INPUT_UPDATE_MAX 16U   /* events of one update, without SYN_REPORT */
#define VIRTIO_INPUT_PENDING    256U  /* events that wait for buffers, at most */
#define VIRTIO_INPUT_AXIS_MAX   32767 /* a tablet's axes go from 0 to this */
#define VIRTIO_INPUT_SERIAL_MAX 127   /* bytes */

enum virtio_input_kind {
	VIRTIO_INPUT_KEYBOARD,
	VIRTIO_INPUT_MOUSE,  /* relative */
	VIRTIO_INPUT_TABLET, /* absolute */
	VIRTIO_INPUT_KINDS,
};

struct virtio_input_change {
	uint16_t type; /* EV_KEY, EV_REL or EV_ABS */
	uint16_t code;
	int32_t value; /* a key: 1 down, 0 up */
};

struct virtio_input_options {
	enum virtio_input_kind kind;
	const char *serial; /* copied, as much as has room; NULL: none */
	/* The keyboard's lights have changed: a bit for each LED_*. May be NULL. */
	void (*leds)(void *owner, uint32_t leds);
	void *owner;
};

struct virtio_device *virtio_input_create(const struct virtio_input_options *options,
					  const struct guest_memory *memory, struct loop *loop,
					  struct error *err);
/* One update. 0; -EINVAL: there is an event among them that this device does not have, and nothing is sent;
 * -ENODEV: no driver listens; -ENOBUFS: it is lost for want of buffers. */
int virtio_input_send(struct virtio_device *device, const struct virtio_input_change *changes,
		      unsigned count);
/* The lights, as `leds` has them. Any thread. */
uint32_t virtio_input_leds(struct virtio_device *device);
