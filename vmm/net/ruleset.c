#include "vmm/net/ruleset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static bool forwards(const struct virtual_network *network)
{
	return network->forward == NETWORK_FORWARD_NAT || network->forward == NETWORK_FORWARD_ROUTE;
}

static const char *subnet_name(const struct virtual_network *network, char text[SUBNET_TEXT])
{
	char address[ADDRESS_TEXT];

	address_text(subnet_network(&network->subnet), address);
	snprintf(text, SUBNET_TEXT, "%s/%u", address, network->subnet.prefix);
	return text;
}

static bool any_ports(const struct ruleset_network *networks, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (networks[i].port_count)
			return true;
	}
	return false;
}

/* --- Published ports --- */

/* With the ports' places in their ranges kept: the map of a range onto a range has one element a port. */
static void write_dnat(FILE *out, const struct ruleset_port *port)
{
	const struct publish *publish = &port->publish;
	const char *protocol = publish->protocol == PUBLISH_UDP ? "udp" : "tcp";
	char address[ADDRESS_TEXT];
	unsigned last = publish->host_first + publish->count - 1U;

	address_text(port->address, address);
	if (publish->address[0])
		fprintf(out, "\t\tip daddr %s ", publish->address);
	else
		fprintf(out, "\t\tfib daddr type local ");
	if (publish->count == 1)
		fprintf(out, "%s dport %u dnat ip to %s:%u\n", protocol, publish->host_first, address,
			publish->guest_first);
	else if (publish->host_first == publish->guest_first)
		fprintf(out, "%s dport %u-%u dnat ip to %s\n", protocol, publish->host_first, last, address);
	else {
		fprintf(out, "%s dport %u-%u dnat ip to %s:%s dport map {", protocol, publish->host_first,
			last, address, protocol);
		for (unsigned i = 0; i < publish->count; i++)
			fprintf(out, "%s %u : %u", i ? "," : "", publish->host_first + i,
				publish->guest_first + i);
		fprintf(out, " }\n");
	}
}

static void write_ports(FILE *out, const struct ruleset_network *networks, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		for (unsigned j = 0; j < networks[i].port_count; j++)
			write_dnat(out, &networks[i].ports[j]);
	}
}

/* route_localnet (bridge.h) lets the host's own packets from 127.0.0.1 out to a guest; none may come in to
 * there. */
static void write_guard(FILE *out, const struct ruleset_network *networks, unsigned count)
{
	fprintf(out, "\tchain guard {\n\t\ttype filter hook prerouting priority raw; policy accept;\n");
	for (unsigned i = 0; i < count; i++)
		fprintf(out, "\t\tiifname \"%s\" ip daddr 127.0.0.0/8 drop\n", networks[i].network->bridge);
	fprintf(out, "\t}\n");
}

static void write_publishing(FILE *out, const struct ruleset_network *networks, unsigned count)
{
	fprintf(out, "\tchain prerouting {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n");
	for (unsigned i = 0; i < count; i++) {
		if (!forwards(networks[i].network))
			fprintf(out, "\t\tiifname \"%s\" return\n", networks[i].network->bridge);
	}
	write_ports(out, networks, count);
	fprintf(out, "\t}\n\tchain output {\n\t\ttype nat hook output priority -100; policy accept;\n");
	write_ports(out, networks, count);
	fprintf(out, "\t}\n");
}

/* --- Masquerading --- */

static void write_postrouting(FILE *out, const struct ruleset_network *networks, unsigned count)
{
	fprintf(out,
		"\tchain postrouting {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n");
	for (unsigned i = 0; i < count; i++) {
		const struct virtual_network *network = networks[i].network;
		char subnet[SUBNET_TEXT];

		if (!forwards(network))
			continue;
		subnet_name(network, subnet);
		if (network->forward == NETWORK_FORWARD_NAT)
			fprintf(out, "\t\tip saddr %s oifname != \"%s\" masquerade\n", subnet,
				network->bridge);
		/* A guest that asks for a port of its own network: the answers must come back through the
		 * host. The host that asks for one at 127.0.0.1: the guest cannot answer to there. */
		if (networks[i].port_count)
			fprintf(out,
				"\t\toifname \"%s\" ct status dnat ip saddr { %s, 127.0.0.0/8 } masquerade\n",
				network->bridge, subnet);
	}
	fprintf(out, "\t}\n");
}

/* --- Forwarding --- */

static void write_into(FILE *out, const struct ruleset_network *networks, unsigned count, unsigned which)
{
	const struct virtual_network *network = networks[which].network;

	fprintf(out, "\t\toifname \"%s\" iifname \"%s\" accept\n", network->bridge, network->bridge);
	if (forwards(network)) {
		fprintf(out, "\t\toifname \"%s\" ct state established,related accept\n", network->bridge);
		fprintf(out, "\t\toifname \"%s\" ct status dnat accept\n", network->bridge);
	}
	if (network->forward != NETWORK_FORWARD_ROUTE) {
		fprintf(out, "\t\toifname \"%s\" reject with icmpx admin-prohibited\n", network->bridge);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		if (i != which)
			fprintf(out, "\t\toifname \"%s\" iifname \"%s\" reject with icmpx admin-prohibited\n",
				network->bridge, networks[i].network->bridge);
	}
}

static void write_out_of(FILE *out, const struct virtual_network *network)
{
	char subnet[SUBNET_TEXT];

	if (forwards(network))
		fprintf(out, "\t\tiifname \"%s\" ip saddr %s accept\n", network->bridge,
			subnet_name(network, subnet));
	fprintf(out, "\t\tiifname \"%s\" reject with icmpx admin-prohibited\n", network->bridge);
}

static void write_forward(FILE *out, const struct ruleset_network *networks, unsigned count)
{
	fprintf(out, "\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n");
	for (unsigned i = 0; i < count; i++)
		write_into(out, networks, count, i);
	for (unsigned i = 0; i < count; i++)
		write_out_of(out, networks[i].network);
	fprintf(out, "\t}\n");
}

char *ruleset_text(const struct ruleset_network *networks, unsigned count)
{
	AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	/* To delete what is not there is an error; to add what is there is none. */
	fprintf(out, "table " RULESET_TABLE "\ndelete table " RULESET_TABLE "\n");
	if (count) {
		fprintf(out, "table " RULESET_TABLE " {\n");
		if (any_ports(networks, count)) {
			write_guard(out, networks, count);
			write_publishing(out, networks, count);
		}
		write_postrouting(out, networks, count);
		write_forward(out, networks, count);
		fprintf(out, "}\n");
	}
	return fclose(out) == 0 ? TAKE_PTR(text) : NULL;
}

int ruleset_check_publish(const char *text, const struct publish *publish, struct error *err)
{
	if (strchr(publish->address, ':'))
		return error_set(err, -EINVAL,
				 "publish \"%s\": a network's ports are published on IPv4 "
				 "addresses only; passt publishes on IPv6 ones",
				 text);
	return 0;
}
