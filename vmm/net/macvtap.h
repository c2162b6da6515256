/*
 * macvtap: a card of a guest directly on an interface of the host, without a bridge (ip-link(8), type
 * macvtap): the guest is another machine on that interface's network.
 *
 *      bridge    guests on the same interface reach each other, and the network
 *      vepa      all frames go out; a switch that can sends those for other guests back
 *      private   guests on the same interface do not reach each other
 *      passthru  the interface is the guest's alone
 *
 * The host itself does not reach the guest this way, nor the guest the host: that is the kernel's rule.
 *
 * The interface is made for one card, and stays until it is removed: its alias names the guest, the card and
 * the manager's runtime folder, so that whoever manages next finds what a killed one left. Made and removed
 * by ip(8), as root; blocks for as long as that runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/config/network_card.h"
#include "vmm/net/card_fds.h"

struct macvtap_place {
	const char *runtime_dir;
	const char *guest;
	unsigned index; /* of the card */
};

/* Makes the interface that the card wants anew, and opens its queues. */
int macvtap_open(const struct macvtap_place *place, const struct network_definition *card,
		 struct card_fds *fds, struct error *err);
/* Removes the one of this card, if there is one. Trouble is logged. */
void macvtap_remove(const struct macvtap_place *place);
/* Removes those of all guests that `keeps` (NULL: nobody) does not keep. True: some are left. */
bool macvtap_remove_all(const char *runtime_dir, bool (*keeps)(void *owner, const char *guest), void *owner);
