/*
 * TAP interfaces of the host (Linux Documentation/networking/tuntap.rst), opened the way
 * devmodel/virtio/net.h wants them: whole Ethernet frames, each behind a virtio network header of 12 bytes.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"

/*
 * A non-blocking descriptor of the TAP called `name`, or a negative errno.
 *
 * Usually it exists already, made for this user (`ip tuntap add dev tap0 mode tap user USER`), so that no
 * privilege is needed: when it is missing, -ENODEV says how to make it. With `create` (CAP_NET_ADMIN) a
 * missing one is made and brought up; it vanishes when the descriptor is closed.
 */
int tap_open(const char *name, bool create, struct error *err);
