#include "devmodel/virtio/net.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/net_device.h"

#define BIT(feature) (1ULL << VIRTIO_NET_F_##feature)

#define FEATURES_CONTROL                                                                                     \
	(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA) | BIT(CTRL_VLAN) | BIT(CTRL_MAC_ADDR) |            \
	 BIT(GUEST_ANNOUNCE))

/* ---- Its link ---- */

bool net_online(const struct net *net)
{
	return net->link_up && net->plugged;
}

static void set_status(struct net *net, bool announce)
{
	uint16_t status = 0;

	if (net_online(net))
		status |= VIRTIO_NET_S_LINK_UP;
	if (announce)
		status |= VIRTIO_NET_S_ANNOUNCE;
	pthread_mutex_lock(&net->lock);
	net->space.status = htole16(status);
	pthread_mutex_unlock(&net->lock);
}

void net_tell_status(struct net *net, bool announce)
{
	set_status(net, announce);
	virtio_config_changed(&net->device);
}

/* One that the driver does not use is out of the loop: a TAP's queue that is detached is an error to epoll.
 */
static int pair_watch(struct net_queue *pair, bool watch)
{
	int code = 0;

	if (watch && !pair->watched)
		code = loop_add(pair->loop, &pair->source);
	else if (!watch && pair->watched)
		loop_remove(pair->loop, &pair->source);
	pair->watched = watch && code == 0;
	return code;
}

/* Every pair finds it when it is kicked, and drops what waits there. */
void net_lose_link(struct net *net, const char *why)
{
	if (!atomic_exchange(&net->link_up, false))
		return;
	log_warning("virtio %s: %s; its link is down", net->name, why);
	net_tell_status(net, false);
	for (unsigned i = 0; i < 2 * net->pair_count; i++)
		virtio_device_kick(&net->device, i);
}

static void drop_stale(struct net *net)
{
	for (unsigned i = 0; i < net->pairs_used && net->link_up && net->backend->drop_stale; i++)
		net->backend->drop_stale(&net->pairs[i]);
}

void net_start_vhost(struct net *net)
{
	for (unsigned i = 0; i < net->pairs_used; i++)
		net_vhost_start(&net->pairs[i]);
}

void net_stop_vhost(struct net *net)
{
	for (unsigned i = 0; i < net->pair_count; i++)
		net_vhost_stop(&net->pairs[i]);
}

/* The loop is its own thread's: a kick has it look at the fd again. */
void virtio_net_set_link(struct virtio_device *device, bool up)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	virtio_device_lock(device);
	if (net->plugged != up) {
		net->plugged = up;
		net_stop_vhost(net);
		if (up)
			drop_stale(net);
		if (up)
			net_start_vhost(net);
		if (net->link_up)
			net_tell_status(net, false);
		for (unsigned i = 0; i < 2 * net->pair_count; i++)
			virtio_device_kick(device, i);
	}
	virtio_device_unlock(device);
}

void virtio_net_announce(struct virtio_device *device)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	pthread_mutex_lock(&device->lock);
	if (virtio_device_live(device) && virtio_has(device, VIRTIO_NET_F_GUEST_ANNOUNCE) && net_online(net))
		net_tell_status(net, true);
	pthread_mutex_unlock(&device->lock);
}

/* ---- Its queues ---- */

static bool pair_used(const struct net_queue *pair)
{
	return pair->receive < 2 * pair->net->pairs_used;
}

void net_await_events(struct net_queue *pair)
{
	struct net *net = pair->net;
	bool used = pair_used(pair) && net->link_up;
	uint32_t events = 0;

	if (pair_watch(pair, used) < 0)
		net_lose_link(net, "its loop does not take it");
	if (!pair->watched)
		return;
	if (virtio_device_live(&net->device) && net->plugged && !pair->rx_stalled &&
	    !net_vhost_runs(pair, pair->receive))
		events |= EPOLLIN;
	if (pair->tx_stalled)
		events |= EPOLLOUT;
	loop_modify(pair->loop, &pair->source, events);
}

