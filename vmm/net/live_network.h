/*
 * A network that is up: what networks.c keeps of each, and how one is made, changed and removed.
 *
 *      state.json       written before each step that makes something, removed after the last step that
 * removes bridge.h, forwarding.h, dnsmasq.h, ruleset.h     the steps; each may be repeated
 */
#pragma once

#include "common/error.h"
#include "common/loop.h"
#include "vmm/config/definition.h"
#include "vmm/config/virtual_network.h"
#include "vmm/net/bridge.h"
#include "vmm/net/publish.h"

#define NETWORK_PORTS_MAX 1024 /* cards in one network: what a bridge of Linux takes (BR_MAX_PORTS) */

/* A guest's card. */
struct network_port {
	char guest[DEFINITION_NAME_MAX + 1];
	unsigned index; /* of the card in the guest's definition */
	uint8_t mac[6];
	uint32_t address; /* 0: the network gives none */
	char tap[TAP_NAME_SIZE];
	unsigned publish_count;
	char *publish[DEFINITION_PUBLISH_MAX]; /* rules that publish_parse takes */
};

struct networks;

struct live_network {
	struct networks *networks;
	struct virtual_network network; /* as it was when it was made */
	char *folder;
	bool bridge_found; /* it was there before, left by somebody; a start that fails leaves it too */
	unsigned port_count;
	struct network_port *ports;
	struct loop_source dnsmasq; /* pidfd; -1: not watched */
	struct loop_timer again;    /* when dnsmasq is to be started again */
	bool dnsmasq_stale;         /* it knows of guests that have gone, and is to start anew */
	unsigned dnsmasq_failures;  /* in a row */
	int64_t dnsmasq_started_s;  /* CLOCK_MONOTONIC */
};

struct networks {
	const struct settings *settings;
	struct loop *loop; /* NULL: nobody watches */
	char *folder;      /* runtime_dir/networks */
	char *mark;        /* of our bridges */
	bool macvtaps;     /* some of ours may be there */
	unsigned count;
	struct live_network *live[VIRTUAL_NETWORKS_MAX];
};

/* Takes its place in networks->live; nothing of it is made. NULL: out of memory, or too many. */
struct live_network *live_network_new(struct networks *networks, const struct virtual_network *network);
/* Forgets it; what it has made stays. */
void live_network_free(struct live_network *live);

/* Makes what is missing of it. */
int live_network_up(struct live_network *live, struct error *err);
/* Removes all of it, and frees it. What cannot be removed is logged. */
void live_network_down(struct live_network *live);
/* A port came or went: tells the disk, dnsmasq, and the packet filter if it has to know. */
enum network_change {
	NETWORK_GUEST_LEFT = 1, /* one that had its address may have gone */
	NETWORK_PUBLISHED = 2,  /* it published ports */
};
int live_network_changed(struct live_network *live, unsigned changes, struct error *err);

/* Adds a port that is copied, its texts included; 0 or a negative errno. */
int live_network_add_port(struct live_network *live, const struct network_port *port);
void live_network_remove_port(struct live_network *live, unsigned index);
struct network_port *live_network_find_port(struct live_network *live, const char *guest, unsigned index);

/* Its state on the disk (network_state.c). */
int network_state_write(const struct live_network *live, struct error *err);
/* Reads the state of the network `name` and makes a live_network of it. */
int network_state_read(struct networks *networks, const char *name, struct error *err);
cJSON *network_port_json(const struct network_port *port);
/* A MAC address as text. */
#define MAC_TEXT 18
void mac_text(const uint8_t mac[6], char text[MAC_TEXT]);
