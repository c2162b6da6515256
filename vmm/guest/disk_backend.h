/*
 * The storage daemons of a guest's disks (vmm/storage/storage_daemon.h), as who starts the guest sees them:
 * one a disk that is not a raw file. Their files are opened and locked here, as other disks' are
 * (disk_open.h); what the guest's process gets is the channel.
 *
 * A daemon is the caller's child, in the guest's cgroup, and ends with the guest's process: it puts
 * everything away first, and holds its locks so long. Nobody waits in here, but disk_backend_stop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "vmm/config/definition.h"
#include "vmm/config/settings.h"

#define DISK_BACKEND_START_MS 45000 /* the daemon has its own limits, which are shorter */
#define DISK_BACKEND_LEAVE_MS 5500  /* for what it does after its guest's end (storage_child_end) */

struct disk_backend {
	pid_t pid;         /* 0: none, or it has ended */
	uint64_t until_ms; /* CLOCK_MONOTONIC: when it must have said its first word, or have gone */
	char *overlay;     /* a file that loses its name once the daemon has it; NULL: none */
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

/* Starts it; returns the guest's end of the channel, which is readable when disk_backend_heard has something
 * to say. A negative errno, and one sentence with the disk's name: a file that cannot be opened, or, -EBUSY,
 * that is somebody else's. */
int disk_backend_begin(struct disk_backend *backend, const struct disk_definition *disk,
		       const struct settings *settings, const struct disk_backend_place *place,
		       struct error *err);
/* 0: what it is for is served; -EAGAIN: not yet; or why it is not (an image that cannot be read, a program
 * that is not installed), and it is of no use. name: what errors begin with, "disk data". */
int disk_backend_heard(struct disk_backend *backend, int channel, const char *name, struct error *err);
/* Whether it ended since: once, and reaps it then. */
bool disk_backend_ended(struct disk_backend *backend);
/* It is to end, as its guest has, or will not be wanted: kills one whose time is over; it is still to be
 * reaped. */
void disk_backend_hurry(const struct disk_backend *backend);
/* Kills it, whatever it is at, and reaps it. */
void disk_backend_kill(struct disk_backend *backend);
/* For who has nothing else to do: waits for its end, which is near when the guest's process has ended; then
 * kills it. */
void disk_backend_stop(struct disk_backend *backend);
/* Bytes and processes that a guest's daemons may take beside what the guest may. */
uint64_t disk_backend_memory(const struct guest_definition *definition);
unsigned disk_backend_processes(const struct guest_definition *definition);
