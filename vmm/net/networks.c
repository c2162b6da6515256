#include "vmm/net/networks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/config/file.h"
#include "vmm/net/dnsmasq.h"
#include "vmm/net/host_check.h"
#include "vmm/net/live_network.h"
#include "vmm/net/macvtap.h"
#include "vmm/net/ruleset.h"

/* --- What a former manager left --- */

static void read_states(struct networks *networks)
{
	struct dirent **entries = NULL;
	int count = scandir(networks->folder, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		AUTO_FREE char *state = NULL;
		struct error err;

		if (name[0] != '.' && asprintf(&state, "%s/%s/state.json", networks->folder, name) >= 0 &&
		    access(state, F_OK) == 0 && network_state_read(networks, name, &err) < 0)
			log_error("%s", err.text);
		free(entries[i]);
	}
	free(entries);
}

int networks_open(const struct settings *settings, struct loop *loop, struct networks **result,
		  struct error *err)
{
	struct networks *networks = calloc(1, sizeof(*networks));

	if (!networks)
		return error_set(err, -ENOMEM, "networks: out of memory");
	networks->settings = settings;
	networks->loop = loop;
	networks->folder = file_path_join(settings->runtime_dir, "networks");
	if (asprintf(&networks->mark, BRIDGE_MARK "%.*s", BRIDGE_MARK_MAX - 16, settings->runtime_dir) < 0)
		networks->mark = NULL;
	if (!networks->folder || !networks->mark) {
		networks_close(networks);
		return error_set(err, -ENOMEM, "networks: out of memory");
	}
	read_states(networks);
	*result = networks;
	return 0;
}

void networks_close(struct networks *networks)
{
	if (!networks)
		return;
	while (networks->count)
		live_network_free(networks->live[0]);
	free(networks->folder);
	free(networks->mark);
	free(networks);
}

static struct live_network *find_live(struct networks *networks, const char *name)
{
	for (unsigned i = 0; i < networks->count; i++) {
		if (strcmp(networks->live[i]->network.name, name) == 0)
			return networks->live[i];
	}
	return NULL;
}

/* A bridge has one network: it would be removed with the one while the other's guests are plugged in. */
static int check_bridge(const struct networks *networks, const struct virtual_network *network,
			struct error *err)
{
	for (unsigned i = 0; i < networks->count; i++) {
		const struct virtual_network *other = &networks->live[i]->network;

		if (virtual_networks_clash(network, other))
			return error_set(err, -EBUSY,
					 "network %s: its bridge %s is network %s's, which is up",
					 network->name, network->bridge, other->name);
	}
	return 0;
}

/* The network of this name, made if it is not there yet. */
static int bring_up(struct networks *networks, const char *name, struct live_network **live,
		    struct error *err)
{
	struct virtual_network network;
	int code;

	*live = find_live(networks, name);
	if (*live)
		return 0;
	code = virtual_network_read(networks->settings, name, &network, err);
	if (code == 0)
		code = check_bridge(networks, &network, err);
	if (code == 0)
		code = network_check_host(&network, networks->mark, err);
	if (code < 0)
		return code;
	*live = live_network_new(networks, &network);
	if (!*live)
		return error_set(err, -ENOMEM, "network %s: out of memory", name);
	(*live)->bridge_found = bridge_exists(network.bridge);
	code = live_network_up(*live, err);
	if (code < 0)
		live_network_down(*live);
	return code;
}

/* --- Cards --- */

static int check_administrator(const char *type, struct error *err)
{
	if (geteuid() == 0)
		return 0;
	return error_set(err, -EPERM,
			 "a network of type \"%s\" needs the manager of root; \"passt\" needs no privilege",
			 type);
}

/* Whether somebody has the host's port that the rule wants, in one of our networks or as a program of the
 * host. */
