#include "devmodel/virtio/net.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/iov.h"
#include "devmodel/virtio/throttle.h"

#define QUEUE_RX    0 /* 5.1.2 */
#define QUEUE_TX    1
#define QUEUE_COUNT 2
#define QUEUE_SIZE  256

#define FRAME_MIN  ETH_HLEN
#define FRAME_MAX  (UINT16_MAX + ETH_HLEN + 4) /* the longest IP packet behind a header with a VLAN tag */
#define HEADER     sizeof(struct virtio_net_hdr_v1)
#define PACKET_MAX (HEADER + FRAME_MAX)

#define RX_CHAINS_MAX                                                                                        \
	64 /* merged for one frame: with buffers of an Ethernet frame each, the longest one fits */
#define RX_IOV_MAX 512
#define STALE_MAX  4096 /* frames that a TAP may have queued for the driver before; beyond its txqueuelen */

#define FEATURES_OFFLOAD                                                                                     \
	(1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_HOST_TSO4 | 1ULL << VIRTIO_NET_F_HOST_TSO6 |       \
	 1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_GUEST_CSUM | 1ULL << VIRTIO_NET_F_GUEST_TSO4 | \
	 1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << VIRTIO_NET_F_GUEST_ECN)
#define TUN_OFFLOAD (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

/* Receive buffers taken from the queue for one packet, and not yet given back. */
struct rx_buffers {
	unsigned count;
	unsigned iov_count;
	size_t len;
	bool full; /* iov holds no more */
	struct {
		struct virtq_token token;
		size_t len;
	} chains[RX_CHAINS_MAX];
	struct iovec iov[RX_IOV_MAX + 1]; /* and one for what does not fit */
};

enum rx_outcome {
	RX_DONE, /* delivered, or dropped since it will never fit */
	RX_WAIT, /* not enough buffers now; the driver will kick */
	RX_IDLE, /* there was nothing to receive */
	RX_BROKEN,
};

/* Bytes of one direction. */
struct net_limit {
	struct rate_limiter limiter;
	struct virtio_throttle throttle;
};

struct net {
	struct virtio_device device;
	const struct net_backend *backend;
	struct loop_source source;
	struct virtio_net_config space; /* little-endian, as the driver sees it */
	char *name;
	bool link_up;    /* the other side is there */
	bool plugged;    /* virtio_net_set_link */
	bool rx_stalled; /* until the driver kicks the receive queue */
	bool tx_stalled; /* until the fd is writable */
	struct net_limit rx_limit;
	struct net_limit tx_limit;

	struct virtq_chain chain; /* what both directions work on */
	struct rx_buffers rx;
	unsigned rx_chains; /* that the last packet filled; likely the next one's number */

	/* TAP: a packet that did not fit into the buffers taken for it. Stream: bytes received, frames with
	 * their lengths, from rx_start on. */
	size_t rx_start;
	size_t rx_end;
	uint8_t rx_bytes[PACKET_MAX];

	/* Stream: the end of a frame of which the socket took only the beginning. */
	size_t tx_start;
	size_t tx_end;
	uint8_t tx_bytes[sizeof(uint32_t) + FRAME_MAX];
};

struct net_backend {
	/* Moves up to VIRTIO_BATCH frames to the guest. */
	void (*receive)(struct net *net);
	/* Sends the frame in net->chain; false when the fd takes nothing now. What cannot be sent is dropped.
	 */
	bool (*send)(struct net *net);
};

static struct virtq *rx_queue(struct net *net)
{
	return &net->device.queues[QUEUE_RX];
}

static bool net_online(const struct net *net)
{
	return net->link_up && net->plugged;
}

static void net_tell_link(struct net *net)
{
	net->space.status = htole16(net_online(net) ? VIRTIO_NET_S_LINK_UP : 0);
	virtio_config_changed(&net->device);
}

/* True: not now, and its queue is kicked when there may be a next frame. */
static bool limit_waits(struct net_limit *limit)
{
	return rate_limiter_limits(&limit->limiter) &&
	       virtio_throttle_waits(&limit->throttle, rate_limiter_wait(&limit->limiter, monotonic_ns()));
}

static void limit_take(struct net_limit *limit, size_t len)
{
	if (rate_limiter_limits(&limit->limiter))
		rate_limiter_take(&limit->limiter, monotonic_ns(), len);
}

