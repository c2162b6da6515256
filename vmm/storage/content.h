/*
 * What a file holds, by its first bytes: disk, file system, disk image of another program, archive, kernel.
 *
 * Only magic numbers at the places that their formats give them are looked at, so a guess costs a few reads
 * and a hostile file can do no more than be taken for something else. ext4's superblock: Linux
 * Documentation/filesystems/ext4/super.rst.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum content {
	CONTENT_UNKNOWN,
	CONTENT_EMPTY, /* nothing but zeros where a format would have its magic number */
	/* Disks and file systems. */
	CONTENT_GPT,
	CONTENT_MBR,
	CONTENT_EXT, /* ext2, ext3, ext4 */
	CONTENT_XFS,
	CONTENT_BTRFS,
	CONTENT_EROFS,
	CONTENT_SQUASHFS,
	CONTENT_FAT,
	CONTENT_SWAP,
	CONTENT_LVM,
	CONTENT_LUKS,
	CONTENT_ISO9660,
	/* Disk images that are not raw. */
	CONTENT_QCOW2,
	CONTENT_VMDK,
	CONTENT_VDI,
	CONTENT_VHDX,
	/* Archives. */
	CONTENT_TAR,
	CONTENT_GZIP,
	CONTENT_XZ,
	CONTENT_ZSTD,
	CONTENT_BZIP2,
	/* What boots. */
	CONTENT_ELF,
	CONTENT_BZIMAGE,
	CONTENT_FIT,
};

#define CONTENT_UUID_TEXT 37 /* bytes of a UUID as text, with its end */

/* What begins at byte offset of fd, which can be read by pread. */
enum content content_probe(int fd, uint64_t offset);
/* "ext4", "GPT", "qcow2"; "unknown". */
const char *content_name(enum content content);
/* A disk, or a file system: what a guest can have as a disk. */
bool content_is_disk(enum content content);
/* Whether tar reads it. */
bool content_is_archive(enum content content);
/* The UUID of the ext4 file system at offset, as text; false when it has none. */
bool content_ext_uuid(int fd, uint64_t offset, char text[CONTENT_UUID_TEXT]);
