#include "vmm/storage/content.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

#define MAGIC_MAX       8
#define EXT_SUPERBLOCK  1024
#define EXT_UUID_OFFSET (EXT_SUPERBLOCK + 0x68)
#define MBR_SIGNATURE   510

struct magic {
	enum content content;
	uint32_t offset;
	uint8_t size;
	const char *bytes;
};

/* The first that fits is taken: a GPT disk has an MBR too, a bzImage bears an MBR's signature. */
static const struct magic magics[] = {
	{CONTENT_QCOW2, 0, 4, "QFI\xfb"},
	{CONTENT_VMDK, 0, 4, "KDMV"},
	{CONTENT_VDI, 64, 4, "\x7f\x10\xda\xbe"},
	{CONTENT_VHDX, 0, 8, "vhdxfile"},
	{CONTENT_ELF, 0, 4,
	 "\x7f"
	 "ELF"},
	{CONTENT_FIT, 0, 4, "\xd0\x0d\xfe\xed"},
	{CONTENT_BZIMAGE, 0x202, 4, "HdrS"},
	{CONTENT_GZIP, 0, 3, "\x1f\x8b\x08"},
	{CONTENT_XZ, 0, 6,
	 "\xfd"
	 "7zXZ\0"},
	{CONTENT_ZSTD, 0, 4, "\x28\xb5\x2f\xfd"},
	{CONTENT_BZIP2, 0, 3, "BZh"},
	{CONTENT_TAR, 257, 5, "ustar"},
	{CONTENT_GPT, 512, 8, "EFI PART"},
	{CONTENT_GPT, 4096, 8, "EFI PART"}, /* sectors of 4096 bytes */
	{CONTENT_EXT, EXT_SUPERBLOCK + 0x38, 2, "\x53\xef"},
	{CONTENT_XFS, 0, 4, "XFSB"},
	{CONTENT_BTRFS, 0x10040, 8, "_BHRfS_M"},
	{CONTENT_EROFS, 1024, 4, "\xe2\xe1\xf5\xe0"},
	{CONTENT_SQUASHFS, 0, 4, "hsqs"},
	{CONTENT_SWAP, 4086, 8, "SWAPSPAC"},
	{CONTENT_LVM, 512, 8, "LABELONE"},
	{CONTENT_LUKS, 0, 6, "LUKS\xba\xbe"},
	{CONTENT_ISO9660, 0x8001, 5, "CD001"},
	{CONTENT_FAT, 54, 4, "FAT1"},
	{CONTENT_FAT, 82, 5, "FAT32"},
	{CONTENT_MBR, MBR_SIGNATURE, 2, "\x55\xaa"},
};

static const char *const names[] = {
	[CONTENT_UNKNOWN] = "unknown", [CONTENT_EMPTY] = "empty",      [CONTENT_GPT] = "GPT",
	[CONTENT_MBR] = "MBR",         [CONTENT_EXT] = "ext4",         [CONTENT_XFS] = "XFS",
	[CONTENT_BTRFS] = "btrfs",     [CONTENT_EROFS] = "EROFS",      [CONTENT_SQUASHFS] = "squashfs",
	[CONTENT_FAT] = "FAT",         [CONTENT_SWAP] = "swap",        [CONTENT_LVM] = "LVM",
	[CONTENT_LUKS] = "LUKS",       [CONTENT_ISO9660] = "ISO 9660", [CONTENT_QCOW2] = "qcow2",
	[CONTENT_VMDK] = "VMDK",       [CONTENT_VDI] = "VDI",          [CONTENT_VHDX] = "VHDX",
	[CONTENT_TAR] = "tar",         [CONTENT_GZIP] = "gzip",        [CONTENT_XZ] = "xz",
	[CONTENT_ZSTD] = "zstd",       [CONTENT_BZIP2] = "bzip2",      [CONTENT_ELF] = "ELF",
	[CONTENT_BZIMAGE] = "bzImage", [CONTENT_FIT] = "boot image",
};

enum content content_probe(int fd, uint64_t offset)
{
	uint8_t bytes[MAGIC_MAX];
	bool empty = true;

	for (unsigned i = 0; i < ARRAY_SIZE(magics); i++) {
		const struct magic *magic = &magics[i];

		if (pread(fd, bytes, magic->size, (off_t)(offset + magic->offset)) != magic->size)
			continue;
		if (memcmp(bytes, magic->bytes, magic->size) == 0)
			return magic->content;
		for (unsigned at = 0; at < magic->size; at++)
			empty = empty && !bytes[at];
	}
	return empty ? CONTENT_EMPTY : CONTENT_UNKNOWN;
}

const char *content_name(enum content content)
{
	return names[content];
}

bool content_is_disk(enum content content)
{
	return content >= CONTENT_GPT && content <= CONTENT_ISO9660;
}

bool content_is_archive(enum content content)
{
	return content >= CONTENT_TAR && content <= CONTENT_BZIP2;
}

bool content_ext_uuid(int fd, uint64_t offset, char text[CONTENT_UUID_TEXT])
{
	static const uint8_t none[16];
	uint8_t uuid[16];
	unsigned used = 0;

	if (content_probe(fd, offset) != CONTENT_EXT ||
	    pread(fd, uuid, sizeof(uuid), (off_t)(offset + EXT_UUID_OFFSET)) != sizeof(uuid) ||
	    memcmp(uuid, none, sizeof(uuid)) == 0)
		return false;
	for (unsigned i = 0; i < sizeof(uuid); i++)
		used += (unsigned)snprintf(text + used, CONTENT_UUID_TEXT - used, "%s%02x",
					   i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	return true;
}