static void link_down(struct net *net, const char *why)
{
	if (!net->link_up)
		return;
	log_warning("virtio %s: %s; its link is down", net->name, why);
	loop_remove(net->device.loop, &net->source);
	net->link_up = false;
	net->tx_stalled = false;
	net->tx_start = net->tx_end = 0;
	net_tell_link(net);
	/* What waits there is dropped now. */
	virtio_device_kick(&net->device, QUEUE_TX);
}

/* ---- Receive buffers ---- */

/* False: a buffer that no receive queue may hold (5.1.6.3). */
static bool rx_append(struct net *net)
{
	struct rx_buffers *rx = &net->rx;
	const struct virtq_chain *chain = &net->chain;

	if (chain->readable_count || chain->writable_len < HEADER)
		return false;
	if (rx->iov_count + chain->writable_count > RX_IOV_MAX) {
		virtq_unpop(rx_queue(net), chain->token);
		rx->full = true;
		return true;
	}
	memcpy(&rx->iov[rx->iov_count], chain->iov, chain->writable_count * sizeof(*chain->iov));
	rx->iov_count += chain->writable_count;
	rx->chains[rx->count].token = chain->token;
	rx->chains[rx->count++].len = chain->writable_len;
	rx->len += chain->writable_len;
	return true;
}

/* Takes buffers until they hold len bytes or are chains_max; false when the device broke over it. */
static bool rx_take(struct net *net, size_t len, unsigned chains_max)
{
	struct virtq *queue = rx_queue(net);
	struct rx_buffers *rx = &net->rx;
	int code = 1;

	rx->count = 0;
	rx->iov_count = 0;
	rx->len = 0;
	rx->full = false;
	while (rx->len < len && rx->count < chains_max && !rx->full) {
		code = virtq_pop(queue, &net->chain);
		/* All that there are are taken: the driver is to kick for the next one. */
		if (code == 0 && virtq_enable_notify(queue))
			continue;
		if (code <= 0)
			break;
		if (!rx_append(net)) {
			virtio_device_broken(&net->device,
					     "a receive buffer is not for the device to write, or too small");
			return false;
		}
	}
	if (code < 0)
		virtio_device_broken(&net->device, "the ring of the receive queue is broken");
	return code >= 0;
}

static void rx_give_back(struct net *net)
{
	struct rx_buffers *rx = &net->rx;

	while (rx->count)
		virtq_unpop(rx_queue(net), rx->chains[--rx->count].token);
}

/* The first len bytes of the buffers hold a packet: the driver gets these, the queue gets back the others. */
static void rx_commit(struct net *net, size_t len)
{
	struct rx_buffers *rx = &net->rx;
	struct virtq *queue = rx_queue(net);
	unsigned used = 0;
	uint16_t num_buffers;

	counter_add(&virtio_queue_counters(&net->device, QUEUE_RX)->to_guest, len - HEADER);
	limit_take(&net->rx_limit, len - HEADER);
	while (len) {
		size_t part = MIN(len, rx->chains[used].len);

		virtq_fill(queue, rx->chains[used++].token, (uint32_t)part);
		len -= part;
	}
	num_buffers = htole16((uint16_t)used);
	iov_scatter(rx->iov, rx->iov_count, offsetof(struct virtio_net_hdr_v1, num_buffers), &num_buffers,
		    sizeof(num_buffers));
	virtq_publish(queue);
	while (rx->count > used)
		virtq_unpop(queue, rx->chains[--rx->count].token);
	net->rx_chains = used;
}

static unsigned rx_chains_max(const struct net *net)
{
	return virtio_has(&net->device, VIRTIO_NET_F_MRG_RXBUF) ? RX_CHAINS_MAX : 1;
}

/* Copies a packet into as many buffers as it needs. */
static enum rx_outcome rx_deliver(struct net *net, const uint8_t *header, const uint8_t *frame, size_t len)
{
	struct rx_buffers *rx = &net->rx;
	unsigned chains_max = rx_chains_max(net);

