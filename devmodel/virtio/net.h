/*
 * virtio network device (virtio 1.2, 5.1) over a TAP device or over a stream socket to passt(1).
 *
 * TAP: the fd was opened with IFF_VNET_HDR, the header is passed through, checksum and segmentation offload are offered
 * as the kernel's TUNSETOFFLOAD allows. Stream: frames with a 32-bit big-endian length before each (QEMU's -netdev
 * stream framing, as passt speaks it), no offload; when the peer closes, the link goes down (VIRTIO_NET_F_STATUS) and
 * frames are dropped.
 */
#pragma once

#include "devmodel/virtio/device.h"

enum virtio_net_backend {
	VIRTIO_NET_TAP,
	VIRTIO_NET_STREAM,
};

struct virtio_net_options {
	const char *name; /* for logs, copied */
	enum virtio_net_backend backend;
	int fd; /* taken over on success; made non-blocking */
	uint8_t mac[6];
	uint16_t mtu; /* 0: not announced */
};

struct virtio_device *virtio_net_create(const struct virtio_net_options *options, const struct guest_memory *memory,
					struct loop *loop, struct error *err);
