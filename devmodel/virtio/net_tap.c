#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/iov.h"
#include "devmodel/virtio/net_device.h"

#define STALE_MAX 4096 /* frames that a TAP may have queued for the driver before; beyond its txqueuelen */

#define BIT(feature) (1ULL << VIRTIO_NET_F_##feature)

/* What the kernel may hand over to a driver that takes it, and what it takes itself when it can that. */
static const struct {
	uint64_t of_driver;
	uint64_t of_kernel;
	unsigned flag;
	unsigned needs; /* to be allowed (5.1.3.1) */
} offloads[] = {
	{BIT(GUEST_CSUM), BIT(CSUM), TUN_F_CSUM, 0},
	{BIT(GUEST_TSO4), BIT(HOST_TSO4), TUN_F_TSO4, TUN_F_CSUM},
	{BIT(GUEST_TSO6), BIT(HOST_TSO6), TUN_F_TSO6, TUN_F_CSUM},
	{BIT(GUEST_ECN), BIT(HOST_ECN), TUN_F_TSO_ECN, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6},
	{BIT(GUEST_UFO), BIT(HOST_UFO), TUN_F_UFO, TUN_F_CSUM},
};

static uint64_t tap_features(int fd)
{
	uint64_t features = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(offloads); i++) {
		if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)(offloads[i].flag | offloads[i].needs)) == 0)
			features |= offloads[i].of_driver | offloads[i].of_kernel;
	}
	return features;
}

/* What the driver can take (5.1.3): the kernel does the rest before it hands a packet over, and refuses flags
 * without what they need. */
static int tap_set_offloads(struct net *net, uint64_t features)
{
	unsigned long flags = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(offloads); i++) {
		if (features & offloads[i].of_driver)
			flags |= offloads[i].flag;
	}
	return ioctl(net->pairs[0].source.fd, TUNSETOFFLOAD, flags) < 0 ? -errno : 0;
}

static int tap_attach_queue(const struct net_queue *pair, bool attach)
{
	struct ifreq request = {.ifr_flags = attach ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE};

	/* EINVAL: it is so already. */
	return ioctl(pair->source.fd, TUNSETQUEUE, &request) < 0 && errno != EINVAL ? -errno : 0;
}

static int tap_use_pairs(struct net *net, unsigned count)
{
	int code = 0;

	for (unsigned i = 1; i < net->pair_count && code == 0; i++)
		code = tap_attach_queue(&net->pairs[i], i < count);
	return code;
}

/* Packets queued for the driver before this one may use offloads that this one did not accept. */
static void tap_drop_stale(struct net_queue *pair)
{
	pair->rx_end = 0;
	for (unsigned i = 0; i < STALE_MAX; i++) {
		if (read(pair->source.fd, pair->rx_bytes, NET_HEADER) <= 0)
			return;
	}
}

/* ---- To the guest ---- */

/* Hands over the packet that is kept in rx_bytes. */
static enum net_outcome deliver_kept(struct net_queue *pair)
{
	enum net_outcome outcome =
		net_deliver(pair, pair->rx_bytes, pair->rx_bytes + NET_HEADER, pair->rx_end - NET_HEADER);

	if (outcome == NET_RX_DONE)
		pair->rx_end = 0;
	return outcome;
}

/*
 * Reads one packet into the buffers taken. They are as many as the last packet needed: what does not fit goes
 * on into rx_bytes, behind the place for what did, and all of it is copied from there.
 */
static ssize_t packet_read(struct net_queue *pair)
{
	struct net_buffers *rx = &pair->rx;
	unsigned count = rx->iov_count;
	ssize_t got;

	if (rx->len < NET_PACKET_MAX)
		rx->iov[count++] = (struct iovec){
			.iov_base = pair->rx_bytes + rx->len,
			.iov_len = NET_PACKET_MAX - rx->len,
		};
	do
		got = readv(pair->source.fd, rx->iov, (int)count);
	while (got < 0 && errno == EINTR);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		net_lose_link(pair->net, "its TAP is gone");
	return got;
}

/* The guest may change the packet meanwhile; it then fools but itself. */
static bool packet_wanted(const struct net_queue *pair)
{
	const struct net_buffers *rx = &pair->rx;
	uint8_t head[NET_FILTER_HEAD] = {0};

	if (pair->filter.promiscuous)
		return true;
	iov_gather(rx->iov, rx->iov_count, NET_HEADER, head, sizeof(head));
	return net_filter_wants(&pair->filter, head);
}

static enum net_outcome packet_receive(struct net_queue *pair)
{
	struct net_buffers *rx = &pair->rx;
	ssize_t got;

	if (net_rx_waits(pair))
		return NET_RX_WAIT;
	if (pair->rx_end)
		return deliver_kept(pair);
	if (!net_take_buffers(pair, NET_PACKET_MAX, MIN(pair->rx_chains, net_chains_max(pair->net))))
		return NET_RX_BROKEN;
	if (rx->count == 0)
		return NET_RX_WAIT;
	got = packet_read(pair);
	if (got >= (ssize_t)(NET_HEADER + NET_FRAME_MIN) && (size_t)got <= rx->len && packet_wanted(pair)) {
		net_commit_buffers(pair, (size_t)got);
		return NET_RX_DONE;
	}
	if (got > 0 && (size_t)got > rx->len) {
		iov_gather(rx->iov, rx->iov_count, 0, pair->rx_bytes, rx->len);
		pair->rx_end = (size_t)got;
	}
	net_give_buffers_back(pair);
	if (pair->rx_end)
		return deliver_kept(pair);
	return got > 0 ? NET_RX_DONE : NET_RX_IDLE;
}

static void tap_receive(struct net_queue *pair)
{
	enum net_outcome outcome = NET_RX_DONE;

	for (unsigned budget = VIRTIO_BATCH; budget && outcome == NET_RX_DONE; budget--)
		outcome = packet_receive(pair);
	pair->rx_stalled = outcome == NET_RX_WAIT;
	if (outcome == NET_RX_DONE)
		virtio_device_kick(&pair->net->device, pair->receive);
}

/* ---- From the guest ---- */

/* The kernel checks the header: a wrong one is an error like any other, and only this frame's. */
static bool tap_send(struct net_queue *pair)
{
	const struct virtq_chain *chain = &pair->chain;

	while (writev(pair->source.fd, chain->iov, (int)chain->readable_count) < 0) {
		if (errno == EAGAIN)
			return false;
		if (errno != EINTR)
			return true;
	}
	net_tx_count(pair, chain->readable_len - NET_HEADER);
	return true;
}

const struct net_backend net_tap_backend = {
	.receive = tap_receive,
	.send = tap_send,
	.features = tap_features,
	.set_offloads = tap_set_offloads,
	.use_pairs = tap_use_pairs,
	.drop_stale = tap_drop_stale,
};
