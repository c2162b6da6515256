/*
 * What keyboards, mice and tablets have, and what the configuration space of a virtio input device says of it
 * (virtio 1.2, 5.8.4). Pure functions; part of input.c.
 */
#pragma once

#include <linux/virtio_input.h>
#include <stdbool.h>
#include <stdint.h>

#include "devmodel/virtio/input.h"

#define INPUT_KEYS 768 /* KEY_CNT */

/* Whether such a device has this event. */
bool input_kind_has(enum virtio_input_kind kind, uint16_t type, uint16_t code);
/* Fills size and u for config->select and config->subsel; size 0: there is nothing of that (5.8.5.2). serial:
 * "": none. */
void input_kind_answer(enum virtio_input_kind kind, const char *serial, struct virtio_input_config *config);
