/*
 * IPv4 subnets of the host's networks, and which address a guest gets in one.
 *
 * Pure: nothing here asks the host. Addresses are in host byte order, so that they can be counted with. A
 * guest's address comes from its card's MAC address, so that it is the same from run to run unless another
 * guest has it; the subnet's own address, its first (the network) and its last (the broadcast) are never
 * given away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_TEXT      16 /* bytes of "255.255.255.255", with its end */
#define SUBNET_TEXT       20 /* of "255.255.255.255/32" */
#define SUBNET_PREFIX_MIN 8
#define SUBNET_PREFIX_MAX 30 /* room for the host and one guest */

struct subnet {
	uint32_t address; /* the host's own in it */
	unsigned prefix;  /* bits */
};

struct address_range {
	uint32_t first;
	uint32_t last;
};

/* "192.168.140.1/24"; with the network's address, "192.168.140.0/24", the host takes the first one. False:
 * not that, or not a subnet that hosts may have (loopback, multicast, a prefix out of bounds). */
bool subnet_parse(const char *text, struct subnet *subnet);
uint32_t subnet_mask(const struct subnet *subnet);
uint32_t subnet_network(const struct subnet *subnet);
uint32_t subnet_broadcast(const struct subnet *subnet);
/* All addresses that guests may have; the host's own may be among them, and is not given away. */
struct address_range subnet_range(const struct subnet *subnet);

/* "192.168.140.7" */
bool address_parse(const char *text, uint32_t *address);
void address_text(uint32_t address, char text[ADDRESS_TEXT]);

/* A free address of the range for the card with this MAC; taken are those of others. -ENOSPC: none is left.
 */
int address_choose(const struct subnet *subnet, const struct address_range *range, const uint8_t mac[6],
		   const uint32_t *taken, unsigned taken_count, uint32_t *address);

/* Where the host reaches some addresses: a route, or an address of an interface. */
struct host_route {
	char interface[16];
	uint32_t network;
	unsigned prefix;
};

/* A line of /proc/net/route (Linux, net/ipv4/fib_trie.c: fib_route_seq_show); false: it is the headline, or
 * none. */
bool host_route_parse(const char *line, struct host_route *route);
/* Whether both have an address in common. A route to everywhere, or to half of it, takes no addresses away.
 */
bool subnet_overlaps(const struct subnet *subnet, const struct host_route *route);
