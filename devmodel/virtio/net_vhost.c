/*
 * vhost-net (the kernel's include/uapi/linux/vhost.h): the host's kernel serves a pair's rings and moves its
 * frames between guest memory and the TAP, without this process.
 *
 *      guest --kick eventfd--> kernel --TAP--> ...
 *      guest <-- interrupt <--call eventfd-- kernel
 *
 * The interrupt goes through this process' loop where the transport knows no shorter way (queue_call,
 * device.h).
 *
 * A pair is handed to the kernel when its driver is ready and its link is up, and taken back, at the very
 * entry where the kernel was, before anything else may happen to its queues: then net_receive.c and
 * net_transmit.c serve it, so that a link that is down drops frames in one way only. What the kernel cannot
 * do is not offered: filters, packed rings, the reset of one queue; nor does it promise an order.
 *
 * Who starts or stops a pair holds the locks of its queues.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/util.h"
#include "devmodel/virtio/net_device.h"

#define BIT(feature) (1ULL << (feature))

/* What the kernel has to know of what was agreed. Other features are the device's: offloads are the TAP's. */
#define FEATURES_OF_RINGS                                                                                    \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_RING_F_INDIRECT_DESC) |          \
	 BIT(VIRTIO_RING_F_EVENT_IDX))

#define RECEIVE  0 /* the kernel's numbers of a pair's rings */
#define TRANSMIT 1

/* ---- What the kernel tells ---- */

static void call_ready(struct loop_source *source, uint32_t events)
{
	struct net_call *call = CONTAINER_OF(source, struct net_call, source);
	struct virtio_device *device = &call->pair->net->device;

	(void)events;
	virtio_queue_lock(device, call->queue);
	if (virtio_device_live(device)) {
		counter_add(&virtio_queue_counters(device, call->queue)->interrupts, 1);
		device->transport->queue_interrupt(device->transport, call->queue);
	}
	virtio_queue_unlock(device, call->queue);
}

static void fault_ready(struct loop_source *source, uint32_t events)
{
	struct net_call *call = CONTAINER_OF(source, struct net_call, source);
	struct virtio_device *device = &call->pair->net->device;

	(void)events;
	virtio_queue_lock(device, call->queue);
	if (virtio_device_live(device) &&
	    (call->pair->vhost_runs[RECEIVE] || call->pair->vhost_runs[TRANSMIT]))
		virtio_device_broken(device, "the ring of a queue is broken");
	virtio_queue_unlock(device, call->queue);
}

static int call_open(struct net_call *call, struct net_queue *pair, unsigned queue,
		     void (*ready)(struct loop_source *, uint32_t))
{
	int code;

	call->pair = pair;
	call->queue = queue;
	call->source = (struct loop_source){
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.events = EPOLLIN | EPOLLET, /* nobody ever reads it: device.h */
		.ready = ready,
	};
	if (call->source.fd < 0)
		return -errno;
	code = loop_add(pair->loop, &call->source);
	if (code < 0) {
		close(call->source.fd);
		call->source.fd = -1;
	}
	return code;
}

static void call_close(struct net_call *call)
{
	if (!call->pair || call->source.fd < 0)
		return;
	loop_remove(call->pair->loop, &call->source);
	close(call->source.fd);
	call->source.fd = -1;
}

/* ---- A ring ---- */

static int set_file(int vhost, unsigned long request, unsigned ring, int fd)
{
	struct vhost_vring_file file = {.index = ring, .fd = fd};

	return ioctl(vhost, request, &file) < 0 ? -errno : 0;
}

static int set_state(int vhost, unsigned long request, unsigned ring, unsigned number)
{
	struct vhost_vring_state state = {.index = ring, .num = number};

	return ioctl(vhost, request, &state) < 0 ? -errno : 0;
}

