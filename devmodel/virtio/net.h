/*
 * virtio network device (virtio 1.2, 5.1) over a TAP device or over a stream socket to passt(1).
 *
 *      net.c           the device: its configuration, its link, its life
 *      net_receive.c   frames into the guest's buffers       net_tap.c      what it is plugged into
 *      net_transmit.c  the guest's frames                    net_stream.c
 *      net_control.c   what the driver asks for              net_filter.h   frames that it does not want
 *      net_limits.c    rates                                 net_vhost.c    the host's kernel does it all
 *      net_device.h    what these files share
 *
 * TAP: each fd was opened with IFF_VNET_HDR and a header of 12 bytes, which is passed through; frames go
 * straight between guest buffers and the fd. Checksum and segmentation offload are offered as the kernel's
 * TUNSETOFFLOAD allows, and switched on as the driver accepts them, later also with the control queue. With
 * several descriptors of one TAP (IFF_MULTI_QUEUE) there are as many pairs of queues; those that the driver
 * does not use are detached, so that the kernel spreads flows over the others. Stream: frames with a 32-bit
 * big-endian length before each (QEMU's -netdev stream framing, as passt speaks it), no offload. The peer is
 * as little trusted as the guest.
 *
 * With vhost-net (net_vhost.c) the host's kernel moves a TAP's frames itself. They are not counted then,
 * filters of what the driver wants to receive are not offered, and nobody hears of a TAP that is deleted.
 *
 * Back-pressure: without receive buffers the fd is not read, while it takes nothing the guest's frames stay
 * in its queue. A frame that no receive buffer can ever hold is dropped. When the peer closes, or the TAP is
 * deleted, the link goes down (VIRTIO_NET_F_STATUS) for good and frames are dropped. While
 * virtio_net_set_link has it down the guest's frames are dropped too; a TAP's are when it is up again, a
 * stream's have waited.
 *
 * Beyond a rate (common/rate_limiter.h) frames wait where they are, as if the fd were not ready. A card's
 * rates are those of all its queues together.
 */
#pragma once

#include "common/rate_limiter.h"
#include "devmodel/virtio/device.h"

#define VIRTIO_NET_MTU_MIN   68 /* 5.1.4.1 */
#define VIRTIO_NET_PAIRS_MAX 8

enum virtio_net_backend {
	VIRTIO_NET_TAP,
	VIRTIO_NET_STREAM,
};

struct virtio_net_options {
	const char *name; /* for logs, copied */
	enum virtio_net_backend backend;
	unsigned fd_count;                /* pairs of queues; a stream has one */
	int fds[VIRTIO_NET_PAIRS_MAX];    /* taken over on success; made non-blocking */
	struct loop *const *loops;        /* of pairs but the first, whose is the device\'s; NULL: all that */
	bool has_vhost;                   /* TAP only; while it has a rate it does without */
	bool needs_vhost;                 /* it is not made without */
	int vhost[VIRTIO_NET_PAIRS_MAX];  /* of /dev/vhost-net, one for each pair; taken over, too */
	uint8_t mac[6];                   /* of one host, not a group */
	uint16_t mtu;                     /* 0: not announced; else VIRTIO_NET_MTU_MIN or more */
	uint64_t without;                 /* bits 1 << VIRTIO_NET_F_* that are not to be offered */
	bool link_down;                   /* at first: virtio_net_set_link */
	struct rate to_guest, from_guest; /* bytes of frames; zeros: no limit */
};

struct virtio_device *virtio_net_create(const struct virtio_net_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err);
/* As a cable that is pulled or put in; any thread. */
void virtio_net_set_link(struct virtio_device *device, bool up);
/* New rates, at once; zeros: no limit any more. The thread of the loop that the device was made with. */
int virtio_net_set_rates(struct virtio_device *device, const struct rate *to_guest,
			 const struct rate *from_guest, struct error *err);
/* Has a driver that can (VIRTIO_NET_F_GUEST_ANNOUNCE) tell the network where its addresses are: after a
 * pause, or a move, switches may have forgotten or learnt otherwise. Any thread. */
void virtio_net_announce(struct virtio_device *device);
