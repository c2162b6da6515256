#include "vmm/net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define LOOPBACK_NET       127U /* the first byte of an address, RFC 1122 */
#define MULTICAST_FIRST    224U /* and of those behind the unicast ones, RFC 5771 and 1112 */
#define DEFAULT_PREFIX_MAX 1U   /* VPNs write the default route as two halves */

static uint32_t prefix_mask(unsigned prefix)
{
	return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

uint32_t subnet_mask(const struct subnet *subnet)
{
	return prefix_mask(subnet->prefix);
}

uint32_t subnet_network(const struct subnet *subnet)
{
	return subnet->address & subnet_mask(subnet);
}

uint32_t subnet_broadcast(const struct subnet *subnet)
{
	return subnet->address | ~subnet_mask(subnet);
}

struct address_range subnet_range(const struct subnet *subnet)
{
	return (struct address_range){subnet_network(subnet) + 1, subnet_broadcast(subnet) - 1};
}

bool address_parse(const char *text, uint32_t *address)
{
	struct in_addr binary;

	if (inet_pton(AF_INET, text, &binary) != 1)
		return false;
	*address = ntohl(binary.s_addr);
	return true;
}

void address_text(uint32_t address, char text[ADDRESS_TEXT])
{
	snprintf(text, ADDRESS_TEXT, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff, address >> 8 & 0xff,
		 address & 0xff);
}

static bool parse_prefix(const char *text, unsigned *prefix)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*prefix = (unsigned)value;
	return *text >= '0' && *text <= '9' && !*end && value >= SUBNET_PREFIX_MIN &&
	       value <= SUBNET_PREFIX_MAX;
}

bool subnet_parse(const char *text, struct subnet *subnet)
{
	char address[SUBNET_TEXT];
	char *slash;
	unsigned first_byte;

	if (strlen(text) >= sizeof(address))
		return false;
	strcpy(address, text);
	slash = strchr(address, '/');
	if (!slash)
		return false;
	*slash = '\0';
	if (!address_parse(address, &subnet->address) || !parse_prefix(slash + 1, &subnet->prefix))
		return false;
	if (subnet->address == subnet_network(subnet))
		subnet->address++;
	first_byte = subnet->address >> 24;
	return first_byte != 0 && first_byte != LOOPBACK_NET && first_byte < MULTICAST_FIRST &&
	       subnet->address != subnet_broadcast(subnet);
}

static uint32_t mac_hash(const uint8_t mac[6])
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (unsigned i = 0; i < 6; i++)
		hash = (hash ^ mac[i]) * 16777619U;
	return hash ^ hash >> 16;
}

static bool is_taken(uint32_t address, const uint32_t *taken, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (taken[i] == address)
			return true;
	}
	return false;
}

int address_choose(const struct subnet *subnet, const struct address_range *range, const uint8_t mac[6],
		   const uint32_t *taken, unsigned taken_count, uint32_t *address)
{
	uint64_t size = (uint64_t)range->last - range->first + 1;
	/* Of so many in a row at least one is free, if one is free at all. */
	uint64_t tries = MIN(size, (uint64_t)taken_count + 4);
	uint64_t start = mac_hash(mac) % size;

	for (uint64_t i = 0; i < tries; i++) {
		uint32_t candidate = range->first + (uint32_t)((start + i) % size);

		if (candidate == subnet->address || candidate == subnet_network(subnet) ||
		    candidate == subnet_broadcast(subnet) || is_taken(candidate, taken, taken_count))
			continue;
		*address = candidate;
		return 0;
	}
	return -ENOSPC;
}

bool host_route_parse(const char *line, struct host_route *route)
{
	uint32_t destination;
	uint32_t mask;

	/* interface, destination, gateway, flags, references, use, metric, mask; numbers as the memory has
	 * them */
	if (sscanf(line, "%15s %8x %*x %*x %*d %*d %*d %8x", route->interface, &destination, &mask) != 3)
		return false;
	route->network = ntohl(destination);
	route->prefix = (unsigned)__builtin_popcount(mask);
	return true;
}

bool subnet_overlaps(const struct subnet *subnet, const struct host_route *route)
{
	uint32_t mask = prefix_mask(MIN(subnet->prefix, route->prefix));

	return route->prefix > DEFAULT_PREFIX_MAX && (subnet->address & mask) == (route->network & mask);
}