static int set_address(const struct net_queue *pair, unsigned ring, const struct virtq *queue)
{
	const struct guest_memory *memory = pair->net->device.memory;
	struct vhost_vring_addr address = {
		.index = ring,
		.desc_user_addr = (uintptr_t)guest_memory_at(memory, queue->desc_address, 1),
		.avail_user_addr = (uintptr_t)guest_memory_at(memory, queue->avail_address, 1),
		.used_user_addr = (uintptr_t)guest_memory_at(memory, queue->used_address, 1),
	};

	return ioctl(pair->vhost, VHOST_SET_VRING_ADDR, &address) < 0 ? -errno : 0;
}

/* Any thread: nobody else changes what is watched of a queue. */
static void watch_kick(struct net_queue *pair, unsigned index, bool watch)
{
	struct virtio_kick *kick = &pair->net->device.kicks[index];

	loop_modify(kick->loop, &kick->source, watch ? EPOLLIN | EPOLLET : 0);
}

/* fd -1: nobody's. */
static void bind_call(const struct net_queue *pair, unsigned index, int fd)
{
	struct virtio_transport *transport = pair->net->device.transport;

	if (transport->queue_call)
		transport->queue_call(transport, index, fd);
}

static unsigned queue_of(const struct net_queue *pair, unsigned ring)
{
	return ring == RECEIVE ? pair->receive : pair->transmit;
}

static int ring_hand_over(const struct net_queue *pair, unsigned ring)
{
	const struct virtio_device *device = &pair->net->device;
	const struct virtq *queue = &device->queues[queue_of(pair, ring)];
	int kick = device->kicks[queue_of(pair, ring)].source.fd;
	int code;

	if ((code = set_state(pair->vhost, VHOST_SET_VRING_NUM, ring, queue->size)) < 0 ||
	    (code = set_state(pair->vhost, VHOST_SET_VRING_BASE, ring, queue->avail_next)) < 0 ||
	    (code = set_address(pair, ring, queue)) < 0 ||
	    (code = set_file(pair->vhost, VHOST_SET_VRING_ERR, ring, pair->calls[2].source.fd)) < 0 ||
	    (code = set_file(pair->vhost, VHOST_SET_VRING_CALL, ring, pair->calls[ring].source.fd)) < 0 ||
	    (code = set_file(pair->vhost, VHOST_SET_VRING_KICK, ring, kick)) < 0)
		return code;
	return set_file(pair->vhost, VHOST_NET_SET_BACKEND, ring, pair->source.fd);
}

/* A queue that its driver has left out, or has stopped, is nobody's. */
static int ring_start(struct net_queue *pair, unsigned ring)
{
	unsigned index = queue_of(pair, ring);
	int code;

	if (!pair->net->device.queues[index].enabled || pair->vhost_runs[ring])
		return 0;
	watch_kick(pair, index, false);
	bind_call(pair, index, pair->calls[ring].source.fd);
	pair->vhost_runs[ring] = true;
	code = ring_hand_over(pair, ring);
	if (code < 0) {
		pair->vhost_runs[ring] = false;
		bind_call(pair, index, -1);
		watch_kick(pair, index, true);
	}
	return code;
}

/* Once this returns, the kernel touches it no more. */
static void ring_stop(struct net_queue *pair, unsigned ring)
{
	unsigned index = queue_of(pair, ring);
	struct vhost_vring_state state = {.index = ring};

	if (!pair->vhost_runs[ring])
		return;
	set_file(pair->vhost, VHOST_NET_SET_BACKEND, ring, -1);
	set_file(pair->vhost, VHOST_SET_VRING_KICK, ring, -1);
	set_file(pair->vhost, VHOST_SET_VRING_CALL, ring, -1);
	if (ioctl(pair->vhost, VHOST_GET_VRING_BASE, &state) == 0)
		virtq_continue(&pair->net->device.queues[index], (uint16_t)state.num);
	pair->vhost_runs[ring] = false;
	bind_call(pair, index, -1);
	watch_kick(pair, index, true);
}

/* ---- A pair ---- */

