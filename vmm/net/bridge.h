/*
 * Bridges of the host (Linux Documentation/networking/bridge.rst), made and changed by ip(8), and what is
 * plugged into them.
 *
 * A bridge of ours bears a mark in its alias, which names the runtime folder of the manager that made it:
 * what has no mark of ours is not taken over and never removed. All calls may be repeated: what is already as
 * it should be stays.
 */
#pragma once

#include <stdbool.h>

#include "vmm/config/virtual_network.h"
#include "vmm/net/card_fds.h"
#include "vmm/net/interface.h"

#define BRIDGE_MARK     "rastos " /* and the runtime folder */
#define BRIDGE_MARK_MAX INTERFACE_ALIAS_MAX

bool bridge_exists(const char *name); /* and is a bridge */
/* 0 when nothing is in the way of making the network's bridge: it is not there, or is ours. -EEXIST
 * otherwise. */
int bridge_check_free(const struct virtual_network *network, const char *mark, struct error *err);
/* Makes it, with its address, up. IPv4 only: the host has no IPv6 address there that a guest could reach. */
int bridge_make(const struct virtual_network *network, const char *mark, struct error *err);
/* Puts a guest's TAP back into the bridge when that was made anew; one that is gone is left out. */
int bridge_replug(const char *bridge, const char *tap, struct error *err);
int bridge_remove(const char *name, struct error *err);
/* Whether the host may send packets from 127.0.0.1 to its guests, for published ports (ruleset.h guards the
 * other direction). Goes with the bridge. */
int bridge_allow_localnet(const char *name, bool allowed, struct error *err);

struct bridge_card {
	const char *guest;
	const char *tap; /* its name */
	unsigned queues;
	unsigned mtu; /* 0: the bridge's */
};

/* A TAP made for a guest and plugged into the bridge; it vanishes with its descriptors. -ENODEV: no such
 * bridge, naming the nearest one. */
int bridge_plug(const char *bridge, const struct bridge_card *card, struct card_fds *fds, struct error *err);
/* A name that no interface has and that `taken` (ends with NULL; NULL: nobody) has not, for a TAP. */
#define TAP_NAME_SIZE 16
bool tap_name_choose(bool (*taken)(const void *owner, const char *name), const void *owner,
		     char name[TAP_NAME_SIZE]);
