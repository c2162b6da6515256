/* The packet filter's table (ruleset.h) of all networks that are up, put in place by nft(8) in one step. */
#pragma once

#include "vmm/net/live_network.h"

/* Replaces the table; without networks it is removed. */
int firewall_apply(const struct networks *networks, struct error *err);
