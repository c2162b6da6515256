/*
 * The start of a process that keeps a daemon beside a guest (vmm/storage/storage_daemon.h): with its plan as
 * sealed memory, its end of the channel, and the files that it works on. What they are is the caller's
 * (disk_backend.c, filesystem_backend.c).
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"
#include "vmm/guest/disk_backend.h"
#include "vmm/jail/jail.h"
#include "vmm/storage/storage_plan.h"

struct daemon_start {
	const char *name; /* what sentences begin with: "disk data" */
	struct jail_config jail;
	cJSON *plan;                      /* NULL: there was no memory for it */
	const struct storage_file *files; /* of whom descriptors and trees count, and stay the caller's */
	unsigned file_count;
};

/* Fills backend; returns the guest's end of the channel, or a negative errno. */
int daemon_start(struct disk_backend *backend, const struct daemon_start *start, struct error *err);
