/*
 * The control queue (virtio 1.2, 5.1.6.5): a chain is one command,
 *
 *      readable  class, command, its data        writable  ack
 *
 * carried out as soon as it is taken. What a driver may not ask for, since it did not accept the feature or
 * the data are wrong, changes nothing and is answered with VIRTIO_NET_ERR.
 */
#include <endian.h>
#include <string.h>

#include "common/util.h"
#include "devmodel/virtio/net_device.h"

#define HEADER     sizeof(struct virtio_net_ctrl_hdr)
#define TABLES_MAX 4096 /* addresses of one table that are looked at: a page of them and more */

/* A command's data, read where they are needed: a table may be long. */
struct command {
	struct net *net;
	const struct virtq_chain *chain;
	uint8_t number;
	size_t at; /* of the next byte of data */
};

static bool take(struct command *command, void *into, size_t len)
{
	if (virtq_chain_read(command->chain, command->at, into, len) != len)
		return false;
	command->at += len;
	return true;
}

static bool ended(const struct command *command)
{
	return command->at == command->chain->readable_len;
}

/* ---- Receive mode ---- */

static bool set_mode(struct command *command)
{
	struct net *net = command->net;
	struct net_filter *filter = &net->filter;
	bool *const modes[] = {
		[VIRTIO_NET_CTRL_RX_PROMISC] = &filter->promiscuous,
		[VIRTIO_NET_CTRL_RX_ALLMULTI] = &filter->all_multicast,
		[VIRTIO_NET_CTRL_RX_ALLUNI] = &filter->all_unicast,
		[VIRTIO_NET_CTRL_RX_NOMULTI] = &filter->no_multicast,
		[VIRTIO_NET_CTRL_RX_NOUNI] = &filter->no_unicast,
		[VIRTIO_NET_CTRL_RX_NOBCAST] = &filter->no_broadcast,
	};
	bool extra = command->number > VIRTIO_NET_CTRL_RX_ALLMULTI;
	uint8_t on;

	if (command->number >= ARRAY_SIZE(modes) ||
	    !virtio_has(&net->device, extra ? VIRTIO_NET_F_CTRL_RX_EXTRA : VIRTIO_NET_F_CTRL_RX) ||
	    !take(command, &on, sizeof(on)) || !ended(command) || on > 1)
		return false;
	pthread_mutex_lock(&net->lock);
	*modes[command->number] = on;
	net->filter_version++;
	pthread_mutex_unlock(&net->lock);
	return true;
}

static bool take_addresses(struct command *command, struct net_addresses *addresses)
{
	uint8_t bytes[NET_FILTER_ADDRESSES + 1][NET_MAC];
	uint32_t count;
	size_t kept;

	if (!take(command, &count, sizeof(count)))
		return false;
	count = le32toh(count);
	kept = MIN(count, ARRAY_SIZE(bytes));
	if (count > TABLES_MAX || !take(command, bytes, kept * NET_MAC))
		return false;
	command->at += (count - kept) * NET_MAC;
	net_addresses_set(addresses, bytes[0], kept);
	return command->at <= command->chain->readable_len;
}

static bool set_tables(struct command *command)
{
	struct net *net = command->net;
	struct net_addresses unicast, multicast;

	if (!virtio_has(&net->device, VIRTIO_NET_F_CTRL_RX) || !take_addresses(command, &unicast) ||
	    !take_addresses(command, &multicast) || !ended(command))
		return false;
	pthread_mutex_lock(&net->lock);
	net->filter.unicast = unicast;
	net->filter.multicast = multicast;
	net->filter_version++;
	pthread_mutex_unlock(&net->lock);
	return true;
}

static bool set_address(struct command *command)
{
	struct net *net = command->net;
	uint8_t mac[NET_MAC];

	if (!virtio_has(&net->device, VIRTIO_NET_F_CTRL_MAC_ADDR) || !take(command, mac, sizeof(mac)) ||
	    !ended(command) || mac[0] & 1)
		return false;
	pthread_mutex_lock(&net->lock);
	memcpy(net->space.mac, mac, sizeof(mac));
	memcpy(net->filter.mac, mac, sizeof(mac));
	net->filter_version++;
	pthread_mutex_unlock(&net->lock);
	net->device.config_generation++;
	return true;
}

static bool do_mac(struct command *command)
{
	switch (command->number) {
	case VIRTIO_NET_CTRL_MAC_TABLE_SET:
		return set_tables(command);
	case VIRTIO_NET_CTRL_MAC_ADDR_SET:
		return set_address(command);
	default:
		return false;
	}
}