/* For its loop, of which it is a source. */
static void pair_ready(struct loop_source *source, uint32_t events)
{
	struct net_queue *pair = CONTAINER_OF(source, struct net_queue, source);
	struct net *net = pair->net;

	if (events & EPOLLIN) {
		virtio_queue_lock(&net->device, pair->receive);
		net_receive(pair);
		virtio_queue_unlock(&net->device, pair->receive);
	}
	if (events & EPOLLOUT && net->link_up) {
		virtio_queue_lock(&net->device, pair->transmit);
		net_writable(pair);
		virtio_queue_unlock(&net->device, pair->transmit);
	}
	/* With EPOLLIN there is still something to read, and its end will be found there. */
	if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN) && pair_used(pair)) {
		virtio_device_lock(&net->device);
		net_stop_vhost(net);
		net_lose_link(net, "its other side is gone");
		virtio_device_unlock(&net->device);
	}
	net_await_events(pair);
}

static void net_notify(struct virtio_device *device, unsigned queue)
{
	struct net *net = CONTAINER_OF(device, struct net, device);
	struct net_queue *pair = &net->pairs[queue / 2];

	if (queue == net_control_queue(net)) {
		net_control(net);
		return;
	}
	if (queue >= 2 * net->pair_count || net_vhost_runs(pair, queue))
		return;
	/* 5.1.6.5.5: a pair is for nothing until the driver uses it. */
	if (queue == pair->receive && pair_used(pair)) {
		pair->rx_stalled = false;
		net_receive(pair);
	} else if (queue == pair->transmit && pair_used(pair)) {
		if (!net->link_up) {
			pair->tx_stalled = false;
			pair->tx_start = pair->tx_end = 0;
		}
		net_transmit(pair);
	}
	net_await_events(pair);
}

/* No pair's loop is to find its queue detached while it still counts. */
int net_use_pairs(struct net *net, unsigned count)
{
	unsigned before = net->pairs_used;
	int code = 0;

	if (count < before)
		net->pairs_used = count;
	for (unsigned i = count; i < before; i++)
		net_vhost_stop(&net->pairs[i]);
	if (net->link_up && net->backend->use_pairs)
		code = net->backend->use_pairs(net, count);
	for (unsigned i = before; i < count && code == 0; i++)
		net_vhost_start(&net->pairs[i]);
	if (code == 0)
		net->pairs_used = count;
	return code;
}

/* ---- Its life ---- */

static void net_config_read(struct virtio_device *device, uint32_t offset, uint8_t *data, uint32_t len)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	pthread_mutex_lock(&net->lock);
	memcpy(data, (const uint8_t *)&net->space + offset, len);
	pthread_mutex_unlock(&net->lock);
}

static int net_activate(struct virtio_device *device)
{
	struct net *net = CONTAINER_OF(device, struct net, device);
	int code = net_use_pairs(net, 1);

	for (unsigned i = 0; i < net->pair_count; i++)
		net->pairs[i].rx_chains = 1;
	pthread_mutex_lock(&net->lock);
	net_filter_reset(&net->filter, net->mac, virtio_has(device, VIRTIO_NET_F_CTRL_VLAN));
	net->filter_version++;
	pthread_mutex_unlock(&net->lock);
	if (code == 0 && net->link_up && device->offered & NET_GUEST_OFFLOADS)
		code = net->backend->set_offloads(net, device->features & NET_GUEST_OFFLOADS);
	drop_stale(net);
	if (code == 0)
		net_start_vhost(net);
	return code;
}

/* A stream goes on where it is: a frame that was begun has to be ended. On a vCPU's thread: the loop is left
 * alone, and finds the device not live. */
static void net_reset(struct virtio_device *device)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	net_stop_vhost(net);
	for (unsigned i = 0; i < net->pair_count; i++)
		net->pairs[i].rx_stalled = true;
	pthread_mutex_lock(&net->lock);
	memcpy(net->space.mac, net->mac, sizeof(net->mac));
	pthread_mutex_unlock(&net->lock);
	set_status(net, false);
}

