/*
 * User ids for guest processes: a range that nobody else uses, one for each guest that runs, as user and as
 * group. A pure function: who keeps what is given out passes it in.
 *
 * The default range lies above the ids that useradd hands out for containers and those of systemd-nspawn
 * (systemd's UIDS-GIDS.md).
 */
#pragma once

#include <stdint.h>

#include "common/error.h"

#define GUEST_IDS_FIRST 1900000000U
#define GUEST_IDS_COUNT 1024U
#define GUEST_IDS_MAX   65536U

struct guest_ids {
	uint32_t first, count;
};

/* first..first+count-1 are ids that a process may have: not 0, not -1, at least one. */
int guest_ids_check(const struct guest_ids *ids, struct error *err);
/* The lowest place in the range, from 0 on, that is not among `used` (those of guests that run; negative:
 * none), for a process with the id first + place; -ENOSPC when all are. */
int guest_ids_take(const struct guest_ids *ids, const int *used, unsigned used_count, struct error *err);
