/*
 * virtio network device (virtio 1.2, 5.1) over a TAP device or over a stream socket to passt(1).
 *
 * TAP: the fd was opened with IFF_VNET_HDR and a header of 12 bytes, which is passed through; frames go
 * straight between guest buffers and the fd. Checksum and segmentation offload are offered as the kernel's
 * TUNSETOFFLOAD allows, and switched on as the driver accepts them. Stream: frames with a 32-bit big-endian
 * length before each (QEMU's -netdev stream framing, as passt speaks it), no offload. The peer is as little
 * trusted as the guest.
 *
 * Back-pressure: without receive buffers the fd is not read, while it takes nothing the guest's frames stay
 * in its queue. A frame that no receive buffer can ever hold is dropped. When the peer closes, or the TAP is
 * deleted, the link goes down (VIRTIO_NET_F_STATUS) for good and frames are dropped. While
 * virtio_net_set_link has it down the guest's frames are dropped too; a TAP's are when it is up again, a
 * stream's have waited.
 *
 * Beyond a rate (common/rate_limiter.h) frames wait where they are, as if the fd were not ready.
 */
#pragma once

#include "common/rate_limiter.h"
#include "devmodel/virtio/device.h"

#define VIRTIO_NET_MTU_MIN 68 /* 5.1.4.1 */

enum virtio_net_backend {
	VIRTIO_NET_TAP,
	VIRTIO_NET_STREAM,
};

struct virtio_net_options {
	const char *name; /* for logs, copied */
	enum virtio_net_backend backend;
	int fd;                           /* taken over on success; made non-blocking */
	uint8_t mac[6];                   /* of one host, not a group */
	uint16_t mtu;                     /* 0: not announced; else VIRTIO_NET_MTU_MIN or more */
	bool link_down;                   /* at first: virtio_net_set_link */
	struct rate to_guest, from_guest; /* bytes of frames; zeros: no limit */
};

struct virtio_device *virtio_net_create(const struct virtio_net_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err);
/* As a cable that is pulled or put in; any thread. */
void virtio_net_set_link(struct virtio_device *device, bool up);