static int check_rule(const struct networks *networks, const char *text, const char *guest, struct error *err)
{
	struct publish pair[2];
	int code = publish_parse(text, &pair[0], err);

	if (code == 0)
		code = ruleset_check_publish(text, &pair[0], err);
	for (unsigned i = 0; i < networks->count && code == 0; i++) {
		const struct live_network *live = networks->live[i];

		for (unsigned j = 0; j < live->port_count; j++) {
			const struct network_port *port = &live->ports[j];

			for (unsigned k = 0; k < port->publish_count; k++) {
				if (publish_parse(port->publish[k], &pair[1], NULL) == 0 &&
				    publish_check(pair, 2, NULL) < 0)
					return error_set(
						err, -EADDRINUSE,
						"publish \"%s\": guest %s%s has this port of the host", text,
						port->guest,
						strcmp(port->guest, guest) == 0 ? " itself" : "");
			}
		}
	}
	return code < 0 ? code : publish_check_free(&pair[0], text, err);
}

static int check_publish(const struct networks *networks, const struct live_network *live,
			 const struct network_definition *card, const char *guest, struct error *err)
{
	struct publish rules[DEFINITION_PUBLISH_MAX];
	enum network_forward forward = live->network.forward;
	int code = 0;

	if (card->publish_count && (forward == NETWORK_FORWARD_NONE || forward == NETWORK_FORWARD_BRIDGE))
		return error_set(
			err, -EINVAL,
			"publish: network %s has \"forward\": \"%s\"; ports are published on networks "
			"with \"nat\" or \"route\"",
			live->network.name, network_forward_name(forward));
	for (unsigned i = 0; i < card->publish_count && code == 0; i++) {
		code = check_rule(networks, card->publish[i], guest, err);
		if (code == 0)
			code = publish_parse(card->publish[i], &rules[i], err);
	}
	return code < 0 ? code : publish_check(rules, card->publish_count, err);
}

static int check_names(const struct live_network *live, const char *guest, const uint8_t mac[6],
		       struct error *err)
{
	const struct virtual_network *network = &live->network;
	char text[MAC_TEXT];

	if (virtual_network_has_addresses(network) && network->dns &&
	    strcasecmp(guest, DNSMASQ_HOST_NAME) == 0)
		return error_set(err, -EINVAL,
				 "network %s: \"" DNSMASQ_HOST_NAME
				 "\" is the host's own name there; give the guest another",
				 network->name);
	for (unsigned i = 0; i < live->port_count; i++) {
		if (memcmp(live->ports[i].mac, mac, 6) != 0)
			continue;
		mac_text(mac, text);
		return error_set(err, -EEXIST, "network %s: guest %s has the MAC address %s already",
				 network->name, live->ports[i].guest, text);
	}
	return 0;
}

static int choose_address(const struct live_network *live, struct network_port *port, struct error *err)
{
	const struct virtual_network *network = &live->network;
	AUTO_FREE uint32_t *taken = calloc(live->port_count + 1, sizeof(*taken));

	if (!virtual_network_has_addresses(network))
		return 0;
	if (!taken)
		return error_set(err, -ENOMEM, "network %s: out of memory", network->name);
	for (unsigned i = 0; i < live->port_count; i++)
		taken[i] = live->ports[i].address;
	if (address_choose(&network->subnet, &network->dhcp, port->mac, taken, live->port_count,
			   &port->address) < 0)
		return error_set(
			err, -ENOSPC,
			"network %s: all its addresses are taken, by %u guests' cards; give it a larger "
			"range",
			network->name, live->port_count);
	return 0;
}

static bool tap_taken(const void *owner, const char *name)
{
	const struct networks *networks = owner;

	for (unsigned i = 0; i < networks->count; i++) {
		for (unsigned j = 0; j < networks->live[i]->port_count; j++) {
			if (strcmp(networks->live[i]->ports[j].tap, name) == 0)
				return true;
		}
	}
	return false;
}

