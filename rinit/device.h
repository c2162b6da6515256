/* Block devices by the names people give them: what udev's links in /dev/disk are for, without udev. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUPERBLOCK_HEAD  4096    /* the device's first bytes ... */
#define SUPERBLOCK_BTRFS 0x10000 /* ... and those at this offset, where btrfs has its own */
#define SUPERBLOCK_SIZE  (SUPERBLOCK_HEAD + 1024)

/*
 * What a file system says about itself. Pure; ext4: kernel's Documentation/filesystems/ext4; erofs, xfs and
 * btrfs: their on-disk headers in the kernel; vfat: Microsoft's fatgen103; swap: mkswap(8).
 */
struct superblock {
	const char *type; /* "ext4" (ext2 and ext3 too: its driver mounts them), "erofs", "xfs", "btrfs",
			     "vfat", "swap" */
	char label[64];   /* a longer one is cut */
	char uuid[37];    /* vfat's is XXXX-XXXX */
};

/* bytes are SUPERBLOCK_SIZE many: both pieces. False when it is none of these. */
bool superblock_parse(const uint8_t *bytes, struct superblock *superblock);
bool superblock_read(const char *device, struct superblock *superblock);

/*
 * Finds the device that spec names now: /dev/NAME, LABEL=, UUID=, PARTLABEL=, PARTUUID=, or what udev would
 * have under /dev/disk/by-label/, by-uuid/, by-partlabel/, by-partuuid/ and by-id/virtio-. Writes its /dev
 * path.
 */
bool device_find(const char *spec, char *path, size_t size);
/* The names of all block devices that have a size, for messages: "vda, vdb". */
void device_list(char *text, size_t size);
