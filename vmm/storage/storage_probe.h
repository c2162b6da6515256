/*
 * A first look at a disk's images by qemu-storage-daemon itself, over its monitor (QEMU
 * docs/interop/qmp-spec): whether they open, that none of them wants another file behind it that the
 * definition does not name, and how large the disk is; the overlay of one that forgets is then made. What the
 * program says may come from a hostile image: it is parsed with a limit, and only looked at.
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"

/* plan: storage_plan.h. Blocks for as long as the program takes, 20 s at most. */
int storage_probe(const cJSON *plan, struct error *err);
/* The arguments that all runs of the program have in common, from the plan's list of this name; they belong
 * to the plan. Returns how many there are in argv now. */
unsigned storage_arguments(const cJSON *plan, const char *list, char **argv);
