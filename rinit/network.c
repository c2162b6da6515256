#include "rinit/network.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/rtnetlink.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/dhcp.h"
#include "rinit/file.h"
#include "rinit/log.h"
#include "rinit/netlink.h"
#include "rinit/resolver.h"
#include "rinit/unit_graph.h"

#define NETWORK_FILE_MAX   65536
#define ONLINE_PATIENCE_MS 30000 /* then services that want the network start without */

static void loopback_up(int fd)
{
	int rc = link_set_up(fd, (int)if_nametoindex("lo"));

	if (rc && rc != -EPERM && rc != -ENODEV) /* a container without the right has it up already */
		log_warning("lo: cannot set it up: %s", strerror(-rc));
}

void network_loopback(void)
{
	AUTO_CLOSE int fd = netlink_open(NETLINK_ROUTE, 0);

	if (fd >= 0)
		loopback_up(fd);
}

/* ---- online ---- */

/* A file is for an interface that must be there, and none is yet: its driver may be on its way. */
static bool interface_is_missing(const struct network *network)
{
	bool missing = false;

	for (size_t i = 0; i < network->config_count; i++)
		missing |= !network->configs[i].optional;
	for (size_t i = 0; i < network->interface_count; i++)
		missing &= network->interfaces[i].optional;
	return missing;
}

static void online_check(struct network *network)
{
	for (size_t i = 0; i < network->interface_count; i++)
		if (!network->interfaces[i].online && !network->interfaces[i].optional)
			return;
	if (interface_is_missing(network))
		return;
	loop_timer_clear(network->loop, &network->patience);
	manager_reached(network->manager, "network-online.target");
}

static void patience_lost(struct loop_timer *timer)
{
	struct network *network = CONTAINER_OF(timer, struct network, patience);

	if (interface_is_missing(network))
		log_warning("network: no interface fits the .network files after %d s; going on without",
			    ONLINE_PATIENCE_MS / 1000);
	for (size_t i = 0; i < network->interface_count; i++)
		if (!network->interfaces[i].online && !network->interfaces[i].optional)
			log_warning("network: %s has no address after %d s; going on without",
				    network->interfaces[i].name, ONLINE_PATIENCE_MS / 1000);
	manager_reached(network->manager, "network-online.target");
}

void network_interface_online(struct network *network, const char *interface)
{
	for (size_t i = 0; i < network->interface_count; i++)
		if (!strcmp(network->interfaces[i].name, interface))
			network->interfaces[i].online = true;
	online_check(network);
}

/* ---- one interface ---- */