	if (!rx_take(net, HEADER + len, chains_max))
		return RX_BROKEN;
	if (rx->len < HEADER + len) {
		bool never = rx->full || rx->count == chains_max || rx->count == rx_queue(net)->size;

		rx_give_back(net);
		return never ? RX_DONE : RX_WAIT;
	}
	iov_scatter(rx->iov, rx->iov_count, 0, header, HEADER);
	iov_scatter(rx->iov, rx->iov_count, HEADER, frame, len);
	rx_commit(net, HEADER + len);
	return RX_DONE;
}

/* ---- TAP ---- */

/* Hands over the packet that is kept in rx_bytes. */
static enum rx_outcome tap_deliver_kept(struct net *net)
{
	enum rx_outcome outcome =
		rx_deliver(net, net->rx_bytes, net->rx_bytes + HEADER, net->rx_end - HEADER);

	if (outcome == RX_DONE)
		net->rx_end = 0;
	return outcome;
}

/*
 * Reads one packet into the buffers taken. They are as many as the last packet needed: what does not fit goes
 * on into rx_bytes, behind the place for what did, and all of it is copied from there.
 */
static ssize_t tap_read(struct net *net)
{
	struct rx_buffers *rx = &net->rx;
	unsigned count = rx->iov_count;
	ssize_t got;

	if (rx->len < PACKET_MAX)
		rx->iov[count++] = (struct iovec){
			.iov_base = net->rx_bytes + rx->len,
			.iov_len = PACKET_MAX - rx->len,
		};
	do
		got = readv(net->source.fd, rx->iov, (int)count);
	while (got < 0 && errno == EINTR);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		link_down(net, "its TAP is gone");
	return got;
}

static enum rx_outcome tap_receive_packet(struct net *net)
{
	struct rx_buffers *rx = &net->rx;
	ssize_t got;

	if (limit_waits(&net->rx_limit))
		return RX_WAIT;
	if (net->rx_end)
		return tap_deliver_kept(net);
	if (!rx_take(net, PACKET_MAX, MIN(net->rx_chains, rx_chains_max(net))))
		return RX_BROKEN;
	if (rx->count == 0)
		return RX_WAIT;
	got = tap_read(net);
	if (got >= (ssize_t)(HEADER + FRAME_MIN) && (size_t)got <= rx->len) {
		rx_commit(net, (size_t)got);
		return RX_DONE;
	}
	if (got > 0 && (size_t)got > rx->len) {
		iov_gather(rx->iov, rx->iov_count, 0, net->rx_bytes, rx->len);
		net->rx_end = (size_t)got;
	}
	rx_give_back(net);
	if (net->rx_end)
		return tap_deliver_kept(net);
	return got > 0 ? RX_DONE : RX_IDLE;
}

static void tap_receive(struct net *net)
{
	enum rx_outcome outcome = RX_DONE;

	for (unsigned budget = VIRTIO_BATCH; budget && outcome == RX_DONE; budget--)
		outcome = tap_receive_packet(net);
	net->rx_stalled = outcome == RX_WAIT;
	if (outcome == RX_DONE)
		virtio_device_kick(&net->device, QUEUE_RX);
}

/* The kernel checks the header: a wrong one is an error like any other, and only this frame's. */
static bool tap_send(struct net *net)
{
	const struct virtq_chain *chain = &net->chain;

	while (writev(net->source.fd, chain->iov, (int)chain->readable_count) < 0) {
		if (errno == EAGAIN)
			return false;
		if (errno != EINTR)
			return true;
	}
	counter_add(&virtio_queue_counters(&net->device, QUEUE_TX)->from_guest, chain->readable_len - HEADER);
	return true;
}

/* What the driver can take (5.1.3): the kernel does the rest before it hands a packet over. */
static int tap_set_offload(struct net *net)
{
	static const struct {
		unsigned feature;
		unsigned flag;
	} map[] = {
		{VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM},
		{VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4},
		{VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6},
		{VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN},
	};
	unsigned long flags = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(map); i++) {
		if (virtio_has(&net->device, map[i].feature))
			flags |= map[i].flag;
	}
	return ioctl(net->source.fd, TUNSETOFFLOAD, flags) < 0 ? -errno : 0;
}

/* Packets queued for the driver before this one may use offloads that this one did not accept. */
static void tap_drop_stale(struct net *net)
{
	net->rx_end = 0;
	for (unsigned i = 0; i < STALE_MAX; i++) {
		if (read(net->source.fd, net->rx_bytes, HEADER) <= 0)
			return;
	}
}