static bool do_vlan(struct command *command)
{
	struct net *net = command->net;
	uint16_t vlan;

	if (!virtio_has(&net->device, VIRTIO_NET_F_CTRL_VLAN) || command->number > VIRTIO_NET_CTRL_VLAN_DEL ||
	    !take(command, &vlan, sizeof(vlan)) || !ended(command) || le16toh(vlan) >= NET_VLANS)
		return false;
	pthread_mutex_lock(&net->lock);
	net_filter_set_vlan(&net->filter, le16toh(vlan), command->number == VIRTIO_NET_CTRL_VLAN_ADD);
	net->filter_version++;
	pthread_mutex_unlock(&net->lock);
	return true;
}

/* ---- Others ---- */

static bool do_announce(struct command *command)
{
	struct net *net = command->net;

	if (!virtio_has(&net->device, VIRTIO_NET_F_GUEST_ANNOUNCE) ||
	    command->number != VIRTIO_NET_CTRL_ANNOUNCE_ACK || !ended(command))
		return false;
	pthread_mutex_lock(&net->lock);
	net->space.status &= (uint16_t)~htole16(VIRTIO_NET_S_ANNOUNCE);
	pthread_mutex_unlock(&net->lock);
	net->device.config_generation++;
	return true;
}

static void vhost_unlock(struct net *net, unsigned count)
{
	while (net->pairs[0].vhost >= 0 && count-- > 0)
		virtio_queue_unlock(&net->device, count);
}

/* With vhost-net pairs come and go with their rings, which a driver may be resetting on another vCPU. It is
 * not waited for: its queues' locks come before ours. */
static bool vhost_lock(struct net *net)
{
	for (unsigned i = 0; net->pairs[0].vhost >= 0 && i < 2 * net->pair_count; i++) {
		if (virtio_queue_trylock(&net->device, i))
			continue;
		vhost_unlock(net, i);
		return false;
	}
	return true;
}

static bool do_pairs(struct command *command)
{
	struct net *net = command->net;
	uint16_t count;
	int code;

	if (!virtio_has(&net->device, VIRTIO_NET_F_MQ) ||
	    command->number != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET || !take(command, &count, sizeof(count)) ||
	    !ended(command))
		return false;
	count = le16toh(count);
	if (count < VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN || count > net->pair_count || !vhost_lock(net))
		return false;
	code = net_use_pairs(net, count);
	vhost_unlock(net, 2 * net->pair_count);
	if (code < 0)
		return false;
	for (unsigned i = 0; i < 2 * net->pair_count; i++)
		virtio_device_kick(&net->device, i);
	return true;
}

/* 5.1.6.5.6: those of the features that were agreed, and no others. */
static bool do_offloads(struct command *command)
{
	struct net *net = command->net;
	uint64_t features;

	if (!virtio_has(&net->device, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
	    command->number != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET ||
	    !take(command, &features, sizeof(features)) || !ended(command))
		return false;
	features = le64toh(features);
	return (features & ~(net->device.features & NET_GUEST_OFFLOADS)) == 0 &&
	       net->backend->set_offloads(net, features) == 0;
}

static bool command_do(struct net *net, const struct virtq_chain *chain)
{
	static bool (*const classes[])(struct command *) = {
		[VIRTIO_NET_CTRL_RX] = set_mode,  [VIRTIO_NET_CTRL_MAC] = do_mac,
		[VIRTIO_NET_CTRL_VLAN] = do_vlan, [VIRTIO_NET_CTRL_ANNOUNCE] = do_announce,
		[VIRTIO_NET_CTRL_MQ] = do_pairs,  [VIRTIO_NET_CTRL_GUEST_OFFLOADS] = do_offloads,
	};
	struct command command = {.net = net, .chain = chain};
	struct virtio_net_ctrl_hdr header;

	if (!take(&command, &header, HEADER) || header.class >= ARRAY_SIZE(classes))
		return false;
	command.number = header.cmd;
	return classes[header.class](&command);
}

/* Behind the pairs that the driver knows of (5.1.2). */
unsigned net_control_queue(const struct net *net)
{
	return virtio_has(&net->device, VIRTIO_NET_F_MQ) ? 2 * net->pair_count : 2;
}

void net_control(struct net *net)
{
	struct virtio_device *device = &net->device;
	unsigned index = net_control_queue(net);
	struct virtq *queue = &device->queues[index];
	struct virtq_chain *chain = &net->control_chain;
	unsigned budget = VIRTIO_BATCH;

	virtq_disable_notify(queue);
	while (virtio_device_pop(device, index, chain, &budget)) {
		virtio_net_ctrl_ack ack;

		if (chain->writable_len < sizeof(ack) || chain->readable_len < HEADER) {
			virtio_device_broken(device,
					     "a command is too short, or has no place for its answer");
			return;
		}
		ack = command_do(net, chain) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
		virtq_chain_write(chain, 0, &ack, sizeof(ack));
		virtq_push(queue, chain->token, sizeof(ack));
	}
	virtio_interrupt(device, index);
}
