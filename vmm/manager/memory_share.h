/*
 * How much of its memory a running guest has: what the plan gives it (division.h), while it runs. Its balloon
 * (devmodel/virtio/balloon.h) holds the rest, which another guest may then get.
 *
 *      target < given   it was told to give back; its process is asked now and then how far it is
 *      target = given   it has what it was told
 *
 * What was not given back is still the guest's, and is promised to nobody. It counts as given back when the
 * guest says so (it will not use it any more) and the host finds that its process holds no more: then its
 * control group's limit follows, so that the kernel ends a guest that takes it again. Neither is believed
 * alone: a guest that lies harms itself.
 *
 * Only guests whose memory the plan chooses change by the plan, and only with a balloon that stays blown up
 * (not `autodeflate`): what a guest may take back at any time can be promised to nobody. What was said by
 * hand (setmem) is then the most that the plan gives it, until it starts anew. Never more than it was started
 * with, and what is plugged into its memory devices (devmodel/virtio/mem.h): that is as much as was said by
 * hand, of any guest that has them, and counts in the plan while it is to be there.
 *
 * It survives the manager (record.h). Loop thread only; memory is in MiB.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct managed_guest;
struct manager;
struct loop_timer;

struct memory_share {
	uint64_t hand_mib;   /* the most that was said by hand; 0: nothing was */
	uint64_t target_mib; /* what it was told to have, plugged in memory included; 0: it does not run */
	uint64_t given_mib;  /* what counts as its own: no less than the target */
	uint64_t asked_ns;   /* when it was told to give back (CLOCK_MONOTONIC) */
	bool driver;         /* its process says that the guest has a driver for it, ... */
	uint64_t told_bytes; /* ... and so much memory */
};

/* Whether its memory can follow the plan while it runs, by its definition. */
bool memory_share_moves(const struct managed_guest *guest);
/* The most that it can now be told to have; 0: nothing can be changed now. */
uint64_t memory_share_live(const struct managed_guest *guest);

/* It starts with all of its memory. */
void memory_share_begin(struct managed_guest *guest);
/* It has ended: its next start begins anew. */
void memory_share_end(struct managed_guest *guest);
/* For its record, and from there: a former manager's word. */
void memory_share_note(const struct managed_guest *guest, cJSON *numbers);
void memory_share_adopt(struct managed_guest *guest);
/* What others are told of it: current_memory_mib, and live_memory_mib where it can change now. */
void memory_share_describe(const struct managed_guest *guest, cJSON *json);

/* Moves it towards what the plan gives it. *free_mib is what no guest has, and goes down by what it gets. */
void memory_share_aim(struct managed_guest *guest, uint64_t planned_mib, uint64_t *free_mib);
/* What its process tells; it may lie. */
void memory_share_heard(struct managed_guest *guest, bool driver, uint64_t bytes);
/* setmem: -ENOTCONN; -EOPNOTSUPP; -EINVAL when it is more than it can have, or no whole blocks; -ENOSPC. */
int memory_share_by_hand(struct managed_guest *guest, uint64_t mib, struct error *err);

/* manager->memory_timer: asks those that are giving back how far they are. */
void memory_share_timer(struct loop_timer *timer);
