#include "devmodel/virtio/net_device.h"

static bool frame_send(struct net_queue *pair)
{
	const struct virtq_chain *chain = &pair->chain;

	if (!net_online(pair->net) || chain->readable_len < NET_HEADER + NET_FRAME_MIN ||
	    chain->readable_len > NET_PACKET_MAX)
		return true;
	return pair->net->backend->send(pair);
}

void net_transmit(struct net_queue *pair)
{
	struct virtio_device *device = &pair->net->device;
	struct virtq *queue = &device->queues[pair->transmit];
	unsigned budget = VIRTIO_BATCH;

	if (!virtio_device_live(device) || pair->tx_stalled || net_vhost_runs(pair, pair->transmit))
		return;
	virtq_disable_notify(queue);
	while (!pair->tx_stalled && !net_tx_waits(pair) &&
	       virtio_device_pop(device, pair->transmit, &pair->chain, &budget)) {
		if (frame_send(pair)) {
			virtq_push(queue, pair->chain.token, 0);
		} else {
			virtq_unpop(queue, pair->chain.token);
			pair->tx_stalled = true;
		}
	}
	virtio_interrupt(device, pair->transmit);
}

void net_writable(struct net_queue *pair)
{
	const struct net_backend *backend = pair->net->backend;

	if (backend->flush && !backend->flush(pair))
		return;
	pair->tx_stalled = false;
	net_transmit(pair);
}
