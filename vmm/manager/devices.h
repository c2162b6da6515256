/*
 * The devices of a guest, as the operations on them (device_operations.c) show and change them:
 *
 *      {"id":"disk0","type":"disk","index":0,"hotplug":true,"disk":{...},"leaving":true,"counters":{...}}
 *
 * `type` is disk, network, rng, vsock, console, channels, balloon or memory; `disk` or `network` is the item
 * of the definition, whose place is `index`; `hotplug` says whether it can come and go while the guest runs,
 * `leaving` that the guest was asked to let it go. `counters` is what vmm/guest/counters.h has of it, while
 * the guest runs. An id is the item's "id", or else disk0, net1 ...; of the others rng0, vsock0, console0,
 * channels0, balloon0, memory0. Channels have "channels":[{"name","path","open"}]: open says that a program
 * of the guest is there. Loop thread only.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "vmm/manager/guest.h"

/* Devices that can be given and taken. */
struct device_kind {
	const char *type;         /* and the member of a request */
	const char *array;        /* of the definition */
	const char *word;         /* of ids by default */
	const char *live_keys[4]; /* what can be changed while the guest runs; ends with NULL */
};

#define DEVICE_KINDS 2

extern const struct device_kind device_kinds[DEVICE_KINDS];

#define DEVICE_DISK    (&device_kinds[0])
#define DEVICE_NETWORK (&device_kinds[1])

unsigned device_count(const struct guest_definition *definition, const struct device_kind *kind);
/* Its id, in buffer (DEFINITION_DEVICE_ID_MAX + 1 bytes) when its place gives it one. */
const char *device_id(const struct guest_definition *definition, const struct device_kind *kind,
		      unsigned index, char *buffer);
/* The array of a definition as JSON; NULL: it has none. */
cJSON *device_array(const cJSON *definition, const struct device_kind *kind);
/* The place of a disk or network card; false when there is none of this id. */
bool device_find(const struct guest_definition *definition, const char *id, const struct device_kind **kind,
		 unsigned *index);

/* All that the guest has: one that is off has what its next start will give it. */
cJSON *devices_to_json(const struct managed_guest *guest);
/* The one of this id; NULL: there is none. next_start: as the guest's next start will give it one. */
cJSON *device_to_json(const struct managed_guest *guest, const char *id, bool next_start);

/* What is asked for: a device of this id, or none. */
struct device_wish {
	char *id;
	const struct device_kind *kind; /* of `item` */
	const cJSON *item;              /* NULL: it is to go */
	bool next_start;
};

/* The definition `base` with that change, read and checked. A pointer of err is one into {"definition":ITEM}.
 */
int device_wish_apply(const struct managed_guest *guest, const struct guest_definition *base,
		      const struct device_wish *wish, struct guest_definition **result, struct error *err);
