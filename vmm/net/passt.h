/*
 * passt(1), the network of a guest without any privilege: one process a guest, which speaks Ethernet over a
 * stream socket (devmodel/virtio/net.h, VIRTIO_NET_STREAM) and makes of it ordinary sockets of the host. It
 * gives the guest the host's address by DHCP, and ports of the host can be published into the guest
 * (publish.h).
 *
 * The process is a child of the caller's. It ends by itself when the guest's end of the socket is closed, so
 * it never outlives the guest, even when the guest's process is killed.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

#define PASST_PUBLISH_MAX 32

struct passt {
	pid_t pid; /* 0: not running */
};

/*
 * Starts passt and waits until its ports are bound. Returns the guest's end of the socket, non-blocking, or a
 * negative errno and one sentence: a rule that is wrong, passt that is not installed (-ENOENT), passt's own
 * complaint (a port in use, a host without a network). `name` is the guest's, for errors; `publish` are rules
 * as publish.h has them; `mtu` is what it tells the guest by DHCP and NDP, 0: passt's own choice.
 */
int passt_start(struct passt *passt, const char *name, const char *const *publish, unsigned count,
		unsigned mtu, struct error *err);

/* Whether it ended since: once, and reaps it then. */
bool passt_ended(struct passt *passt);

/* Ends it, reaps it; does nothing when it does not run. */
void passt_stop(struct passt *passt);
