/*
 * A guest's network card, as its definition has it: one object of "networks" (docs/configuration.md). Part of
 * definition.h, which says how it is read and who frees it.
 *
 *      type      key             plugged into
 *      passt                     the host's own sockets (vmm/net/passt.h)
 *      network   network         a network of the host by its name (vmm/net/networks.h)
 *      bridge    bridge          a bridge that the host has
 *      tap       device          a TAP interface that the host has
 */
#pragma once

#include <stdint.h>

#include "vmm/config/json.h"

#define DEFINITION_PUBLISH_MAX 32

enum network_type {
	NETWORK_TAP,
	NETWORK_PASST,
	NETWORK_NAMED,
	NETWORK_BRIDGE,
};

struct network_definition {
	enum network_type type;
	char *device;  /* tap: the interface's name */
	char *network; /* network: its name */
	char *bridge;  /* bridge: its name */
	uint8_t mac[6];
	unsigned publish_count; /* passt, network */
	char *publish[DEFINITION_PUBLISH_MAX];
};

/* Reads the card `index` of a guest. */
int network_definition_read(const struct json_place *place, const char *guest, unsigned index,
			    struct network_definition *network);
void network_definition_free(struct network_definition *network);
/* Whether the card is a TAP of the host's, as all but passt's are. */
bool network_definition_is_tap(const struct network_definition *network);
