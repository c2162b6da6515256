/*
 * The networks of this host that guests are plugged into (vmm/config/virtual_network.h), made when the first
 * guest needs one and removed without a trace when the last has gone.
 *
 *      guest --virtio-net-- TAP --- bridge --- the host: 192.168.140.1   dnsmasq: addresses and names
 *      guest --virtio-net-- TAP --/         \-- nftables: masquerading, published ports, no way between
 * networks
 *
 * What a network has made is written down before it is made, in runtime_dir/networks/NAME/state.json: after a
 * kill -9 at any instant the next networks_adopt finishes it or takes it away. TAPs belong to the guests'
 * processes, so guests and their networks go on without a manager; the manager that comes next finds dnsmasq
 * again, and starts it again when it died.
 *
 * Needs CAP_NET_ADMIN for anything but reading. Functions return 0 or a negative errno and one sentence, and
 * then nothing has changed. They run the host's tools (tool.h), and block while these run. One thread: the
 * loop's.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/loop.h"
#include "vmm/config/definition.h"
#include "vmm/config/settings.h"
#include "vmm/config/virtual_network.h"
#include "vmm/net/address.h"
#include "vmm/net/bridge.h"
#include "vmm/net/card_fds.h"

struct networks;

/* What a guest's card is plugged into. */
struct network_plug {
	struct card_fds fds; /* the TAP's; it vanishes with them */
	char tap[TAP_NAME_SIZE];
	char address[ADDRESS_TEXT]; /* "" where the network gives none */
};

/* Reads what a former manager left, and changes nothing. The settings stay the caller's; loop watches dnsmasq
 * (NULL: nobody does). */
int networks_open(const struct settings *settings, struct loop *loop, struct networks **networks,
		  struct error *err);
/* The networks stay as they are. NULL is allowed. */
void networks_close(struct networks *networks);

/*
 * Plugs the card `index` of a guest, of type NETWORK_NAMED, into its network, which is made if need be. Its
 * address is the same from run to run unless another guest has it. Once more for the same card, as after a
 * reboot: the same address, a new TAP; there is no need to detach in between.
 */
int networks_attach(struct networks *networks, const char *guest, unsigned index,
		    const struct network_definition *card, struct network_plug *plug, struct error *err);
/* The guest has ended: its cards are forgotten, and removed where they do not vanish by themselves, and
 * networks that nobody needs any more are removed. */
void networks_detach(struct networks *networks, const char *guest);

/* The same of one card, which was unplugged. */
void networks_detach_card(struct networks *networks, const char *guest, unsigned index);

/* After networks_open: forgets guests that do not run any more, removes the networks that nobody needs, and
 * mends the others. Trouble is logged. */
void networks_adopt(struct networks *networks, bool (*runs)(void *owner, const char *guest), void *owner);
/* Removes all, whoever is plugged in. */
void networks_down(struct networks *networks);

/* Plugs a card of type NETWORK_BRIDGE into a bridge that the host has; needs no networks. */
int networks_plug_bridge(const char *guest, unsigned index, const struct network_definition *card,
			 struct network_plug *plug, struct error *err);

/* Plugs a card of type NETWORK_DIRECT into an interface of the host (macvtap.h). */
int networks_plug_direct(struct networks *networks, const char *guest, unsigned index,
			 const struct network_definition *card, struct network_plug *plug, struct error *err);

/* {"networks":[{"name","forward","bridge","address",...,"active","guests":[{"guest","card","mac","address","tap",
 * "publish"}]}]}; NULL with a sentence. */
cJSON *networks_list(struct networks *networks, struct error *err);
cJSON *networks_info(struct networks *networks, const char *name, struct error *err);

/* Where a guest's cards are plugged in: [{"card","network","mac","address","tap","publish"}]; NULL when
 * nowhere. */
cJSON *networks_of_guest(const struct networks *networks, const char *guest);

/* Writes a network's file. One that is up goes on as it is until it was down. -EEXIST without `replace`, or
 * when another network has its bridge. */
int networks_define(struct networks *networks, const cJSON *definition, bool replace,
		    char name[VIRTUAL_NETWORK_NAME_MAX + 1], struct error *err);
/* Removes its file. -EBUSY: guests are plugged in. */
int networks_undefine(struct networks *networks, const char *name, struct error *err);
