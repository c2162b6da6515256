#include "rinit/device.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/partition.h"

#define BLOCK_CLASS "/sys/class/block"

#define UUID_SIZE 16

/* Where in the bytes each kind has what; the stricter magic numbers first. */
static const struct superblock_kind {
	const char *type, *magic;
	uint16_t magic_at, uuid_at, label_at;
	uint8_t magic_size, label_size;
} kinds[] = {
	{"ext4", "\x53\xEF", 0x438, 0x468, 0x478, 2, 16},
	{"erofs", "\xE2\xE1\xF5\xE0", 0x400, 0x430, 0x440, 4, 16},
	{"xfs", "XFSB", 0, 0x20, 0x6C, 4, 12},
	{"btrfs", "_BHRfS_M", SUPERBLOCK_HEAD + 0x40, SUPERBLOCK_HEAD + 0x20, SUPERBLOCK_HEAD + 0x12B, 8, 63},
	{"swap", "SWAPSPACE2", 4086, 0x40C, 0x41C, 10, 16},
	{"vfat", "FAT32   ", 0x52, 0x43, 0x47, 8, 11},
	{"vfat", "FAT16   ", 0x36, 0x27, 0x2B, 8, 11},
	{"vfat", "FAT12   ", 0x36, 0x27, 0x2B, 8, 11},
};

static void uuid_format(const uint8_t *uuid, char *text)
{
	for (int i = 0; i < UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		text += sprintf(text, "%02x", uuid[i]);
	}
}

/* vfat's serial number in place of an UUID; its label is filled up with blanks. */
static void vfat_finish(const uint8_t *serial, struct superblock *superblock)
{
	sprintf(superblock->uuid, "%02X%02X-%02X%02X", serial[3], serial[2], serial[1], serial[0]);
	for (size_t i = strlen(superblock->label); i && superblock->label[i - 1] == ' ';)
		superblock->label[--i] = '\0';
}

bool superblock_parse(const uint8_t *bytes, struct superblock *superblock)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct superblock_kind *kind = &kinds[i];

		if (memcmp(bytes + kind->magic_at, kind->magic, kind->magic_size) != 0)
			continue;
		superblock->type = kind->type;
		memcpy(superblock->label, bytes + kind->label_at, kind->label_size);
		superblock->label[kind->label_size] = '\0';
		if (!strcmp(kind->type, "vfat"))
			vfat_finish(bytes + kind->uuid_at, superblock);
		else
			uuid_format(bytes + kind->uuid_at, superblock->uuid);
		return true;
	}
	return false;
}

bool superblock_read(const char *device, struct superblock *superblock)
{
	AUTO_CLOSE int fd = open(device, O_RDONLY | O_CLOEXEC);
	uint8_t bytes[SUPERBLOCK_SIZE] = {0};

	if (fd < 0 || pread(fd, bytes, SUPERBLOCK_HEAD, 0) != SUPERBLOCK_HEAD)
		return false;
	/* A small device has no room for btrfs: there is just nothing then. */
	return pread(fd, bytes + SUPERBLOCK_HEAD, SUPERBLOCK_SIZE - SUPERBLOCK_HEAD, SUPERBLOCK_BTRFS) >= 0 &&
	       superblock_parse(bytes, superblock);
}

/* ---- looking for one among all ---- */

typedef bool device_test(const char *name, const char *wanted); /* name: as in /sys/class/block */

static bool has_label(const char *name, const char *wanted)
{
	struct superblock superblock;
	char path[288];

	snprintf(path, sizeof(path), "/dev/%s", name);
	return superblock_read(path, &superblock) && !strcmp(superblock.label, wanted);
}

static bool has_uuid(const char *name, const char *wanted)
{
	struct superblock superblock;
	char path[288];

	snprintf(path, sizeof(path), "/dev/%s", name);
	return superblock_read(path, &superblock) && !strcasecmp(superblock.uuid, wanted);
}

static bool has_partition_label(const char *name, const char *wanted)
{
	char label[PARTITION_LABEL_MAX];

	return partition_label(name, label, sizeof(label)) && !strcmp(label, wanted);
}

static bool has_partition_uuid(const char *name, const char *wanted)
{
	char uuid[PARTITION_UUID_MAX];

	return partition_uuid(name, uuid) && !strcasecmp(uuid, wanted);
}

static bool has_serial(const char *name, const char *wanted)
{
	char path[320], serial[64];

	snprintf(path, sizeof(path), BLOCK_CLASS "/%s/serial", name);
	return file_read_line(path, serial, sizeof(serial)) > 0 && !strcmp(serial, wanted);
}

/* A loop or ram disk with nothing in it has no size. */
static bool has_size(const char *name, const char *wanted)
{
	char path[320], size[32];

	(void)wanted;
	snprintf(path, sizeof(path), BLOCK_CLASS "/%s/size", name);
	return file_read_line(path, size, sizeof(size)) > 0 && strcmp(size, "0") != 0;
}

static bool device_search(device_test *test, const char *wanted, char *path, size_t size)
{
	DIR *folder = opendir(BLOCK_CLASS);
	const struct dirent *entry;
	bool found = false;

	while (folder && !found && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.' || !has_size(entry->d_name, NULL))
			continue;
		found = test(entry->d_name, wanted);
		snprintf(path, size, "/dev/%s", entry->d_name);
	}
	if (folder)
		closedir(folder);
	return found;
}

static bool is_block_device(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISBLK(status.st_mode);
}

bool device_find(const char *spec, char *path, size_t size)
{
	static const struct {
		const char *prefix;
		device_test *test;
	} names[] = {
		{"LABEL=", has_label},
		{"UUID=", has_uuid},
		{"/dev/disk/by-label/", has_label},
		{"/dev/disk/by-uuid/", has_uuid},
		{"PARTLABEL=", has_partition_label},
		{"PARTUUID=", has_partition_uuid},
		{"/dev/disk/by-partlabel/", has_partition_label},
		{"/dev/disk/by-partuuid/", has_partition_uuid},
		{"/dev/disk/by-id/virtio-", has_serial},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t length = strlen(names[i].prefix);

		if (!strncmp(spec, names[i].prefix, length))
			return device_search(names[i].test, spec + length, path, size);
	}
	snprintf(path, size, "%s", spec);
	return is_block_device(path);
}

void device_list(char *text, size_t size)
{
	DIR *folder = opendir(BLOCK_CLASS);
	const struct dirent *entry;
	size_t used = 0;

	snprintf(text, size, "none");
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.' || !has_size(entry->d_name, NULL) || used >= size)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", entry->d_name);
	}
	if (folder)
		closedir(folder);
}
