#include "vmm/net/host_check.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/net/bridge.h"

#define ROUTES "/proc/net/route"

static int refuse_overlap(const struct virtual_network *network, const struct host_route *route,
			  struct error *err)
{
	char own[ADDRESS_TEXT];
	char other[ADDRESS_TEXT];

	address_text(subnet_network(&network->subnet), own);
	address_text(route->network, other);
	return error_set(
		err, -EADDRINUSE,
		"network %s: its subnet %s/%u overlaps %s/%u, which the host reaches through %s; give the "
		"network another address",
		network->name, own, network->subnet.prefix, other, route->prefix, route->interface);
}

/* -EADDRINUSE when the network and a route of the host want the same addresses; those of its own bridge,
 * which an interrupted start may have left, do not count. */
static int check_route(const struct virtual_network *network, const struct host_route *route,
		       struct error *err)
{
	if (strcmp(route->interface, network->bridge) == 0 || !subnet_overlaps(&network->subnet, route))
		return 0;
	return refuse_overlap(network, route, err);
}

static int check_routes(const struct virtual_network *network, struct error *err)
{
	AUTO_FCLOSE FILE *file = fopen(ROUTES, "re");
	struct host_route route;
	char line[256];
	int code = 0;

	while (file && code == 0 && fgets(line, sizeof(line), file)) {
		if (host_route_parse(line, &route))
			code = check_route(network, &route, err);
	}
	return code;
}

static int check_interface(const struct virtual_network *network, const struct ifaddrs *interface,
			   struct error *err)
{
	const struct sockaddr_in *address = (const struct sockaddr_in *)interface->ifa_addr;
	const struct sockaddr_in *mask = (const struct sockaddr_in *)interface->ifa_netmask;
	struct host_route route;

	if (!address || !mask || address->sin_family != AF_INET)
		return 0;
	snprintf(route.interface, sizeof(route.interface), "%s", interface->ifa_name);
	route.network = ntohl(address->sin_addr.s_addr & mask->sin_addr.s_addr);
	route.prefix = (unsigned)__builtin_popcount(mask->sin_addr.s_addr);
	return check_route(network, &route, err);
}

static int check_interfaces(const struct virtual_network *network, struct error *err)
{
	struct ifaddrs *interfaces = NULL;
	int code = 0;

	if (getifaddrs(&interfaces) < 0)
		return error_set(err, -errno, "network %s: cannot read the host's addresses: %m",
				 network->name);
	for (const struct ifaddrs *at = interfaces; at && code == 0; at = at->ifa_next)
		code = check_interface(network, at, err);
	freeifaddrs(interfaces);
	return code;
}

int network_check_host(const struct virtual_network *network, const char *mark, struct error *err)
{
	int code;

	if (!virtual_network_has_addresses(network))
		return 0;
	if ((code = bridge_check_free(network, mark, err)) < 0 || (code = check_routes(network, err)) < 0 ||
	    (code = check_interfaces(network, err)) < 0)
		return code;
	return 0;
}
