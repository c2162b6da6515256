#include "vmm/net/live_network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/net/dnsmasq.h"
#include "vmm/net/firewall.h"
#include "vmm/net/forwarding.h"

#define FORWARDING_RECORD "forwarding"
#define AGAIN_NS          1000000000ULL /* before dnsmasq is started again; doubled with each failure ... */
#define AGAIN_DOUBLINGS   6U            /* ... so often at most, until ... */
#define STALE_NS          200000000ULL  /* before it forgets guests that have gone */
#define STEADY_S          60            /* ... it has lived so long */

/* --- Ports --- */

static void free_port(struct network_port *port)
{
	for (unsigned i = 0; i < port->publish_count; i++)
		free(port->publish[i]);
}

int live_network_add_port(struct live_network *live, const struct network_port *port)
{
	struct network_port *ports;
	struct network_port copy = *port;

	if (live->port_count == NETWORK_PORTS_MAX)
		return -ENOSPC;
	ports = realloc(live->ports, (live->port_count + 1) * sizeof(*ports));
	if (!ports)
		return -ENOMEM;
	live->ports = ports;
	for (copy.publish_count = 0; copy.publish_count < port->publish_count; copy.publish_count++) {
		copy.publish[copy.publish_count] = strdup(port->publish[copy.publish_count]);
		if (!copy.publish[copy.publish_count]) {
			free_port(&copy);
			return -ENOMEM;
		}
	}
	ports[live->port_count++] = copy;
	return 0;
}

void live_network_remove_port(struct live_network *live, unsigned index)
{
	free_port(&live->ports[index]);
	live->ports[index] = live->ports[--live->port_count];
}

struct network_port *live_network_find_port(struct live_network *live, const char *guest, unsigned index)
{
	for (unsigned i = 0; i < live->port_count; i++) {
		if (live->ports[i].index == index && strcmp(live->ports[i].guest, guest) == 0)
			return &live->ports[i];
	}
	return NULL;
}

static bool live_network_publishes(const struct live_network *live)
{
	for (unsigned i = 0; i < live->port_count; i++) {
		if (live->ports[i].publish_count)
			return true;
	}
	return false;
}

/* --- dnsmasq --- */

static struct dnsmasq dnsmasq_of(const struct live_network *live)
{
	return (struct dnsmasq){.network = &live->network, .folder = live->folder};
}

/* Whether this is the guest's first card on the network, by which its name is known. */
static bool is_first(const struct live_network *live, const struct network_port *port)
{
	for (unsigned i = 0; i < live->port_count; i++) {
		if (strcmp(live->ports[i].guest, port->guest) == 0 && live->ports[i].index < port->index)
			return false;
	}
	return true;
}

static int tell_dnsmasq(const struct live_network *live, struct error *err)
{
	AUTO_FREE struct dnsmasq_card *cards = calloc(live->port_count + 1, sizeof(*cards));
	struct dnsmasq dnsmasq = dnsmasq_of(live);

	if (!cards)
		return error_set(err, -ENOMEM, "network %s: out of memory", live->network.name);
	for (unsigned i = 0; i < live->port_count; i++) {
		const struct network_port *port = &live->ports[i];

		cards[i] = (struct dnsmasq_card){
			.guest = port->guest,
			.address = port->address,
			.first = is_first(live, port),
		};
		memcpy(cards[i].mac, port->mac, sizeof(cards[i].mac));
	}
	return dnsmasq_update(&dnsmasq, cards, live->port_count, err);
}

static void unwatch(struct live_network *live)
{
	if (live->dnsmasq.fd < 0)
		return;
	loop_remove(live->networks->loop, &live->dnsmasq);
	close(TAKE_FD(live->dnsmasq.fd));
}

static void start_later(struct live_network *live)
{
	unsigned doublings = MIN(live->dnsmasq_failures, AGAIN_DOUBLINGS);

	live->dnsmasq_failures++;
	loop_timer_set(&live->again, AGAIN_NS << doublings, 0);
}

