/*
 * dnsmasq(8) for one network: gives each guest the address that was chosen for it, and answers for its name.
 * One process a network, on the network's bridge alone, as an unprivileged user, with files in the network's
 * folder:
 *
 *      dnsmasq.conf   its configuration       dnsmasq.pid   its process, written by itself
 *      cards          MAC, address, name      names         addresses and names
 *
 * Leases are not kept, since addresses are not its to choose. Guests that come and go are written to `cards`
 * and `names`, and dnsmasq reads them again when it is told to. Who has no line there gets no address. It
 * knows nothing of the host's /etc/hosts, asks the servers of the host's /etc/resolv.conf about other names
 * (but on a network that forwards nothing, where other names do not exist), and takes no name from a guest's
 * own words.
 *
 * The process outlives who started it. It is known by its pid and its command line, never by its pid alone.
 */
#pragma once

#include "vmm/config/virtual_network.h"

#define DNSMASQ_HOST_NAME "host" /* what guests call the host */

struct dnsmasq {
	const struct virtual_network *network;
	const char *folder; /* absolute, readable by everybody */
};

/* A guest's card. */
struct dnsmasq_card {
	const char *guest;
	uint8_t mac[6];
	uint32_t address;
	bool first; /* of the guest's on this network: the one that bears its name */
};

/* Starts it; its ports are bound when this returns. Does nothing when it runs. */
int dnsmasq_start(const struct dnsmasq *dnsmasq, struct error *err);
/* A pidfd of the running one, or -ESRCH. */
int dnsmasq_open(const struct dnsmasq *dnsmasq);
/* Writes the cards, and tells dnsmasq if it runs. */
int dnsmasq_update(const struct dnsmasq *dnsmasq, const struct dnsmasq_card *cards, unsigned count,
		   struct error *err);
/* Ends it: what it knew of guests that have gone is forgotten with it. */
void dnsmasq_end(const struct dnsmasq *dnsmasq);
/* Ends it and removes its files; does nothing when there is none. */
void dnsmasq_remove(const struct dnsmasq *dnsmasq);

/* The texts of the files, for tests; the caller frees them, NULL when out of memory. */
char *dnsmasq_config_text(const struct dnsmasq *dnsmasq, const char *user);
char *dnsmasq_cards_text(const struct dnsmasq_card *cards, unsigned count);
char *dnsmasq_names_text(const struct virtual_network *network, const struct dnsmasq_card *cards,
			 unsigned count);