static const struct net_backend tap_backend = {.receive = tap_receive, .send = tap_send};

/* ---- Stream ---- */

/* The length of the frame at rx_start when all of it is there, else 0. */
static size_t stream_frame_len(struct net *net)
{
	size_t have = net->rx_end - net->rx_start;
	uint32_t len;

	if (have < sizeof(len))
		return 0;
	memcpy(&len, net->rx_bytes + net->rx_start, sizeof(len));
	len = ntohl(len);
	if (len < FRAME_MIN || len > FRAME_MAX) {
		link_down(net, "its peer does not keep to frames of an Ethernet's size");
		return 0;
	}
	return have - sizeof(uint32_t) >= len ? len : 0;
}

/* Delivers whole frames that were received; RX_DONE: there are none left, or no budget. */
static enum rx_outcome stream_deliver(struct net *net, unsigned *budget)
{
	static const uint8_t no_offload[HEADER];
	enum rx_outcome outcome = RX_DONE;
	size_t len;

	while (*budget && (len = stream_frame_len(net))) {
		const uint8_t *frame = net->rx_bytes + net->rx_start + sizeof(uint32_t);

		outcome = limit_waits(&net->rx_limit) ? RX_WAIT : rx_deliver(net, no_offload, frame, len);
		if (outcome != RX_DONE)
			break;
		net->rx_start += sizeof(uint32_t) + len;
		--*budget;
	}
	return outcome;
}

/* True when there are more bytes in rx_bytes. */
static bool stream_read(struct net *net)
{
	size_t have = net->rx_end - net->rx_start;
	ssize_t got;

	memmove(net->rx_bytes, net->rx_bytes + net->rx_start, have);
	net->rx_start = 0;
	net->rx_end = have;
	do
		got = recv(net->source.fd, net->rx_bytes + have, sizeof(net->rx_bytes) - have, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		link_down(net, "its peer closed the connection");
	if (got > 0)
		net->rx_end += (size_t)got;
	return got > 0;
}

static void stream_receive(struct net *net)
{
	unsigned budget = VIRTIO_BATCH;
	enum rx_outcome outcome;

	do
		outcome = stream_deliver(net, &budget);
	while (outcome == RX_DONE && budget && net->link_up && stream_read(net));
	net->rx_stalled = outcome == RX_WAIT;
	if (!budget)
		virtio_device_kick(&net->device, QUEUE_RX);
}

/* Bytes that the socket took. */
static size_t stream_write(struct net *net, struct iovec *iov, unsigned count)
{
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
	ssize_t sent;

	do
		sent = sendmsg(net->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		link_down(net, "its peer closed the connection");
	return sent > 0 ? (size_t)sent : 0;
}

static bool stream_send(struct net *net)
{
	const struct virtq_chain *chain = &net->chain;
	size_t frame_len = chain->readable_len - HEADER;
	uint32_t len = htonl((uint32_t)frame_len);
	size_t total = sizeof(len) + frame_len;
	struct iovec iov[1 + VIRTQ_CHAIN_MAX];
	unsigned count;
	size_t sent;

	iov[0] = (struct iovec){.iov_base = &len, .iov_len = sizeof(len)};
	count = 1 + iov_slice(chain->iov, chain->readable_count, HEADER, frame_len, iov + 1);
	sent = stream_write(net, iov, count);
	if (sent == 0)
		return !net->link_up;
	counter_add(&virtio_queue_counters(&net->device, QUEUE_TX)->from_guest, frame_len);
	if (!net->link_up || sent == total)
		return true;
	/* The rest is kept as it is now: the guest could change what it has announced the length of. */
	net->tx_start = 0;
	net->tx_end = iov_gather(iov, count, sent, net->tx_bytes, total - sent);
	net->tx_stalled = true;
	return true;
}

/* True when nothing is left of a frame that was begun. */
static bool stream_flush(struct net *net)
{
	struct iovec rest = {.iov_base = net->tx_bytes + net->tx_start,
			     .iov_len = net->tx_end - net->tx_start};

	if (rest.iov_len)
		net->tx_start += stream_write(net, &rest, 1);
	return net->tx_start == net->tx_end;
}

static const struct net_backend stream_backend = {.receive = stream_receive, .send = stream_send};

/* ---- Both ---- */

static void net_receive(struct net *net)
{
	if (!virtio_device_live(&net->device) || !net_online(net) || net->rx_stalled)
		return;
	virtq_disable_notify(rx_queue(net));
	net->backend->receive(net);
	virtio_interrupt(&net->device, QUEUE_RX);
}

static bool net_send(struct net *net)
{
	const struct virtq_chain *chain = &net->chain;

	if (!net_online(net) || chain->readable_len < HEADER + FRAME_MIN || chain->readable_len > PACKET_MAX)
		return true;
	if (!net->backend->send(net))
		return false;
	limit_take(&net->tx_limit, chain->readable_len - HEADER);
	return true;
}

static void net_transmit(struct net *net)
{
	struct virtq *queue = &net->device.queues[QUEUE_TX];
	unsigned budget = VIRTIO_BATCH;

	if (!virtio_device_live(&net->device) || net->tx_stalled)
		return;
	virtq_disable_notify(queue);
	while (!net->tx_stalled && !limit_waits(&net->tx_limit) &&
	       virtio_device_pop(&net->device, QUEUE_TX, &net->chain, &budget)) {
		if (net_send(net)) {
			virtq_push(queue, net->chain.token, 0);
		} else {
			virtq_unpop(queue, net->chain.token);
			net->tx_stalled = true;
		}
	}
	virtio_interrupt(&net->device, QUEUE_TX);
}

static void net_writable(struct net *net)
{
	if (!stream_flush(net))
		return;
	net->tx_stalled = false;
	net_transmit(net);
}

static void net_await_events(struct net *net)
{
	uint32_t events = 0;

	if (!net->link_up)
		return;
	if (virtio_device_live(&net->device) && net->plugged && !net->rx_stalled)
		events |= EPOLLIN;
	if (net->tx_stalled)
		events |= EPOLLOUT;
	loop_modify(net->device.loop, &net->source, events);
}

static void net_ready(struct loop_source *source, uint32_t events)
{
	struct net *net = CONTAINER_OF(source, struct net, source);

	pthread_mutex_lock(&net->device.lock);
	if (events & EPOLLIN)
		net_receive(net);
	if (events & EPOLLOUT && net->link_up)
		net_writable(net);
	/* With EPOLLIN there is still something to read, and its end will be found there. */
	if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
		link_down(net, "its other side is gone");
	net_await_events(net);
	pthread_mutex_unlock(&net->device.lock);
}

static void net_notify(struct virtio_device *device, unsigned queue)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	if (queue == QUEUE_RX) {
		net->rx_stalled = false;
		net_receive(net);
	} else {
		net_transmit(net);
	}
	net_await_events(net);
}

static void net_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	const struct net *net = CONTAINER_OF(device, struct net, device);

	memcpy(data, (const uint8_t *)&net->space + offset, len);
}

