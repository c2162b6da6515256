/*
 * A guest's network card, as its definition has it: one object of "networks" (docs/configuration.md). Part of
 * definition.h, which says how it is read and who frees it.
 *
 *      type      key             plugged into
 *      passt                     the host's own sockets (vmm/net/passt.h)
 *      network   network         a network of the host by its name (vmm/net/networks.h)
 *      bridge    bridge          a bridge that the host has
 *      tap       device          a TAP interface that the host has
 *      direct    source, mode    an interface of the host, beside the host itself (vmm/net/macvtap.h)
 *
 * "bandwidth" is libvirt's (format domain, "Quality of service"): average and peak in KiB a second, burst in
 * KiB. "host" and "guest" switch single offloads off (vmm/config/network_offloads.h), as libvirt's <driver>
 * does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/rate_limiter.h"
#include "vmm/config/json.h"
#include "vmm/config/virtio_driver.h"

#define DEFINITION_PUBLISH_MAX 32

enum network_type {
	NETWORK_TAP,
	NETWORK_PASST,
	NETWORK_NAMED,
	NETWORK_BRIDGE,
	NETWORK_DIRECT,
};

/* What guests on one interface of the host are to each other; libvirt's words. */
enum network_mode {
	NETWORK_MODE_VEPA,
	NETWORK_MODE_BRIDGE,
	NETWORK_MODE_PRIVATE,
	NETWORK_MODE_PASSTHROUGH,
};

/* Whether the host's kernel moves the frames (vhost-net). */
enum network_vhost {
	NETWORK_VHOST_IF_POSSIBLE,
	NETWORK_VHOST_ALWAYS, /* the guest does not start without */
	NETWORK_VHOST_NEVER,
};

#define NETWORK_QUEUES_MAX 8

/* Bytes a second, in packets as they are on the cable. */
struct network_rates {
	struct rate inbound; /* to the guest */
	struct rate outbound;
};

struct network_definition {
	enum network_type type;
	char *id;      /* its name for who manages the guest; NULL: definition_network_id says it */
	char *device;  /* tap: the interface's name */
	char *network; /* network: its name */
	char *bridge;  /* bridge: its name */
	char *source;  /* direct: an interface's name */
	enum network_mode mode;
	unsigned queues; /* pairs */
	enum network_vhost vhost;
	uint64_t without; /* offloads: bits 1 << VIRTIO_NET_F_* that are not offered */
	uint8_t mac[6];
	uint16_t mtu; /* 0: what it is plugged into decides */
	bool link_down;
	struct network_rates rates;
	struct virtio_driver driver;
	unsigned publish_count; /* passt, network */
	char *publish[DEFINITION_PUBLISH_MAX];
};

/* Reads the card `index` of a guest. */
int network_definition_read(const struct json_place *place, const char *guest, unsigned index,
			    struct network_definition *network);
/* For card `index` of `count`, whose definition says no address: another one when its own is another card's,
 * whose definition says it. */
void network_definition_choose_mac(const char *guest, struct network_definition *networks, unsigned count,
				   unsigned index);
void network_definition_free(struct network_definition *network);
/* Whether the card is a TAP of the host's, as all but passt's are. */
bool network_definition_is_tap(const struct network_definition *network);
/* The mode, in ip(8)'s word. */
const char *network_mode_word(enum network_mode mode);
