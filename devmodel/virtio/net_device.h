/*
 * The network device from within: what the files that net.h lists share, and nobody else uses.
 *
 * A pair of queues has a descriptor of its own (struct net_queue), and what both directions of it need to
 * work on a frame; both its queues are served by one thread, that of its loop. What is only for one direction
 * is guarded by the lock of that queue, what pairs share by `lock` of struct net, which is taken last and
 * never long.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devmodel/virtio/net.h"
#include "devmodel/virtio/net_filter.h"
#include "devmodel/virtio/throttle.h"

#define NET_QUEUE_SIZE         256
#define NET_CONTROL_QUEUE_SIZE 64

#define NET_FRAME_MIN ETH_HLEN
#define NET_FRAME_MAX                                                                                        \
	(UINT16_MAX + ETH_HLEN + 4) /* the longest IP packet behind a header with a VLAN tag                 \
				     */
#define NET_HEADER     sizeof(struct virtio_net_hdr_v1)
#define NET_PACKET_MAX (NET_HEADER + NET_FRAME_MAX)

/* What a driver may take from us, and switch on and off while it runs (5.1.6.5.6). */
#define NET_GUEST_OFFLOADS                                                                                   \
	(1ULL << VIRTIO_NET_F_GUEST_CSUM | 1ULL << VIRTIO_NET_F_GUEST_TSO4 |                                 \
	 1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << VIRTIO_NET_F_GUEST_ECN | 1ULL << VIRTIO_NET_F_GUEST_UFO)

/* Merged for one frame: with buffers of an Ethernet frame each, the longest one fits. */
#define NET_RX_CHAINS_MAX 64
#define NET_RX_IOV_MAX    512

/* Receive buffers taken from the queue for one packet, and not yet given back. */
struct net_buffers {
	unsigned count;
	unsigned iov_count;
	size_t len;
	bool full; /* iov holds no more */
	struct {
		struct virtq_token token;
		size_t len;
	} chains[NET_RX_CHAINS_MAX];
	struct iovec iov[NET_RX_IOV_MAX + 1]; /* and one for what does not fit */
};

enum net_outcome {
	NET_RX_DONE, /* delivered, or dropped since it will never fit or is not wanted */
	NET_RX_WAIT, /* not enough buffers now; the driver will kick */
	NET_RX_IDLE, /* there was nothing to receive */
	NET_RX_BROKEN,
};

struct net;
struct net_queue;

/* An eventfd with which vhost-net says that a queue's driver is to be interrupted, or that a ring is broken.
 */
struct net_call {
	struct loop_source source;
	struct net_queue *pair;
	unsigned queue;
};

/* One pair of queues. */
struct net_queue {
	struct net *net;
	unsigned receive, transmit; /* their numbers (5.1.2) */
	struct loop_source source;
	struct loop *loop;
	bool watched;             /* source is in the loop */
	_Atomic bool rx_stalled;  /* until the driver kicks the receive queue */
	_Atomic bool tx_stalled;  /* until the fd is writable */
	struct net_filter filter; /* a copy of the card's, of this version */
	unsigned filter_version;
	struct virtio_throttle rx_throttle, tx_throttle;
	int vhost;                  /* descriptor of /dev/vhost-net, -1: none */
	_Atomic bool vhost_runs[2]; /* the kernel serves its receive queue, its transmit queue */
	struct net_call calls[3];   /* of the receive queue, of the transmit queue, of broken rings */

	struct virtq_chain chain; /* what both directions work on */
	struct net_buffers rx;
	unsigned rx_chains; /* that the last packet filled; likely the next one's number */

	/* TAP: a packet that did not fit into the buffers taken for it. Stream: bytes received, frames with
	 * their lengths, from rx_start on. */
	size_t rx_start;
	size_t rx_end;
	uint8_t rx_bytes[NET_PACKET_MAX];

	/* Stream: the end of a frame of which the socket took only the beginning. */
	size_t tx_start;
	size_t tx_end;
	uint8_t tx_bytes[sizeof(uint32_t) + NET_FRAME_MAX];
};