static int net_activate(struct virtio_device *device)
{
	struct net *net = CONTAINER_OF(device, struct net, device);
	int code = 0;

	net->rx_chains = 1;
	if (net->link_up && device->offered & (1ULL << VIRTIO_NET_F_GUEST_CSUM))
		code = tap_set_offload(net);
	if (net->link_up && net->backend == &tap_backend)
		tap_drop_stale(net);
	return code;
}

/* A stream goes on where it is: a frame that was begun has to be ended. On a vCPU's thread: the loop is left
 * alone, and finds the device not live. */
static void net_reset(struct virtio_device *device)
{
	CONTAINER_OF(device, struct net, device)->rx_stalled = true;
}

static void net_destroy(struct virtio_device *device)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	if (net->link_up)
		loop_remove(device->loop, &net->source);
	virtio_throttle_close(&net->rx_limit.throttle);
	virtio_throttle_close(&net->tx_limit.throttle);
	close(net->source.fd);
	virtio_device_close(device);
	free(net->name);
	free(net);
}

static const struct virtio_device_ops net_ops = {
	.config_read = net_config_read,
	.activate = net_activate,
	.reset = net_reset,
	.notify = net_notify,
	.destroy = net_destroy,
};

static uint64_t net_features(const struct virtio_net_options *options)
{
	uint64_t features =
		1ULL << VIRTIO_NET_F_MAC | 1ULL << VIRTIO_NET_F_STATUS | 1ULL << VIRTIO_NET_F_MRG_RXBUF;

	if (options->mtu)
		features |= 1ULL << VIRTIO_NET_F_MTU;
	if (options->backend == VIRTIO_NET_TAP && ioctl(options->fd, TUNSETOFFLOAD, TUN_OFFLOAD) == 0)
		features |= FEATURES_OFFLOAD;
	return features;
}

