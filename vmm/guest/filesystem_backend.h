/*
 * The daemons of the directories that a guest shares, as who starts the guest sees them: one a directory
 * (vmm/storage/storage_daemon.h, which keeps virtiofsd). What the guest's process gets is the channel; what
 * becomes of a daemon afterwards is disk_backend.h's.
 */
#pragma once

#include "vmm/guest/disk_backend.h"

/* Starts it; returns the guest's end of the channel. A negative errno, and one sentence with the tag. */
int filesystem_backend_begin(struct disk_backend *backend, const struct filesystem_definition *filesystem,
			     const struct settings *settings, const struct disk_backend_place *place,
			     struct error *err);
