#include "devmodel/virtio/net_filter.h"

#include <linux/if_ether.h>
#include <string.h>

#include "common/util.h"

#define TYPE_AT 12 /* of a frame: behind its two addresses */
#define TAG_AT  14

void net_filter_reset(struct net_filter *filter, const uint8_t mac[NET_MAC], bool filters_vlans)
{
	*filter = (struct net_filter){.promiscuous = true, .filters_vlans = filters_vlans};
	memcpy(filter->mac, mac, NET_MAC);
}

void net_addresses_set(struct net_addresses *addresses, const uint8_t *bytes, size_t count)
{
	addresses->overflow = count > NET_FILTER_ADDRESSES;
	addresses->count = (unsigned)MIN(count, (size_t)NET_FILTER_ADDRESSES);
	memcpy(addresses->list, bytes, (size_t)addresses->count * NET_MAC);
}

void net_filter_set_vlan(struct net_filter *filter, uint16_t vlan, bool wanted)
{
	uint64_t bit = 1ULL << vlan % 64;

	if (wanted)
		filter->vlans[vlan / 64] |= bit;
	else
		filter->vlans[vlan / 64] &= ~bit;
}

static bool addresses_have(const struct net_addresses *addresses, const uint8_t *address)
{
	if (addresses->overflow)
		return true;
	for (unsigned i = 0; i < addresses->count; i++) {
		if (memcmp(addresses->list[i], address, NET_MAC) == 0)
			return true;
	}
	return false;
}

static bool wants_vlan(const struct net_filter *filter, const uint8_t *head)
{
	unsigned type = (unsigned)head[TYPE_AT] << 8 | head[TYPE_AT + 1];
	unsigned vlan = ((unsigned)head[TAG_AT] << 8 | head[TAG_AT + 1]) % NET_VLANS;

	return !filter->filters_vlans || type != ETH_P_8021Q || filter->vlans[vlan / 64] >> vlan % 64 & 1;
}

static bool wants_address(const struct net_filter *filter, const uint8_t *address)
{
	static const uint8_t broadcast[NET_MAC] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (memcmp(address, broadcast, NET_MAC) == 0)
		return !filter->no_broadcast;
	if (address[0] & 1)
		return !filter->no_multicast &&
		       (filter->all_multicast || addresses_have(&filter->multicast, address));
	return !filter->no_unicast && (filter->all_unicast || memcmp(address, filter->mac, NET_MAC) == 0 ||
				       addresses_have(&filter->unicast, address));
}

bool net_filter_wants(const struct net_filter *filter, const uint8_t head[NET_FILTER_HEAD])
{
	return filter->promiscuous || (wants_vlan(filter, head) && wants_address(filter, head));
}