void net_vhost_start(struct net_queue *pair)
{
	struct net *net = pair->net;
	uint64_t features = net->device.features & FEATURES_OF_RINGS;
	int code;

	if (pair->vhost < 0 || net->vhost_failed || !net_online(net) || !virtio_device_live(&net->device))
		return;
	if (net->rx_limited || net->tx_limited)
		return; /* the kernel knows no rates */
	code = ioctl(pair->vhost, VHOST_SET_FEATURES, &features) < 0 ? -errno : 0;
	if (code == 0)
		code = ring_start(pair, TRANSMIT);
	if (code == 0)
		code = ring_start(pair, RECEIVE);
	if (code == 0)
		return;
	net_vhost_stop(pair);
	log_limited(&net->device.log_limit, LOG_LEVEL_WARNING, "virtio %s: goes on without vhost: %s",
		    net->name, strerror(-code));
}

void net_vhost_stop(struct net_queue *pair)
{
	if (pair->vhost_runs[RECEIVE])
		pair->rx_stalled = false;
	ring_stop(pair, RECEIVE);
	ring_stop(pair, TRANSMIT);
}

void net_vhost_stop_queue(struct net_queue *pair, unsigned queue)
{
	ring_stop(pair, queue == pair->receive ? RECEIVE : TRANSMIT);
}

bool net_vhost_runs(const struct net_queue *pair, unsigned queue)
{
	return pair->vhost_runs[queue == pair->receive ? RECEIVE : TRANSMIT];
}

/* ---- How it is made ---- */

uint64_t net_vhost_unoffered(const struct virtio_net_options *options)
{
	const uint64_t never = BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) |
			       BIT(VIRTIO_NET_F_CTRL_VLAN) | BIT(VIRTIO_F_RING_PACKED) |
			       BIT(VIRTIO_F_IN_ORDER);
	uint64_t has = 0;

	if (ioctl(options->vhost[0], VHOST_GET_FEATURES, &has) < 0)
		return 0;
	return never | (FEATURES_OF_RINGS & ~has);
}

/* The kernel reaches guest memory by this process' addresses. */
static int set_memory(int vhost, const struct guest_memory *memory)
{
	uint64_t space[(sizeof(struct vhost_memory) +
			GUEST_MEMORY_REGIONS_MAX * sizeof(struct vhost_memory_region)) /
		       sizeof(uint64_t)] = {0};
	struct vhost_memory *table = (struct vhost_memory *)space;

	table->nregions = memory->count;
	for (unsigned i = 0; i < memory->count; i++)
		table->regions[i] = (struct vhost_memory_region){
			.guest_phys_addr = memory->regions[i].base,
			.memory_size = memory->regions[i].size,
			.userspace_addr = (uintptr_t)memory->regions[i].host,
		};
	return ioctl(vhost, VHOST_SET_MEM_TABLE, table) < 0 ? -errno : 0;
}

static int pair_open(struct net_queue *pair)
{
	int code = ioctl(pair->vhost, VHOST_SET_OWNER) < 0 ? -errno : 0;

	if (code == 0)
		code = set_memory(pair->vhost, pair->net->device.memory);
	if (code == 0)
		code = call_open(&pair->calls[RECEIVE], pair, pair->receive, call_ready);
	if (code == 0)
		code = call_open(&pair->calls[TRANSMIT], pair, pair->transmit, call_ready);
	if (code == 0)
		code = call_open(&pair->calls[2], pair, pair->receive, fault_ready);
	return code;
}

int net_vhost_open(struct net *net, struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < net->pair_count && code == 0; i++)
		if (net->pairs[i].vhost >= 0)
			code = pair_open(&net->pairs[i]);
	return code < 0 ? error_set(err, code, "network %s: vhost does not take it: %s",
				    net->name + strlen("net "), strerror(-code))
			: 0;
}

void net_vhost_give_up(struct net *net, const struct error *why)
{
	log_warning("%s; it goes without", why->text);
	net->vhost_failed = true;
	net_vhost_close(net);
}

void net_vhost_close(struct net *net)
{
	for (unsigned i = 0; i < net->pair_count; i++) {
		struct net_queue *pair = &net->pairs[i];

		net_vhost_stop(pair);
		for (unsigned j = 0; j < ARRAY_SIZE(pair->calls); j++)
			call_close(&pair->calls[j]);
	}
}
