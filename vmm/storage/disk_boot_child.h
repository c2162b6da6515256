/*
 * The kernel on a guest's disk (boot_from_disk.h), looked for by a child of this process: it takes a moment,
 * and whoever starts the guest may have other things to do. The child has the disk and nothing else, and ends
 * with its parent.
 */
#pragma once

#include <sys/types.h>

#include "vmm/storage/boot_from_disk.h"

struct disk_boot_child {
	pid_t pid;   /* 0: none */
	int channel; /* is readable, or has hung up, when disk_boot_heard has something to say; -1: none */
	uint64_t until_ms; /* CLOCK_MONOTONIC: by then at the latest */
};

/* source's texts are copied. */
int disk_boot_begin(struct disk_boot_child *child, const struct disk_boot_source *source, struct error *err);
/* As boot_from_disk; -EAGAIN: not yet. */
int disk_boot_heard(struct disk_boot_child *child, const char *about, struct disk_boot *boot,
		    struct error *err);
/* Ends it; one that is none is allowed. */
void disk_boot_stop(struct disk_boot_child *child);