/* What a card is plugged into. */
struct net_backend {
	/* Moves up to VIRTIO_BATCH frames to the guest. */
	void (*receive)(struct net_queue *pair);
	/* Sends the frame in pair->chain; false when the fd takes nothing now. What cannot be sent is
	 * dropped. */
	bool (*send)(struct net_queue *pair);
	/* Sends what is left of a frame that was begun; true when nothing is left. NULL: none ever is. */
	bool (*flush)(struct net_queue *pair);
	/* Features that it makes possible, of those that are its own. NULL: none. */
	uint64_t (*features)(int fd);
	/* The driver takes these of VIRTIO_NET_F_GUEST_*. NULL: has no offload. */
	int (*set_offloads)(struct net *net, uint64_t features);
	/* Pairs beyond the first `count` are not used. NULL: it has but one. */
	int (*use_pairs)(struct net *net, unsigned count);
	/* What came for the driver before, or while the link was down, is dropped. NULL: it waits. */
	void (*drop_stale)(struct net_queue *pair);
};

extern const struct net_backend net_tap_backend;
extern const struct net_backend net_stream_backend;

_Static_assert(2 * VIRTIO_NET_PAIRS_MAX + 1 <= VIRTIO_QUEUES_MAX, "and the control queue");

struct net {
	struct virtio_device device;
	const struct net_backend *backend;
	struct virtio_net_config space; /* little-endian, as the driver sees it */
	char *name;
	uint8_t mac[NET_MAC];        /* of the definition: what a reset goes back to */
	_Atomic bool link_up;        /* the other side is there */
	_Atomic bool plugged;        /* virtio_net_set_link */
	_Atomic unsigned pairs_used; /* by the driver */
	struct virtq_chain control_chain;

	bool vhost_failed; /* descriptors of it are there, and of no use */

	pthread_mutex_t lock; /* of `space`, and of what follows */
	struct net_filter filter;
	_Atomic unsigned filter_version;
	struct rate_limiter rx_limiter, tx_limiter;
	_Atomic bool rx_limited, tx_limited;

	unsigned pair_count;
	struct net_queue pairs[];
};

/* net.c */
bool net_online(const struct net *net);
/* Tells the driver of the link, and whether it is to announce itself. */
void net_tell_status(struct net *net, bool announce);
/* For good: the other side is gone. */
void net_lose_link(struct net *net, const char *why);
/* Has the loop look at what the pair waits for. Its loop's thread. */
void net_await_events(struct net_queue *pair);
/* All pairs that are used go to the kernel, when that may serve them; all come back. All locks are held. */
void net_start_vhost(struct net *net);
void net_stop_vhost(struct net *net);
/* The driver uses the first `count` pairs from now on. */
int net_use_pairs(struct net *net, unsigned count);

/* net_receive.c: the receive queue's lock is held */
void net_receive(struct net_queue *pair);
/* Takes buffers until they hold len bytes or are chains_max; false when the device broke over it. */
bool net_take_buffers(struct net_queue *pair, size_t len, unsigned chains_max);
void net_give_buffers_back(struct net_queue *pair);
/* The first len bytes of the buffers hold a packet: the driver gets these, the queue gets back the others. */
void net_commit_buffers(struct net_queue *pair, size_t len);
/* Copies a packet into as many buffers as it needs, when the driver wants it. */
enum net_outcome net_deliver(struct net_queue *pair, const uint8_t *header, const uint8_t *frame, size_t len);
unsigned net_chains_max(const struct net *net);

/* net_transmit.c: the transmit queue's lock is held */
void net_transmit(struct net_queue *pair);
void net_writable(struct net_queue *pair);

/* net_control.c: the control queue's lock is held */
unsigned net_control_queue(const struct net *net);
void net_control(struct net *net);

/* net_limits.c */
/* Before its queues run, or with their locks held. */
int net_limits_set(struct net *net, const struct rate *to_guest, const struct rate *from_guest,
		   struct error *err);
void net_limits_close(struct net *net);
/* True: not now, and its queue is kicked when there may be a next frame. */
bool net_rx_waits(struct net_queue *pair);
bool net_tx_waits(struct net_queue *pair);
void net_rx_count(struct net_queue *pair, size_t len);
void net_tx_count(struct net_queue *pair, size_t len);

/* net_vhost.c, where the locks are said; a pair without vhost is left alone. */
void net_vhost_start(struct net_queue *pair);
void net_vhost_stop(struct net_queue *pair);
/* Of one queue: its lock is held. */
void net_vhost_stop_queue(struct net_queue *pair, unsigned queue);
bool net_vhost_runs(const struct net_queue *pair, unsigned queue);
/* Features that vhost-net has not. */
uint64_t net_vhost_unoffered(const struct virtio_net_options *options);
/* After virtio_device_init. On failure net_vhost_close is to be called as well. */
int net_vhost_open(struct net *net, struct error *err);
void net_vhost_close(struct net *net);
/* Goes on without it, and says so. */
void net_vhost_give_up(struct net *net, const struct error *why);
