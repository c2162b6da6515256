/*
 * The interfaces of the host that a guest's network cards are plugged into, and what these have carried:
 * where the host's kernel moves the frames (vhost-net), the guest's process cannot count them. Part of
 * guest.c; what the next manager has to know is in the guest's record, beside the plan's numbers. Loop thread
 * only.
 */
#pragma once

#include <cjson/cJSON.h>

#include "vmm/net/card_fds.h"
#include "vmm/net/card_statistics.h"

struct managed_guest;

struct guest_card {
	char interface[IFNAMSIZ];     /* "": none that counts: passt */
	struct card_statistics began; /* an interface may be older than the guest */
};

/* A card was opened, at its place in guest->cards. */
void guest_cards_note(struct managed_guest *guest, unsigned card, const struct card_fds *fds);
void guest_cards_record(const struct managed_guest *guest, cJSON *numbers);
void guest_cards_restore(struct managed_guest *guest);
/* Its process has told its counters: what it could not count is added. */
void guest_cards_count(struct managed_guest *guest);
