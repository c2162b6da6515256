#include <endian.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/iov.h"
#include "devmodel/virtio/net_device.h"

static struct virtq *queue_of(const struct net_queue *pair)
{
	return &pair->net->device.queues[pair->receive];
}

/* False: a buffer that no receive queue may hold (5.1.6.3). */
static bool buffers_append(struct net_queue *pair)
{
	struct net_buffers *rx = &pair->rx;
	const struct virtq_chain *chain = &pair->chain;

	if (chain->readable_count || chain->writable_len < NET_HEADER)
		return false;
	if (rx->iov_count + chain->writable_count > NET_RX_IOV_MAX) {
		virtq_unpop(queue_of(pair), chain->token);
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

bool net_take_buffers(struct net_queue *pair, size_t len, unsigned chains_max)
{
	struct virtio_device *device = &pair->net->device;
	struct virtq *queue = queue_of(pair);
	struct net_buffers *rx = &pair->rx;
	int code = 1;

	rx->count = 0;
	rx->iov_count = 0;
	rx->len = 0;
	rx->full = false;
	while (rx->len < len && rx->count < chains_max && !rx->full) {
		code = virtq_pop(queue, &pair->chain);
		/* All that there are are taken: the driver is to kick for the next one. */
		if (code == 0 && virtq_enable_notify(queue))
			continue;
		if (code <= 0)
			break;
		if (!buffers_append(pair)) {
			virtio_device_broken(device,
					     "a receive buffer is not for the device to write, or too small");
			return false;
		}
	}
	if (code < 0)
		virtio_device_broken(device, "the ring of the receive queue is broken");
	return code >= 0;
}

void net_give_buffers_back(struct net_queue *pair)
{
	struct net_buffers *rx = &pair->rx;

	while (rx->count)
		virtq_unpop(queue_of(pair), rx->chains[--rx->count].token);
}

void net_commit_buffers(struct net_queue *pair, size_t len)
{
	struct net_buffers *rx = &pair->rx;
	struct virtq *queue = queue_of(pair);
	unsigned used = 0;
	uint16_t num_buffers;

	net_rx_count(pair, len - NET_HEADER);
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
	pair->rx_chains = used;
}

unsigned net_chains_max(const struct net *net)
{
	return virtio_has(&net->device, VIRTIO_NET_F_MRG_RXBUF) ? NET_RX_CHAINS_MAX : 1;
}

enum net_outcome net_deliver(struct net_queue *pair, const uint8_t *header, const uint8_t *frame, size_t len)
{
	struct net_buffers *rx = &pair->rx;
	unsigned chains_max = net_chains_max(pair->net);
	uint8_t head[NET_FILTER_HEAD] = {0};

	memcpy(head, frame, MIN(len, sizeof(head)));
	if (!net_filter_wants(&pair->filter, head))
		return NET_RX_DONE;
	if (!net_take_buffers(pair, NET_HEADER + len, chains_max))
		return NET_RX_BROKEN;
	if (rx->len < NET_HEADER + len) {
		bool never = rx->full || rx->count == chains_max || rx->count == queue_of(pair)->size;

		net_give_buffers_back(pair);
		return never ? NET_RX_DONE : NET_RX_WAIT;
	}
	iov_scatter(rx->iov, rx->iov_count, 0, header, NET_HEADER);
	iov_scatter(rx->iov, rx->iov_count, NET_HEADER, frame, len);
	net_commit_buffers(pair, NET_HEADER + len);
	return NET_RX_DONE;
}

static void filter_renew(struct net_queue *pair)
{
	struct net *net = pair->net;

	if (pair->filter_version == net->filter_version)
		return;
	pthread_mutex_lock(&net->lock);
	pair->filter = net->filter;
	pair->filter_version = net->filter_version;
	pthread_mutex_unlock(&net->lock);
}

void net_receive(struct net_queue *pair)
{
	struct net *net = pair->net;

	if (!virtio_device_live(&net->device) || !net_online(net) || pair->rx_stalled ||
	    net_vhost_runs(pair, pair->receive))
		return;
	filter_renew(pair);
	virtq_disable_notify(queue_of(pair));
	net->backend->receive(pair);
	virtio_interrupt(&net->device, pair->receive);
}
