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
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define PASST_PUBLISH_MAX 32

struct passt {
	pid_t pid; /* 0: not running */
};

/* One whose ports are not bound yet. */
struct passt_start {
	int word;          /* is readable, or has hung up, when passt_heard has something to say; -1: none */
	int messages;      /* what it complains of */
	uint64_t until_ms; /* CLOCK_MONOTONIC: by then at the latest */
};

/*
 * Starts passt. Returns the guest's end of the socket, non-blocking, or a negative errno and one sentence: a
 * rule that is wrong, passt that is not installed (-ENOENT). `name` is the guest's, for errors; `publish` are
 * rules as publish.h has them; `mtu` is what it tells the guest by DHCP and NDP, 0: passt's own choice.
 */
int passt_begin(struct passt *passt, struct passt_start *start, const char *name, const char *const *publish,
		unsigned count, unsigned mtu, struct error *err);

/* Whether its ports are bound by now, without waiting: 0 (also when it was so before); -EAGAIN: not yet; or a
 * negative errno, passt's own complaint (a port in use, a host without a network), and it is gone. */
int passt_heard(struct passt *passt, struct passt_start *start, const char *name, struct error *err);

/* No longer of interest; passt goes on. */
void passt_start_close(struct passt_start *start);

/* Whether it ended since: once, and reaps it then. */
bool passt_ended(struct passt *passt);

/* Ends it, reaps it; does nothing when it does not run. */
void passt_stop(struct passt *passt);