static void dnsmasq_ended(struct loop_source *source, uint32_t events)
{
	struct live_network *live = CONTAINER_OF(source, struct live_network, dnsmasq);

	(void)events;
	log_warning("network %s: dnsmasq has ended, starting it again", live->network.name);
	unwatch(live);
	if ((int64_t)(monotonic_ms() / 1000) - live->dnsmasq_started_s > STEADY_S)
		live->dnsmasq_failures = 0;
	start_later(live);
}

static void watch(struct live_network *live)
{
	struct dnsmasq dnsmasq = dnsmasq_of(live);

	if (!live->networks->loop || live->dnsmasq.fd >= 0)
		return;
	live->dnsmasq = (struct loop_source){
		.fd = dnsmasq_open(&dnsmasq),
		.events = EPOLLIN,
		.ready = dnsmasq_ended,
	};
	if (live->dnsmasq.fd < 0)
		start_later(live); /* it has ended since */
	else
		loop_add(live->networks->loop, &live->dnsmasq);
}

static int start_dnsmasq(struct live_network *live, struct error *err)
{
	struct dnsmasq dnsmasq = dnsmasq_of(live);
	int code = tell_dnsmasq(live, err);

	if (code == 0)
		code = dnsmasq_start(&dnsmasq, err);
	if (code < 0)
		return code;
	live->dnsmasq_started_s = (int64_t)(monotonic_ms() / 1000);
	watch(live);
	return 0;
}

/* dnsmasq keeps the lease of a guest that has gone, and with it its name and address: it must start anew. */
static int restart_dnsmasq(struct live_network *live, struct error *err)
{
	struct dnsmasq dnsmasq = dnsmasq_of(live);

	live->dnsmasq_stale = false;
	unwatch(live);
	dnsmasq_end(&dnsmasq);
	return start_dnsmasq(live, err);
}

/* Once for all the guests that leave together. */
static int restart_dnsmasq_soon(struct live_network *live, struct error *err)
{
	if (!live->networks->loop)
		return restart_dnsmasq(live, err);
	if (!live->dnsmasq_stale)
		loop_timer_set(&live->again, STALE_NS, 0);
	live->dnsmasq_stale = true;
	return tell_dnsmasq(live, err);
}

static void again_expired(struct loop_timer *timer)
{
	struct live_network *live = CONTAINER_OF(timer, struct live_network, again);
	struct error err;
	int code = live->dnsmasq_stale ? restart_dnsmasq(live, &err) : start_dnsmasq(live, &err);

	if (code == 0)
		return;
	log_error("%s", err.text);
	start_later(live);
}

/* --- A network --- */

struct live_network *live_network_new(struct networks *networks, const struct virtual_network *network)
{
	struct live_network *live = NULL;

	if (networks->count < VIRTUAL_NETWORKS_MAX)
		live = calloc(1, sizeof(*live));
	if (!live)
		return NULL;
	live->networks = networks;
	live->network = *network;
	live->dnsmasq.fd = -1;
	live->folder = file_path_join(networks->folder, network->name);
	if (!live->folder ||
	    (networks->loop && loop_timer_init(networks->loop, &live->again, again_expired) < 0)) {
		free(live->folder);
		free(live);
		return NULL;
	}
	networks->live[networks->count++] = live;
	return live;
}

/* It is one of the networks no more. */
static void leave(struct live_network *live)
{
	struct networks *networks = live->networks;

	for (unsigned i = 0; i < networks->count; i++) {
		if (networks->live[i] == live) {
			networks->live[i] = networks->live[--networks->count];
			return;
		}
	}
}

void live_network_free(struct live_network *live)
{
	leave(live);
	unwatch(live);
	if (live->networks->loop)
		loop_timer_close(live->networks->loop, &live->again);
	for (unsigned i = 0; i < live->port_count; i++)
		free_port(&live->ports[i]);
	free(live->ports);
	free(live->folder);
	free(live);
}

static bool forwards(const struct live_network *live)
{
	return live->network.forward == NETWORK_FORWARD_NAT || live->network.forward == NETWORK_FORWARD_ROUTE;
}

