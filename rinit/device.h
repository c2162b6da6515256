/* Block devices by the names people give them: what udev's links in /dev/disk are for, without udev. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUPERBLOCK_OFFSET 1024
#define SUPERBLOCK_SIZE   256 /* as much as is needed of it */

/* What a file system says about itself. Pure; ext4: kernel's Documentation/filesystems/ext4, erofs:
 * erofs_fs.h. */
struct superblock {
	const char *type; /* "ext4" or "erofs" */
	char label[17];
	char uuid[37]; /* lower case */
};

/* bytes are SUPERBLOCK_SIZE many, read at SUPERBLOCK_OFFSET. False when it is neither. */
bool superblock_parse(const uint8_t *bytes, struct superblock *superblock);
bool superblock_read(const char *device, struct superblock *superblock);

/*
 * Finds the device that spec names now: /dev/NAME, LABEL=, UUID=, or what udev would have under
 * /dev/disk/by-label/, by-uuid/ and by-id/virtio-. Writes its /dev path.
 */
bool device_find(const char *spec, char *path, size_t size);
/* The names of all block devices that have a size, for messages: "vda, vdb". */
void device_list(char *text, size_t size);
