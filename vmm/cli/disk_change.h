/* What `rastos-vmm device set` changes of a disk's definition: its limits. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/error.h"

#define DISK_CHANGE_LIMITS 6 /* of read, of write and of both, in bytes and in operations */

struct disk_change {
	unsigned count;
	struct {
		bool bytes;       /* else operations a second */
		const char *text; /* [read=|write=|total=]NUMBER; 0: no limit */
	} limits[DISK_CHANGE_LIMITS];
};

/* False: there are too many. */
bool disk_change_add(struct disk_change *change, bool bytes, const char *text);
/* Changes disk; -EINVAL: a word is wrong. A limit of both takes the place of those of read and of write, and
 * the other way round. */
int disk_change_apply(const struct disk_change *change, cJSON *disk, struct error *err);
