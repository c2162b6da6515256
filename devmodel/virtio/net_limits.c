#include "common/clock.h"
#include "common/util.h"
#include "devmodel/virtio/net_device.h"

static bool limit_waits(struct net *net, const struct rate_limiter *limiter, struct virtio_throttle *throttle)
{
	uint64_t wait;

	pthread_mutex_lock(&net->lock);
	wait = rate_limiter_limits(limiter) ? rate_limiter_wait(limiter, monotonic_ns()) : 0;
	pthread_mutex_unlock(&net->lock);
	return virtio_throttle_waits(throttle, wait);
}

static void limit_take(struct net *net, struct rate_limiter *limiter, size_t len)
{
	pthread_mutex_lock(&net->lock);
	if (rate_limiter_limits(limiter))
		rate_limiter_take(limiter, monotonic_ns(), len);
	pthread_mutex_unlock(&net->lock);
}

bool net_rx_waits(struct net_queue *pair)
{
	struct net *net = pair->net;

	return net->rx_limited && limit_waits(net, &net->rx_limiter, &pair->rx_throttle);
}

bool net_tx_waits(struct net_queue *pair)
{
	struct net *net = pair->net;

	return net->tx_limited && limit_waits(net, &net->tx_limiter, &pair->tx_throttle);
}

void net_rx_count(struct net_queue *pair, size_t len)
{
	struct net *net = pair->net;

	counter_add(&virtio_queue_counters(&net->device, pair->receive)->to_guest, len);
	if (net->rx_limited)
		limit_take(net, &net->rx_limiter, len);
}

void net_tx_count(struct net_queue *pair, size_t len)
{
	struct net *net = pair->net;

	counter_add(&virtio_queue_counters(&net->device, pair->transmit)->from_guest, len);
	if (net->tx_limited)
		limit_take(net, &net->tx_limiter, len);
}

static int throttle_need(struct virtio_throttle *throttle, struct net *net, unsigned queue,
			 const struct rate *rate, struct error *err)
{
	return rate->rate && !throttle->device ? virtio_throttle_init(throttle, &net->device, queue, err) : 0;
}

/* The timers that these rates need; what was made stays made. */
static int limits_prepare(struct net *net, const struct rate *to_guest, const struct rate *from_guest,
			  struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < net->pair_count && code == 0; i++) {
		struct net_queue *pair = &net->pairs[i];

		code = throttle_need(&pair->rx_throttle, net, pair->receive, to_guest, err);
		if (code == 0)
			code = throttle_need(&pair->tx_throttle, net, pair->transmit, from_guest, err);
	}
	return code;
}

int net_limits_set(struct net *net, const struct rate *to_guest, const struct rate *from_guest,
		   struct error *err)
{
	int code = limits_prepare(net, to_guest, from_guest, err);

	if (code < 0)
		return code;
	pthread_mutex_lock(&net->lock);
	rate_limiter_init(&net->rx_limiter, to_guest);
	rate_limiter_init(&net->tx_limiter, from_guest);
	pthread_mutex_unlock(&net->lock);
	net->rx_limited = to_guest->rate != 0;
	net->tx_limited = from_guest->rate != 0;
	return 0;
}

void net_limits_close(struct net *net)
{
	for (unsigned i = 0; i < net->pair_count; i++) {
		virtio_throttle_close(&net->pairs[i].rx_throttle);
		virtio_throttle_close(&net->pairs[i].tx_throttle);
	}
}

int virtio_net_set_rates(struct virtio_device *device, const struct rate *to_guest,
			 const struct rate *from_guest, struct error *err)
{
	struct net *net = CONTAINER_OF(device, struct net, device);
	int code;

	virtio_device_lock(device);
	net_stop_vhost(net);
	code = net_limits_set(net, to_guest, from_guest, err);
	net_start_vhost(net);
	virtio_device_unlock(device);
	/* What waited for the old rates looks again. */
	for (unsigned i = 0; i < 2 * net->pair_count; i++)
		virtio_device_kick(device, i);
	return code;
}
