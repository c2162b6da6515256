/*
 * TAP interfaces of the host (Linux Documentation/networking/tuntap.rst), opened the way
 * devmodel/virtio/net.h wants them: whole Ethernet frames, each behind a virtio network header of 12 bytes.
 */
#pragma once

#include <stdbool.h>

#include "common/error.h"
#include "vmm/net/card_fds.h"

/*
 * Opens `queues` queues of the TAP called `name`, non-blocking.
 *
 * Usually it exists already, made for this user (`ip tuntap add dev tap0 mode tap user USER`), so that no
 * privilege is needed: when it is missing, -ENODEV says how to make it. More than one queue needs one that
 * was made with `multi_queue`. With `create` (CAP_NET_ADMIN) a missing one is made and brought up; it
 * vanishes when all descriptors are closed.
 */
int tap_open(const char *name, bool create, unsigned queues, struct card_fds *fds, struct error *err);
/* What every queue needs that is opened otherwise, of a macvtap: no header but virtio's, of 12 bytes. */
int tap_configure(int fd, const char *name, bool multi_queue);