static int net_check(const struct virtio_net_options *options, struct error *err)
{
	int flags = fcntl(options->fd, F_GETFL);

	if (options->mac[0] & 1)
		return error_set(err, -EINVAL, "network %s: its MAC address is a group's", options->name);
	if (options->mtu && options->mtu < VIRTIO_NET_MTU_MIN)
		return error_set(err, -EINVAL, "network %s: an MTU of %u is less than %d", options->name,
				 options->mtu, VIRTIO_NET_MTU_MIN);
	if (flags < 0 || fcntl(options->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_set(err, -errno, "network %s: cannot make it non-blocking: %m", options->name);
	return 0;
}

/* The loop is its own thread's: a kick has it look at the fd again. */
void virtio_net_set_link(struct virtio_device *device, bool up)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	pthread_mutex_lock(&device->lock);
	if (net->plugged != up) {
		net->plugged = up;
		if (up && net->link_up && net->backend == &tap_backend)
			tap_drop_stale(net);
		if (net->link_up)
			net_tell_link(net);
		virtio_device_kick(device, QUEUE_RX);
		virtio_device_kick(device, QUEUE_TX);
	}
	pthread_mutex_unlock(&device->lock);
}

static int limit_init(struct net *net, struct net_limit *limit, unsigned queue, const struct rate *rate,
		      struct error *err)
{
	rate_limiter_init(&limit->limiter, rate);
	return rate->rate ? virtio_throttle_init(&limit->throttle, &net->device, queue, err) : 0;
}

/* What the device is when its driver finds it. */
static void net_fill_space(struct net *net, const struct virtio_net_options *options)
{
	memcpy(net->space.mac, options->mac, sizeof(net->space.mac));
	net->space.max_virtqueue_pairs = htole16(1);
	net->space.mtu = htole16(options->mtu);
	net->link_up = true;
	net->plugged = !options->link_down;
	net->space.status = htole16(net->plugged ? VIRTIO_NET_S_LINK_UP : 0);
	net->rx_stalled = true;
}

static int net_attach(struct net *net, const struct virtio_net_options *options, struct error *err)
{
	int code = limit_init(net, &net->rx_limit, QUEUE_RX, &options->to_guest, err);

	if (code == 0)
		code = limit_init(net, &net->tx_limit, QUEUE_TX, &options->from_guest, err);
	if (code < 0)
		return code;
	for (unsigned i = 0; i < QUEUE_COUNT; i++)
		net->device.queues[i].size_max = QUEUE_SIZE;
	code = loop_add(net->device.loop, &net->source);
	return code < 0 ? error_set(err, code, "network %s: its loop does not take it: %s", options->name,
				    strerror(-code))
			: 0;
}

struct virtio_device *virtio_net_create(const struct virtio_net_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err)
{
	struct net *net;

	if (net_check(options, err) < 0)
		return NULL;
	net = calloc(1, sizeof(*net));
	if (!net || asprintf(&net->name, "net %s", options->name) < 0) {
		error_set(err, -ENOMEM, "network %s: out of memory", options->name);
		free(net);
		return NULL;
	}
	net->device = (struct virtio_device){
		.ops = &net_ops,
		.id = VIRTIO_ID_NET,
		.name = net->name,
		.offered = net_features(options),
		.queue_count = QUEUE_COUNT,
		.config_size = offsetof(struct virtio_net_config, speed),
	};
	net->backend = options->backend == VIRTIO_NET_TAP ? &tap_backend : &stream_backend;
	net->source = (struct loop_source){.fd = options->fd, .ready = net_ready};
	net_fill_space(net, options);
	if (virtio_device_init(&net->device, memory, loop, err) < 0)
		goto failed;
	if (net_attach(net, options, err) == 0)
		return &net->device;
	virtio_throttle_close(&net->rx_limit.throttle);
	virtio_throttle_close(&net->tx_limit.throttle);
	virtio_device_close(&net->device);
failed:
	free(net->name);
	free(net);
	return NULL;
}
