/*
 * A guest's disk, opened and locked: a file, a block device or an image of the pool (vmm/storage/pool.h).
 *
 * The lock belongs to the open file, so it goes with the descriptor into the guest process (fcntl(2), open
 * file description locks). Who writes has the disk to himself; who only reads shares it with readers, and who
 * says "shareable" with those that read and those that say so too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "vmm/config/disk.h"
#include "vmm/config/settings.h"

struct disk_resource {
	int fd; /* -1 once a device took it over; of a disk with a backend: its channel (disk_backend.h) */
	uint64_t size;
};

/* A file of a disk, whatever is in it. */
struct disk_source_file {
	const char *path, *image; /* one of them */
	bool read_only, shareable;
};

/* The open and locked descriptor, or a negative errno. -EBUSY: somebody else has it; a process that has just
 * ended may have it for a moment more (vmm/storage/image_lock.h), for which nobody waits here. */
int disk_open_file(const struct disk_source_file *file, const struct settings *settings, struct error *err);
int disk_open(const struct disk_definition *definition, const struct settings *settings,
	      struct disk_resource *disk, struct error *err);
/* Past the page cache from now on, if its definition says so: other programs have read what they wanted of
 * it. */
int disk_open_direct(const struct disk_definition *definition, struct disk_resource *disk, struct error *err);
