/*
 * Offloads of a network card that a guest is not to be offered, as a definition has them, in libvirt's words
 * (format domain, "Setting NIC driver-specific options"):
 *
 *      "host":{"csum":false}     the host takes no packets without checksums from the guest
 *      "guest":{"tso4":false}    the guest is given no TCP segments longer than its MTU
 *
 * All are offered that the card's backend has; false is what changes something. "gso" is all of the host's
 * segmentation. What needs another offload goes with it (devmodel/virtio/net.c).
 */
#pragma once

#include <stdint.h>

#include "vmm/config/json.h"

/* The card's "host" and "guest"; *without: bits 1 << VIRTIO_NET_F_*. */
int network_offloads_read(const struct json_place *card, uint64_t *without);