/* Fills port, whose guest and index are set. */
static int make_port(const struct networks *networks, const struct live_network *live,
		     const struct network_definition *card, struct network_port *port, struct error *err)
{
	int code;

	memcpy(port->mac, card->mac, sizeof(port->mac));
	port->publish_count = card->publish_count;
	memcpy(port->publish, card->publish,
	       sizeof(port->publish)); /* the card's texts; adding copies them */
	if ((code = check_names(live, port->guest, card->mac, err)) < 0 ||
	    (code = check_publish(networks, live, card, port->guest, err)) < 0)
		return code;
	if (!tap_name_choose(tap_taken, networks, port->tap))
		return error_set(err, -ENOSPC, "network %s: the host has too many TAPs", live->network.name);
	return port->address ? 0 : choose_address(live, port, err);
}

/* A guest that starts again leaves its old place, and keeps its address if it is still the same card's. */
static void leave_old_place(struct networks *networks, const struct network_definition *card,
			    struct network_port *port)
{
	for (unsigned i = networks->count; i-- > 0;) {
		struct live_network *live = networks->live[i];
		struct network_port *old = live_network_find_port(live, port->guest, port->index);
		bool same = strcmp(live->network.name, card->network) == 0;

		if (!old)
			continue;
		if (same && memcmp(old->mac, card->mac, 6) == 0)
			port->address = old->address;
		live_network_remove_port(live, (unsigned)(old - live->ports));
		if (!same && live->port_count == 0)
			live_network_down(live);
	}
}

static int plug(struct live_network *live, const struct network_port *port,
		const struct network_definition *card, struct network_plug *result, struct error *err)
{
	struct bridge_card tap = {
		.guest = port->guest,
		.tap = port->tap,
		.queues = card->queues,
		.mtu = card->mtu ? card->mtu : live->network.mtu,
	};
	int code = live_network_changed(live, port->publish_count ? NETWORK_PUBLISHED : 0, err);

	if (code < 0)
		return code;
	code = bridge_plug(live->network.bridge, &tap, &result->fds, err);
	if (code < 0)
		return code;
	strcpy(result->tap, port->tap);
	if (port->address)
		address_text(port->address, result->address);
	return 0;
}

static void give_up(struct live_network *live, const struct network_port *port)
{
	struct network_port *added = live_network_find_port(live, port->guest, port->index);

	if (added)
		live_network_remove_port(live, (unsigned)(added - live->ports));
	if (live->port_count == 0)
		live_network_down(live);
	else
		live_network_changed(live, port->publish_count ? NETWORK_PUBLISHED : 0, NULL);
}

static int attach(struct networks *networks, struct network_port *port, const struct network_definition *card,
		  struct network_plug *result, struct error *err)
{
	struct live_network *live;
	int code;

	leave_old_place(networks, card, port);
	code = bring_up(networks, card->network, &live, err);
	if (code < 0)
		return code;
	code = make_port(networks, live, card, port, err);
	if (code == 0 && live_network_add_port(live, port) < 0)
		code = error_set(err, -ENOSPC, "network %s: takes no more cards", live->network.name);
	if (code == 0)
		code = plug(live, port, card, result, err);
	if (code < 0)
		give_up(live, port);
	else
		live->bridge_found = false; /* it is ours, and goes with its last guest */
	return code;
}

int networks_attach(struct networks *networks, const char *guest, unsigned index,
		    const struct network_definition *card, struct network_plug *result, struct error *err)
{
	struct network_port port = {.index = index};
	int code = check_administrator("network", err);

	*result = (struct network_plug){0};
	card_fds_init(&result->fds);
	snprintf(port.guest, sizeof(port.guest), "%s", guest);
	if (code == 0)
		code = attach(networks, &port, card, result, err);
	return code < 0 ? error_prefix(err, code, "guest %s: networks[%u]", guest, index) : 0;
}

