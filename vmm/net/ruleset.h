/*
 * What the kernel's packet filter has to do for the networks, as text for nft(8): one table, `inet rastos`,
 * which is ours alone and is replaced as a whole, so that a ruleset is either the old one or the new one and
 * no rule of others is touched.
 *
 *      published ports    DNAT, for whoever comes from outside, for the host itself (127.0.0.1 too), and for
 * guests nat                what leaves the subnet bears the host's address forward            guests out,
 * answers and published ports in; networks do not see each other; a guest speaks with an address of its own
 * subnet only none               nothing is forwarded
 *
 * Pure. The networks' names and bridges are those that virtual_network.h lets pass, so that no text of theirs
 * can be more than a word.
 */
#pragma once

#include "vmm/config/virtual_network.h"
#include "vmm/net/publish.h"

#define RULESET_TABLE "inet rastos"

/* A rule of a guest, and where the guest is. */
struct ruleset_port {
	uint32_t address;
	struct publish publish;
};

struct ruleset_network {
	const struct virtual_network *network;
	const struct ruleset_port *ports;
	unsigned port_count;
};

/* The text; the caller frees it. NULL: out of memory. Without networks it only removes the table. */
char *ruleset_text(const struct ruleset_network *networks, unsigned count);

/* Whether a port can be published by the ruleset, which knows IPv4 only. -EINVAL says why not. */
int ruleset_check_publish(const char *text, const struct publish *publish, struct error *err);