/* What the driver starts again is served here, until it starts the device anew. */
static void net_queue_reset(struct virtio_device *device, unsigned queue)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	if (queue < 2 * net->pair_count)
		net_vhost_stop_queue(&net->pairs[queue / 2], queue);
}

static void net_free(struct net *net)
{
	net_vhost_close(net);
	net_limits_close(net);
	virtio_device_close(&net->device);
	pthread_mutex_destroy(&net->lock);
	free(net->name);
	free(net);
}

static void net_destroy(struct virtio_device *device)
{
	struct net *net = CONTAINER_OF(device, struct net, device);

	for (unsigned i = 0; i < net->pair_count; i++) {
		pair_watch(&net->pairs[i], false);
	}
	net_vhost_close(net);
	for (unsigned i = 0; i < net->pair_count; i++) {
		close(net->pairs[i].source.fd);
		if (net->pairs[i].vhost >= 0)
			close(net->pairs[i].vhost);
	}
	net_free(net);
}

static const struct virtio_device_ops net_ops = {
	.config_read = net_config_read,
	.activate = net_activate,
	.reset = net_reset,
	.queue_reset = net_queue_reset,
	.notify = net_notify,
	.destroy = net_destroy,
};

/* ---- How it is made ---- */

/* 5.1.3.1: what is of no use without another feature goes with it. */
static uint64_t without_dependents(uint64_t features)
{
	if (!(features & BIT(CSUM)))
		features &= ~(BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_UFO));
	if (!(features & BIT(GUEST_CSUM)))
		features &= ~(BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(GUEST_UFO));
	if (!(features & (BIT(HOST_TSO4) | BIT(HOST_TSO6))))
		features &= ~BIT(HOST_ECN);
	if (!(features & (BIT(GUEST_TSO4) | BIT(GUEST_TSO6))))
		features &= ~BIT(GUEST_ECN);
	return features;
}

static uint64_t net_features(const struct virtio_net_options *options, const struct net_backend *backend)
{
	uint64_t features =
		BIT(MAC) | BIT(STATUS) | BIT(MRG_RXBUF) | FEATURES_CONTROL | 1ULL << VIRTIO_F_IN_ORDER;

	if (options->mtu)
		features |= BIT(MTU);
	if (options->fd_count > 1)
		features |= BIT(MQ);
	if (backend->features)
		features |= backend->features(options->fds[0]);
	if (options->has_vhost)
		features &= ~net_vhost_unoffered(options);
	features = without_dependents(features & ~options->without);
	if (features & NET_GUEST_OFFLOADS)
		features |= BIT(CTRL_GUEST_OFFLOADS);
	return features;
}

static int make_nonblocking(const struct virtio_net_options *options, struct error *err)
{
	for (unsigned i = 0; i < options->fd_count; i++) {
		int flags = fcntl(options->fds[i], F_GETFL);

		if (flags < 0 || fcntl(options->fds[i], F_SETFL, flags | O_NONBLOCK) < 0)
			return error_set(err, -errno, "network %s: cannot make it non-blocking: %m",
					 options->name);
	}
	return 0;
}

static int net_check(const struct virtio_net_options *options, struct error *err)
{
	unsigned max = options->backend == VIRTIO_NET_STREAM ? 1 : VIRTIO_NET_PAIRS_MAX;

	if (options->mac[0] & 1)
		return error_set(err, -EINVAL, "network %s: its MAC address is a group's", options->name);
	if (options->mtu && options->mtu < VIRTIO_NET_MTU_MIN)
		return error_set(err, -EINVAL, "network %s: an MTU of %u is less than %d", options->name,
				 options->mtu, VIRTIO_NET_MTU_MIN);
	if (options->fd_count < 1 || options->fd_count > max)
		return error_set(err, -EINVAL, "network %s: has %u queues, it can have 1 to %u",
				 options->name, options->fd_count, max);
	return make_nonblocking(options, err);
}

