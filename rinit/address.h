/* Interfaces, addresses and routes through rtnetlink(7), and their text forms. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip_address {
	int family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];
	uint8_t prefix; /* bits; the whole length for a gateway or a server */
};

/* "192.0.2.1" or "2001:db8::1", with "/PREFIX" when prefix is true. 0 or -EINVAL; pure */
int ip_parse(const char *text, bool prefix, struct ip_address *address);
/* "255.255.255.0" to 24; 0 or -EINVAL when its ones have gaps; pure */
int netmask_parse(const char *text, uint8_t *prefix);

/* All take an rtnetlink socket (netlink_open) and return 0 or a negative errno. */
int link_set_up(int fd, int index);
#define LEASE_FOREVER 0xffffffffu /* seconds */
/* An address that is there already gets the new lifetime. */
int address_add(int fd, int index, const struct ip_address *address, uint32_t lifetime_s);
/* Removes the interface's addresses of a family that have a lifetime: those that address_add got one for. */
int addresses_flush_leased(int fd, int index, int family);
int route_add_default(int fd, int index, const struct ip_address *gateway);

/* "CID:PORT", or ":PORT" with whatever CID this machine has (vsock(7)); 0 or -EINVAL. */
struct sockaddr_storage;
int vsock_parse(const char *text, struct sockaddr_storage *address, unsigned int *length);
