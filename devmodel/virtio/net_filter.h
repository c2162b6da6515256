/*
 * What a driver wants to receive (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3): modes, MAC addresses and VLANs.
 *
 * All frames until the driver leaves promiscuous mode, as it does when it begins to use its receive filter.
 * More addresses than there is room for are as good as all of their kind. Pure; its owner's lock guards it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_MAC              6
#define NET_FILTER_ADDRESSES 64
#define NET_FILTER_HEAD      16 /* bytes of a frame that it looks at: addresses, and a VLAN tag */
#define NET_VLANS            4096

struct net_addresses {
	bool overflow;
	unsigned count;
	uint8_t list[NET_FILTER_ADDRESSES][NET_MAC];
};

struct net_filter {
	bool promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
	bool filters_vlans;
	uint8_t mac[NET_MAC]; /* the card's */
	struct net_addresses unicast, multicast;
	uint64_t vlans[NET_VLANS / 64];
};

void net_filter_reset(struct net_filter *filter, const uint8_t mac[NET_MAC], bool filters_vlans);
/* Replaces a table by `count` addresses of 6 bytes each. */
void net_addresses_set(struct net_addresses *addresses, const uint8_t *bytes, size_t count);
void net_filter_set_vlan(struct net_filter *filter, uint16_t vlan, bool wanted); /* below NET_VLANS */
/* head: the first NET_FILTER_HEAD bytes of a frame, or less padded with zeros. */
bool net_filter_wants(const struct net_filter *filter, const uint8_t head[NET_FILTER_HEAD]);
