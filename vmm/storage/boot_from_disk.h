/*
 * The kernel of a guest that is not ours: found in the /boot of its disk, as a boot loader would.
 *
 *   disk --sfdisk--> partitions --superblock--> ext4 ones --debugfs--> /boot/vmlinuz-VERSION and its initrd
 *
 * The disk is a whole ext4 file system, or has a GPT or MBR with one as root and perhaps one for /boot. The
 * newest version is taken, one with an initrd rather than one without. The command line is root=UUID=
 * (PARTUUID= for a kernel without an initrd, which cannot know UUIDs), ro, and the console.
 *
 * The disk is hostile: programs without rights read it, sizes are bounded, and what is found is only bytes to
 * be booted, which hypervisor/boot does not trust. It takes a fraction of a second. After 10 seconds it is
 * given up, whatever the disk holds: a manager does nothing else meanwhile.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define DISK_BOOT_NAME_MAX 256

struct disk_boot {
	char kernel[DISK_BOOT_NAME_MAX]; /* for errors: "disk debian: /boot/vmlinuz-6.1.0-9-amd64" */
	char cmdline[DISK_BOOT_NAME_MAX];
	int kernel_fd; /* memory with the file; the caller closes it */
	int initrd_fd; /* -1: none */
};

struct disk_boot_source {
	const char *about; /* "disk debian" */
	int disk;
	uint64_t size;
	unsigned index;      /* of the disk in the guest: 0 is vda */
	const char *console; /* "ttyS0" */
};

/* -EOPNOTSUPP: another kind of disk or file system, which the sentence names; -ENOENT: no kernel;
 * -ETIMEDOUT. */
int boot_from_disk(const struct disk_boot_source *source, struct disk_boot *boot, struct error *err);
