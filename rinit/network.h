/*
 * The network: /etc/rinit/network/NAME.network, a subset of systemd.network(5) (docs/rinit.md lists it). The
 * first file in the order of names whose [Match] Name= fits an interface configures it, whenever the
 * interface appears. DHCP is left to udhcpc, as a service dhcp@INTERFACE.service; dhcp.h does what it says.
 * The loopback is always up.
 */
#pragma once

#include "rinit/address.h"
#include "rinit/manager.h"

#define NETWORK_ITEMS_MAX      8
#define NETWORK_CONFIGS_MAX    16
#define NETWORK_INTERFACES_MAX 32

struct network_config {
	struct string_list names; /* patterns of fnmatch(3) */
	bool dhcp;
	bool optional; /* nobody waits for it */
	struct ip_address addresses[NETWORK_ITEMS_MAX];
	size_t address_count;
	struct ip_address gateways[NETWORK_ITEMS_MAX];
	size_t gateway_count;
	struct string_list dns;
};

/* Pure. Fills config (zeroed); what has no effect is told to warn. An error when it can match nothing. */
int network_parse(struct network_config *config, const char *path, const char *text, size_t length,
		  const struct unit_warnings *warnings, struct error *err);
void network_config_clear(struct network_config *config);
bool network_config_matches(const struct network_config *config, const char *interface);

struct network_interface {
	int index;
	char name[16];
	bool online;
	bool optional;
};

struct network {
	struct loop *loop;
	struct manager *manager;
	int control; /* rtnetlink, for requests */
	struct loop_source monitor;
	struct loop_timer patience;
	struct network_config configs[NETWORK_CONFIGS_MAX];
	size_t config_count;
	struct network_interface interfaces[NETWORK_INTERFACES_MAX]; /* those that a config matched */
	size_t interface_count;
};

/* Reads the folder and configures what is there. Targets network.target and network-online.target are told.
 */
void network_start(struct network *network, struct loop *loop, struct manager *manager,
		   const char *directory);
/* The DHCP helper says so. */
void network_interface_online(struct network *network, const char *interface);

/* Without a network: the loopback alone. */
void network_loopback(void);
