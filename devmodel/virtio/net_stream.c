#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/util.h"
#include "devmodel/virtio/iov.h"
#include "devmodel/virtio/net_device.h"

/* The length of the frame at rx_start when all of it is there, else 0. */
static size_t frame_len(struct net_queue *pair)
{
	size_t have = pair->rx_end - pair->rx_start;
	uint32_t len;

	if (have < sizeof(len))
		return 0;
	memcpy(&len, pair->rx_bytes + pair->rx_start, sizeof(len));
	len = ntohl(len);
	if (len < NET_FRAME_MIN || len > NET_FRAME_MAX) {
		net_lose_link(pair->net, "its peer does not keep to frames of an Ethernet's size");
		return 0;
	}
	return have - sizeof(uint32_t) >= len ? len : 0;
}

/* Delivers whole frames that were received; NET_RX_DONE: there are none left, or no budget. */
static enum net_outcome deliver(struct net_queue *pair, unsigned *budget)
{
	static const uint8_t no_offload[NET_HEADER];
	enum net_outcome outcome = NET_RX_DONE;
	size_t len;

	while (*budget && (len = frame_len(pair))) {
		const uint8_t *frame = pair->rx_bytes + pair->rx_start + sizeof(uint32_t);

		outcome = net_rx_waits(pair) ? NET_RX_WAIT : net_deliver(pair, no_offload, frame, len);
		if (outcome != NET_RX_DONE)
			break;
		pair->rx_start += sizeof(uint32_t) + len;
		--*budget;
	}
	return outcome;
}

/* True when there are more bytes in rx_bytes. */
static bool stream_read(struct net_queue *pair)
{
	size_t have = pair->rx_end - pair->rx_start;
	ssize_t got;

	memmove(pair->rx_bytes, pair->rx_bytes + pair->rx_start, have);
	pair->rx_start = 0;
	pair->rx_end = have;
	do
		got = recv(pair->source.fd, pair->rx_bytes + have, sizeof(pair->rx_bytes) - have,
			   MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		net_lose_link(pair->net, "its peer closed the connection");
	if (got > 0)
		pair->rx_end += (size_t)got;
	return got > 0;
}

static void stream_receive(struct net_queue *pair)
{
	unsigned budget = VIRTIO_BATCH;
	enum net_outcome outcome;

	do
		outcome = deliver(pair, &budget);
	while (outcome == NET_RX_DONE && budget && pair->net->link_up && stream_read(pair));
	pair->rx_stalled = outcome == NET_RX_WAIT;
	if (!budget)
		virtio_device_kick(&pair->net->device, pair->receive);
}

/* Bytes that the socket took. */
static size_t stream_write(struct net_queue *pair, struct iovec *iov, unsigned count)
{
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
	ssize_t sent;

	do
		sent = sendmsg(pair->source.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		net_lose_link(pair->net, "its peer closed the connection");
	return sent > 0 ? (size_t)sent : 0;
}

static bool stream_send(struct net_queue *pair)
{
	const struct virtq_chain *chain = &pair->chain;
	size_t size = chain->readable_len - NET_HEADER;
	uint32_t len = htonl((uint32_t)size);
	size_t total = sizeof(len) + size;
	struct iovec iov[1 + VIRTQ_CHAIN_MAX];
	unsigned count;
	size_t sent;

	iov[0] = (struct iovec){.iov_base = &len, .iov_len = sizeof(len)};
	count = 1 + iov_slice(chain->iov, chain->readable_count, NET_HEADER, size, iov + 1);
	sent = stream_write(pair, iov, count);
	if (sent == 0)
		return !pair->net->link_up;
	net_tx_count(pair, size);
	if (!pair->net->link_up || sent == total)
		return true;
	/* The rest is kept as it is now: the guest could change what it has announced the length of. */
	pair->tx_start = 0;
	pair->tx_end = iov_gather(iov, count, sent, pair->tx_bytes, total - sent);
	pair->tx_stalled = true;
	return true;
}

static bool stream_flush(struct net_queue *pair)
{
	struct iovec rest = {.iov_base = pair->tx_bytes + pair->tx_start,
			     .iov_len = pair->tx_end - pair->tx_start};

	if (rest.iov_len)
		pair->tx_start += stream_write(pair, &rest, 1);
	return pair->tx_start == pair->tx_end;
}

const struct net_backend net_stream_backend = {
	.receive = stream_receive,
	.send = stream_send,
	.flush = stream_flush,
};
