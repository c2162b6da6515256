/*
 * A network of this host that guests are plugged into, read from JSON (docs/networks.md,
 * docs/schema/network.schema.json). The words are libvirt's.
 *
 *      { "name": "lab", "forward": "nat", "bridge": "br-lab", "address": "192.168.150.1/24",
 *        "dhcp": { "first": "192.168.150.100", "last": "192.168.150.199" }, "dns": true, "domain": "lab",
 * "mtu": 1400 }
 *
 * One file a network, NAME.json in settings.networks_dir. The network `default` exists without a file.
 * Reading is as strict as a guest definition's (definition.h). A struct virtual_network owns nothing and may
 * be copied.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/error.h"
#include "vmm/config/settings.h"
#include "vmm/net/address.h"

#define VIRTUAL_NETWORK_NAME_MAX   63
#define VIRTUAL_NETWORK_BRIDGE_MAX 15 /* IFNAMSIZ - 1 */
#define VIRTUAL_NETWORK_DOMAIN_MAX 63
#define VIRTUAL_NETWORK_DEFAULT    "default"
#define VIRTUAL_NETWORKS_MAX       64 /* on one host */

/* What connects the network with the world. */
enum network_forward {
	NETWORK_FORWARD_NAT,    /* the host forwards and masquerades */
	NETWORK_FORWARD_ROUTE,  /* the host forwards; others know the way to the guests */
	NETWORK_FORWARD_NONE,   /* nothing: the guests and the host, nobody else */
	NETWORK_FORWARD_BRIDGE, /* an existing bridge of the host, of which nothing is made or changed */
};

struct virtual_network {
	char name[VIRTUAL_NETWORK_NAME_MAX + 1];
	enum network_forward forward;
	char bridge[VIRTUAL_NETWORK_BRIDGE_MAX + 1];
	/* The rest is not for NETWORK_FORWARD_BRIDGE. */
	struct subnet subnet;
	struct address_range dhcp; /* guests' addresses are chosen from here */
	bool dns;
	char domain[VIRTUAL_NETWORK_DOMAIN_MAX + 1];
	unsigned mtu; /* 0: the kernel's default */
};

/* Reads and checks text; source names it in errors. */
int virtual_network_parse(const char *source, const char *text, struct virtual_network *network,
			  struct error *err);
/* The network of this name: its file, or the built-in default. -ENOENT names the nearest one. */
int virtual_network_read(const struct settings *settings, const char *name, struct virtual_network *network,
			 struct error *err);
/* All of them by name, the built-in default among them; at most VIRTUAL_NETWORKS_MAX. A file that cannot be
 * read is an error. */
int virtual_networks_read(const struct settings *settings, struct virtual_network *networks, unsigned *count,
			  struct error *err);
/* Whether two networks want one bridge. Two may use one that the host has: neither makes nor removes it. */
bool virtual_networks_clash(const struct virtual_network *a, const struct virtual_network *b);
/* -EEXIST when the network clashes with another that is defined, the built-in default among them. A file that
 * cannot be read says nothing. */
int virtual_network_check_bridge(const struct settings *settings, const struct virtual_network *network,
				 struct error *err);
/* -ENOSPC when there is no room for it beside the others that are defined. */
int virtual_network_check_room(const struct settings *settings, const struct virtual_network *network,
			       struct error *err);
/* The file of this name, or NULL when out of memory; the caller frees it. The name must be valid. */
char *virtual_network_path(const struct settings *settings, const char *name);

/* The network as a file would have it; the caller deletes it. */
cJSON *virtual_network_json(const struct virtual_network *network);
const char *network_forward_name(enum network_forward forward);
/* Whether guests get their addresses from us. */
bool virtual_network_has_addresses(const struct virtual_network *network);