/* Forgets the cards of guests that `keep` does not want; what changed by it (enum network_change). */
static unsigned drop_ports(struct live_network *live, bool (*keep)(void *owner, const char *guest),
			   void *owner)
{
	unsigned changes = 0;

	for (unsigned i = live->port_count; i-- > 0;) {
		if (keep(owner, live->ports[i].guest))
			continue;
		changes |= NETWORK_GUEST_LEFT | (live->ports[i].publish_count ? NETWORK_PUBLISHED : 0U);
		live_network_remove_port(live, i);
	}
	return changes;
}

static bool is_another(void *owner, const char *guest)
{
	return strcmp(owner, guest) != 0;
}

/* True when the network is gone. */
static bool let_go(struct live_network *live, unsigned changes)
{
	struct error err;

	if (live->port_count == 0) {
		live_network_down(live);
		return true;
	}
	if (changes && live_network_changed(live, changes, &err) < 0)
		log_error("%s", err.text);
	return false;
}

void networks_detach(struct networks *networks, const char *guest)
{
	if (networks->macvtaps)
		networks->macvtaps = macvtap_remove_all(networks->settings->runtime_dir, is_another,
							(void *)(uintptr_t)guest);
	for (unsigned i = networks->count; i-- > 0;) {
		struct live_network *live = networks->live[i];
		unsigned changes = drop_ports(live, is_another, (void *)(uintptr_t)guest);

		if (changes)
			let_go(live, changes);
	}
}

void networks_detach_card(struct networks *networks, const char *guest, unsigned index)
{
	struct macvtap_place place = {networks->settings->runtime_dir, guest, index};

	if (networks->macvtaps)
		macvtap_remove(&place);
	for (unsigned i = networks->count; i-- > 0;) {
		struct live_network *live = networks->live[i];
		const struct network_port *port = live_network_find_port(live, guest, index);
		unsigned changes = port && port->publish_count ? NETWORK_PUBLISHED : 0;

		if (!port)
			continue;
		live_network_remove_port(live, (unsigned)(port - live->ports));
		let_go(live, NETWORK_GUEST_LEFT | changes);
	}
}

void networks_adopt(struct networks *networks, bool (*runs)(void *owner, const char *guest), void *owner)
{
	struct error err;

	networks->macvtaps = macvtap_remove_all(networks->settings->runtime_dir, runs, owner);
	for (unsigned i = networks->count; i-- > 0;) {
		struct live_network *live = networks->live[i];

		if (!let_go(live, drop_ports(live, runs, owner)) && live_network_up(live, &err) < 0)
			log_error("%s", err.text);
	}
}

void networks_down(struct networks *networks)
{
	macvtap_remove_all(networks->settings->runtime_dir, NULL, NULL);
	while (networks->count)
		live_network_down(networks->live[networks->count - 1]);
}

int networks_plug_bridge(const char *guest, unsigned index, const struct network_definition *card,
			 struct network_plug *result, struct error *err)
{
	struct bridge_card tap = {
		.guest = guest, .tap = result->tap, .queues = card->queues, .mtu = card->mtu};
	int code = check_administrator("bridge", err);

	*result = (struct network_plug){0};
	card_fds_init(&result->fds);
	if (code == 0 && !tap_name_choose(NULL, NULL, result->tap))
		code = error_set(err, -ENOSPC, "the host has too many TAPs");
	if (code == 0)
		code = bridge_plug(card->bridge, &tap, &result->fds, err);
	return code < 0 ? error_prefix(err, code, "guest %s: networks[%u]", guest, index) : 0;
}

int networks_plug_direct(struct networks *networks, const char *guest, unsigned index,
			 const struct network_definition *card, struct network_plug *result,
			 struct error *err)
{
	struct macvtap_place place = {networks->settings->runtime_dir, guest, index};
	int code = check_administrator("direct", err);

	*result = (struct network_plug){0};
	card_fds_init(&result->fds);
	networks->macvtaps = true;
	if (code == 0)
		code = macvtap_open(&place, card, &result->fds, err);
	return code < 0 ? error_prefix(err, code, "guest %s: networks[%u]", guest, index) : 0;
}