/* What the device is when its driver finds it. */
static void net_fill(struct net *net, const struct virtio_net_options *options)
{
	net->backend = options->backend == VIRTIO_NET_TAP ? &net_tap_backend : &net_stream_backend;
	net->device = (struct virtio_device){
		.ops = &net_ops,
		.id = VIRTIO_ID_NET,
		.name = net->name,
		.offered = net_features(options, net->backend),
		.queue_count = 2 * options->fd_count + 1,
		.config_size = offsetof(struct virtio_net_config, speed),
		.in_order = true,
	};
	memcpy(net->mac, options->mac, sizeof(net->mac));
	memcpy(net->space.mac, options->mac, sizeof(net->space.mac));
	net->space.max_virtqueue_pairs = htole16((uint16_t)options->fd_count);
	net->space.mtu = htole16(options->mtu);
	net->link_up = true;
	net->plugged = !options->link_down;
	net->space.status = htole16(net->plugged ? VIRTIO_NET_S_LINK_UP : 0);
	net->pair_count = options->fd_count;
	net->pairs_used = 1;
	pthread_mutex_init(&net->lock, NULL);
	for (unsigned i = 0; i < net->pair_count; i++) {
		struct net_queue *pair = &net->pairs[i];

		pair->net = net;
		pair->receive = 2 * i;
		pair->transmit = 2 * i + 1;
		pair->rx_stalled = true;
		pair->vhost = options->has_vhost ? options->vhost[i] : -1;
		if (i > 0 && options->loops) {
			virtio_device_set_queue_loop(&net->device, pair->receive, options->loops[i - 1]);
			virtio_device_set_queue_loop(&net->device, pair->transmit, options->loops[i - 1]);
		}
		pair->source = (struct loop_source){.fd = options->fds[i], .ready = pair_ready};
	}
}

static int net_attach(struct net *net, const struct virtio_net_options *options, struct error *err)
{
	struct error why = {0};
	int code = net_limits_set(net, &options->to_guest, &options->from_guest, err);

	if (code < 0)
		return code;
	for (unsigned i = 0; i < net->device.queue_count; i++)
		net->device.queues[i].size_max = NET_QUEUE_SIZE;
	net->device.queues[2 * net->pair_count].size_max = NET_CONTROL_QUEUE_SIZE;
	if (options->has_vhost)
		net->device.offered &= ~net_vhost_unoffered(options);
	for (unsigned i = 0; i < net->pair_count; i++)
		net->pairs[i].loop = net->device.kicks[net->pairs[i].receive].loop;
	code = net_vhost_open(net, &why);
	if (code < 0 && options->needs_vhost)
		return error_set(err, code, "%s", why.text);
	if (code < 0)
		net_vhost_give_up(net, &why);
	code = pair_watch(&net->pairs[0], true);
	return code < 0 ? error_set(err, code, "network %s: its loop does not take it: %s", options->name,
				    strerror(-code))
			: 0;
}

static struct net *net_alloc(const struct virtio_net_options *options)
{
	struct net *net = calloc(1, sizeof(*net) + options->fd_count * sizeof(net->pairs[0]));

	if (net && asprintf(&net->name, "net %s", options->name) < 0) {
		free(net);
		net = NULL;
	}
	return net;
}

struct virtio_device *virtio_net_create(const struct virtio_net_options *options,
					const struct guest_memory *memory, struct loop *loop,
					struct error *err)
{
	struct net *net;

	if (net_check(options, err) < 0)
		return NULL;
	net = net_alloc(options);
	if (!net) {
		error_set(err, -ENOMEM, "network %s: out of memory", options->name);
		return NULL;
	}
	net_fill(net, options);
	if (virtio_device_init(&net->device, memory, loop, err) < 0) {
		pthread_mutex_destroy(&net->lock);
		free(net->name);
		free(net);
		return NULL;
	}
	if (net_attach(net, options, err) == 0)
		return &net->device;
	net_free(net);
	return NULL;
}
