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

#define BLOCK_CLASS "/sys/class/block"

#define EXT4_MAGIC_OFFSET 0x38
#define EXT4_MAGIC        0xEF53u
#define EXT4_UUID_OFFSET  0x68
#define EXT4_LABEL_OFFSET 0x78

#define EROFS_MAGIC_OFFSET 0
#define EROFS_MAGIC        0xE0F5E1E2u
#define EROFS_UUID_OFFSET  48
#define EROFS_LABEL_OFFSET 64

#define UUID_SIZE  16
#define LABEL_SIZE 16

static uint32_t le32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static void uuid_format(const uint8_t *uuid, char *text)
{
	for (int i = 0; i < UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		text += sprintf(text, "%02x", uuid[i]);
	}
}

bool superblock_parse(const uint8_t *bytes, struct superblock *superblock)
{
	const uint8_t *uuid, *label;

	if ((le32(bytes + EXT4_MAGIC_OFFSET) & 0xffff) == EXT4_MAGIC) {
		superblock->type = "ext4";
		uuid = bytes + EXT4_UUID_OFFSET;
		label = bytes + EXT4_LABEL_OFFSET;
	} else if (le32(bytes + EROFS_MAGIC_OFFSET) == EROFS_MAGIC) {
		superblock->type = "erofs";
		uuid = bytes + EROFS_UUID_OFFSET;
		label = bytes + EROFS_LABEL_OFFSET;
	} else {
		return false;
	}
	uuid_format(uuid, superblock->uuid);
	memcpy(superblock->label, label, LABEL_SIZE);
	superblock->label[LABEL_SIZE] = '\0';
	return true;
}

bool superblock_read(const char *device, struct superblock *superblock)
{
	AUTO_CLOSE int fd = open(device, O_RDONLY | O_CLOEXEC);
	uint8_t bytes[SUPERBLOCK_SIZE];

	return fd >= 0 && pread(fd, bytes, sizeof(bytes), SUPERBLOCK_OFFSET) == (ssize_t)sizeof(bytes) &&
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
	} kinds[] = {
		{"LABEL=", has_label},
		{"UUID=", has_uuid},
		{"/dev/disk/by-label/", has_label},
		{"/dev/disk/by-uuid/", has_uuid},
		{"/dev/disk/by-id/virtio-", has_serial},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t length = strlen(kinds[i].prefix);

		if (!strncmp(spec, kinds[i].prefix, length))
			return device_search(kinds[i].test, spec + length, path, size);
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