static char *forwarding_record(const struct networks *networks)
{
	return file_path_join(networks->folder, FORWARDING_RECORD);
}

static int allow_forwarding(const struct live_network *live, struct error *err)
{
	AUTO_FREE char *record = forwarding_record(live->networks);

	if (!forwards(live))
		return 0;
	return record ? forwarding_enable(record, err) : error_set(err, -ENOMEM, "out of memory");
}

/* Packets from and to 127.0.0.0/8 only while the packet filter is there to guard them (ruleset.h): switched
 * off before it changes, on after it, and off where it is not known to be as it should. */
static int update_firewall(const struct live_network *live, struct error *err)
{
	const char *bridge = live->network.bridge;
	bool publishes = live_network_publishes(live);
	int code = publishes ? 0 : bridge_allow_localnet(bridge, false, err);

	if (code == 0)
		code = firewall_apply(live->networks, err);
	if (code < 0)
		bridge_allow_localnet(bridge, false, NULL);
	else if (publishes)
		code = bridge_allow_localnet(bridge, true, err);
	return code < 0 ? error_prefix(err, code, "network %s", live->network.name) : 0;
}

/* Guests that were plugged in when somebody removed the bridge. */
static int replug(const struct live_network *live, struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < live->port_count && code == 0; i++)
		code = bridge_replug(live->network.bridge, live->ports[i].tap, err);
	return code;
}

int live_network_up(struct live_network *live, struct error *err)
{
	int code = network_state_write(live, err);

	if (code < 0 || !virtual_network_has_addresses(&live->network))
		return code;
	/* The packet filter before forwarding: at no time does the host forward what it should not. */
	if ((code = bridge_make(&live->network, live->networks->mark, err)) < 0 ||
	    (code = replug(live, err)) < 0 || (code = update_firewall(live, err)) < 0 ||
	    (code = allow_forwarding(live, err)) < 0 || (code = start_dnsmasq(live, err)) < 0)
		return code;
	return 0;
}

int live_network_changed(struct live_network *live, unsigned changes, struct error *err)
{
	int code = network_state_write(live, err);

	if (code < 0 || !virtual_network_has_addresses(&live->network))
		return code;
	code = changes & NETWORK_GUEST_LEFT ? restart_dnsmasq_soon(live, err) : tell_dnsmasq(live, err);
	if (code == 0 && changes & NETWORK_PUBLISHED)
		code = update_firewall(live, err);
	return code;
}

/* --- Its end --- */

static bool any_forwards(const struct networks *networks)
{
	for (unsigned i = 0; i < networks->count; i++) {
		if (forwards(networks->live[i]))
			return true;
	}
	return false;
}

static void remove_files(const struct live_network *live)
{
	AUTO_FREE char *state = file_path_join(live->folder, "state.json");

	if (state)
		unlink(state);
	rmdir(live->folder);
	rmdir(live->networks->folder); /* stays while there are others */
}

static void remove_network(const struct live_network *live)
{
	AUTO_FREE char *record = forwarding_record(live->networks);
	struct dnsmasq dnsmasq = dnsmasq_of(live);
	struct error err;
	int code;

	dnsmasq_remove(&dnsmasq);
	if (bridge_exists(live->network.bridge) &&
	    bridge_allow_localnet(live->network.bridge, false, &err) < 0) /* before its guard goes */
		log_error("%s", err.text);
	if (!live->bridge_found && bridge_remove(live->network.bridge, &err) < 0)
		log_error("%s", err.text);
	if (record && !any_forwards(live->networks) && forwarding_restore(record, &err) < 0)
		log_error("%s", err.text);
	code = firewall_apply(live->networks, &err);
	if (code < 0 && code != -ENOENT) /* without the tool there was never a table */
		log_error("%s", err.text);
}

void live_network_down(struct live_network *live)
{
	leave(live);
	unwatch(live);
	if (virtual_network_has_addresses(&live->network))
		remove_network(live);
	remove_files(live);
	live_network_free(live);
}