static void dhcp_environment(struct unit *unit, const struct network_config *config)
{
	char text[256];
	size_t used = (size_t)snprintf(text, sizeof(text), DHCP_DNS_VARIABLE "=");

	if (!config->dns.count)
		return;
	for (size_t i = 0; i < config->dns.count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ", config->dns.items[i]);
	string_list_add(&unit->config.service.environment, text);
}

static struct unit *dhcp_unit(struct manager *manager, const char *interface,
			      const struct network_config *config)
{
	char name[UNIT_NAME_MAX], description[64], host[80] = "hostname:";
	const char *const argv[] = {
		"udhcpc",         "-f", "-R", "-t", "4", "-T", "1", "-A", "3", "-i", interface, "-s",
		DHCP_HELPER_PATH, "-x", host, NULL};
	struct unit *unit, *target;

	snprintf(name, sizeof(name), "dhcp@%s.service", interface);
	unit = unit_set_find(&manager->units, name);
	if (unit)
		return unit;
	snprintf(description, sizeof(description), "DHCP on %s", interface);
	unit = manager_add_service(manager, name, description);
	if (!unit)
		return NULL;
	gethostname(host + strlen(host), sizeof(host) - strlen(host) - 1);
	service_config_command(&unit->config.service, "udhcpc", argv, false);
	unit->config.service.restart = RESTART_ALWAYS;
	unit->config.service.restart_ms = 1000;
	unit->config.service.stop_timeout_ms = 2000;
	dhcp_environment(unit, config);
	/* When the system stops, the lease is given back after everything that needs it has stopped. */
	target = unit_set_find(&manager->units, "network.target");
	if (target && graph_add_edge(&manager->units, unit, target))
		log_warning("%s: out of memory", name);
	return unit;
}

static void configure(struct network *network, struct network_interface *interface,
		      const struct network_config *config)
{
	struct unit *dhcp = config->dhcp ? dhcp_unit(network->manager, interface->name, config) : NULL;
	int rc = link_set_up(network->control, interface->index);

	for (size_t i = 0; i < config->address_count && !rc; i++)
		rc = address_add(network->control, interface->index, &config->addresses[i], LEASE_FOREVER);
	for (size_t i = 0; i < config->gateway_count && !rc; i++)
		rc = route_add_default(network->control, interface->index, &config->gateways[i]);
	if (rc)
		log_warning("network: %s: cannot configure it: %s", interface->name, strerror(-rc));
	if (config->dns.count)
		resolver_write((const char *const *)config->dns.items, config->dns.count, NULL);
	interface->online = !config->dhcp;
	if (dhcp)
		manager_start(network->manager, dhcp);
}

static struct network_interface *interface_find(struct network *network, int index)
{
	for (size_t i = 0; i < network->interface_count; i++)
		if (network->interfaces[i].index == index)
			return &network->interfaces[i];
	return NULL;
}

static void interface_appeared(struct network *network, int index, const char *name)
{
	struct network_interface *interface;

	if (interface_find(network, index) || network->interface_count == NETWORK_INTERFACES_MAX)
		return;
	for (size_t i = 0; i < network->config_count; i++) {
		if (!network_config_matches(&network->configs[i], name))
			continue;
		interface = &network->interfaces[network->interface_count++];
		*interface =
			(struct network_interface){.index = index, .optional = network->configs[i].optional};
		snprintf(interface->name, sizeof(interface->name), "%s", name);
		configure(network, interface, &network->configs[i]);
		online_check(network);
		return;
	}
}

static void interface_gone(struct network *network, int index)
{
	struct network_interface *interface = interface_find(network, index);
	char name[UNIT_NAME_MAX];
	struct unit *dhcp;

	if (!interface)
		return;
	snprintf(name, sizeof(name), "dhcp@%s.service", interface->name);
	dhcp = unit_set_find(&network->manager->units, name);
	if (dhcp)
		manager_stop(network->manager, dhcp);
	*interface = network->interfaces[--network->interface_count];
}

/* ---- what the kernel says ---- */

static void link_message(struct network *network, const struct nlmsghdr *message)
{
	const struct ifinfomsg *link = (const struct ifinfomsg *)(message + 1);
	size_t length = message->nlmsg_len - sizeof(*message) - sizeof(*link), found;
	const char *name;

	if (message->nlmsg_len < sizeof(*message) + sizeof(*link) || link->ifi_flags & IFF_LOOPBACK)
		return;
	name = netlink_find(link + 1, length, IFLA_IFNAME, 1, &found);
	if (message->nlmsg_type == RTM_DELLINK)
		interface_gone(network, link->ifi_index);
	else if (message->nlmsg_type == RTM_NEWLINK && name && !name[found - 1])
		interface_appeared(network, link->ifi_index, name);
}

static void links_ask(struct network *network)
{
	struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
	struct netlink_message message;

	netlink_begin(&message, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
	netlink_send(network->monitor.fd, &message);
}

static void monitor_ready(struct loop_source *source, uint32_t events)
{
	struct network *network = CONTAINER_OF(source, struct network, monitor);
	char messages[16384] __attribute__((aligned(8)));
	ssize_t length = recv(source->fd, messages, sizeof(messages), MSG_DONTWAIT);
	const struct nlmsghdr *message = (const struct nlmsghdr *)messages;

	(void)events;
	if (length < 0 && errno == ENOBUFS)
		links_ask(network); /* messages were lost: ask for the state instead */
	for (; length > 0 && NLMSG_OK(message, (uint32_t)length); message = NLMSG_NEXT(message, length))
		link_message(network, message);
}

/* ---- start ---- */

static void config_warning(void *context, const char *sentence)
{
	(void)context;
	log_warning("%s", sentence);
}

static void load_one(void *context, const char *path)
{
	static const struct unit_warnings to_log = {.warn = config_warning};
	struct network *network = context;
	struct network_config *config = &network->configs[network->config_count];
	AUTO_FREE char *text = NULL;
	struct error err;
	size_t length;
	int rc;

	if (network->config_count == NETWORK_CONFIGS_MAX) {
		log_warning("%s: left out: there are more than %d .network files", path, NETWORK_CONFIGS_MAX);
		return;
	}
	rc = file_load(path, NETWORK_FILE_MAX, &text, &length);
	if (rc) {
		log_warning("%s: cannot read: %s", path, strerror(-rc));
		return;
	}
	if (!network_parse(config, path, text, length, &to_log, &err)) {
		network->config_count++;
		return;
	}
	log_warning("%s", err.text);
	network_config_clear(config);
}

void network_start(struct network *network, struct loop *loop, struct manager *manager, const char *directory)
{
	*network = (struct network){.loop = loop, .manager = manager, .patience.expired = patience_lost};
	file_each(directory, ".network", load_one, network);
	network->control = netlink_open(NETLINK_ROUTE, 0);
	if (network->control >= 0)
		loopback_up(network->control);
	if (network->config_count) {
		network->monitor = (struct loop_source){.fd = netlink_open(NETLINK_ROUTE, RTMGRP_LINK),
							.ready = monitor_ready};
		if (network->control < 0 || network->monitor.fd < 0)
			log_warning("network: cannot open rtnetlink: %m");
		else if (!loop_add(loop, &network->monitor, EPOLLIN))
			links_ask(network);
		dhcp_helper_link();
		loop_timer_set(loop, &network->patience, ONLINE_PATIENCE_MS);
	}
	manager_reached(manager, "network.target");
	online_check(network);
}
