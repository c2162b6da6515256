/*
 * A guest's disk, as its definition has it: one object of "disks" (docs/configuration.md). Part of
 * definition.h, which says how it is read and who frees it. The words are libvirt's (format domain, "Hard
 * drives, floppy disks, CDROMs").
 *
 *      cache         the host's page cache    what was written is safe
 *      writeback     used                     after the guest's flush
 *      writethrough  used                     when it was written
 *      none          not used                 after the guest's flush
 *      directsync    not used                 when it was written
 *      unsafe        used                     when the host likes: flushes do nothing
 */
#pragma once

#include "common/rate_limiter.h"
#include "vmm/config/disk_source.h"
#include "vmm/config/json.h"
#include "vmm/config/virtio_driver.h"

#define DISK_BLOCK_MIN          512
#define DISK_LOGICAL_BLOCK_MAX  4096 /* Linux takes no more than a page */
#define DISK_PHYSICAL_BLOCK_MAX 65536
#define DISK_QUEUES_MAX         16

enum disk_cache {
	DISK_CACHE_WRITEBACK,
	DISK_CACHE_WRITETHROUGH,
	DISK_CACHE_NONE,
	DISK_CACHE_DIRECTSYNC,
	DISK_CACHE_UNSAFE,
};

/* What the guest hears of an error of the host's storage. */
enum disk_errors {
	DISK_ERRORS_REPORT,
	DISK_ERRORS_STOP,   /* nothing: it is paused, and what failed is tried again when it is resumed */
	DISK_ERRORS_IGNORE, /* nothing: what could not be read is zeros, what could not be written is lost */
};

/* How what cannot be done at once is done. */
enum disk_io {
	DISK_IO_AUTO, /* by io_uring where the kernel has it */
	DISK_IO_URING,
	DISK_IO_THREADS, /* one after the other, by the queue's thread */
};

/* Operations and bytes a second; total excludes the others. */
struct disk_rates {
	struct rate total, read, write;
};

struct disk_definition {
	char *path;  /* a file or block device; NULL when it is ... */
	char *image; /* ... an image of the pool, by its name; both NULL: source.network */
	struct disk_source source;
	char *id;    /* the virtio serial number, NULL: none */
	bool read_only;
	bool shareable;
	enum disk_cache cache;
	bool discard; /* what the guest discards is given back to the host */
	enum disk_errors errors;
	unsigned logical_block;  /* bytes; 0: what the host's storage wants */
	unsigned physical_block; /* bytes; 0: the logical one */
	struct disk_rates operations, bytes;
	struct virtio_driver driver;
	enum disk_io io;
	unsigned queues; /* each with a thread of its own */
};

/* Reads one disk; paths are made absolute against folder. */
int disk_definition_read(const struct json_place *place, const char *folder, struct disk_definition *disk);
void disk_definition_free(struct disk_definition *disk);
/* Past the host's page cache. */
bool disk_definition_direct(const struct disk_definition *disk);
/* Another program serves it: it is not raw, comes over the network, or forgets. */
bool disk_definition_has_backend(const struct disk_definition *disk);
/* For messages: the pool's name of it, its path, or its server's. */
const char *disk_definition_name(const struct disk_definition *disk);
