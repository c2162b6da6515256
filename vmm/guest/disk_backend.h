/*
 * The storage daemons of a guest's disks (vmm/storage/storage_daemon.h), as who starts the guest sees them:
 * one a disk that is not a raw file. Their files are opened and locked here, as other disks' are
 * (disk_open.h); what the guest's process gets is the channel.
 *
 * A daemon is the caller's child, in the guest's cgroup, and ends with the guest's process. Whoever starts
 * the guest next may have to wait a moment for its locks.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "vmm/config/definition.h"
#include "vmm/config/settings.h"

struct disk_backend {
	pid_t pid; /* 0: none, or it has ended */
};

/* Those of a guest: of its disks, by their index, then of its filesystems, then what shows its screen. */
#define GUEST_BACKEND_DISPLAY (DEFINITION_DISKS_MAX + FILESYSTEMS_MAX)
#define GUEST_BACKENDS_MAX    (GUEST_BACKEND_DISPLAY + 1)

/* Where daemons run. */
struct disk_backend_place {
	bool jail;
	int cgroup_fd; /* -1: the caller's */
	int id_slot;   /* the guest's place among its user ids; -1: it has none of its own */
};

/* Returns the guest's end of the channel once the disk is served. A negative errno, and one sentence with the
 * disk's name: a file that cannot be opened, an image that cannot be read, a program that is not installed.
 */
int disk_backend_start(struct disk_backend *backend, const struct disk_definition *disk,
		       const struct settings *settings, const struct disk_backend_place *place,
		       struct error *err);
/* Whether it ended since: once, and reaps it then. */
bool disk_backend_ended(struct disk_backend *backend);
/* Waits a moment for its end, which is near when the guest's process has ended; then ends it. */
void disk_backend_stop(struct disk_backend *backend);
/* Bytes and processes that a guest's daemons may take beside what the guest may. */
uint64_t disk_backend_memory(const struct guest_definition *definition);
unsigned disk_backend_processes(const struct guest_definition *definition);
