#include "rinit/partition.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "rinit/file.h"

#define MBR_SIZE         512
#define MBR_SIGNATURE_AT 0x1B8
#define MBR_TYPE_AT      0x1C2 /* of the first partition */
#define MBR_TYPE_GPT     0xEE

#define GPT_HEADER_SIZE      92
#define GPT_ENTRIES_AT       72 /* in the header: the first entry's sector, their count, the size of one */
#define GPT_ENTRY_COUNT_AT   80
#define GPT_ENTRY_SIZE_AT    84
#define GPT_ENTRY_GUID_AT    16
#define GPT_ENTRY_SIZE_LIMIT 4096

static uint32_t le32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

bool partition_mbr_is_protective(const uint8_t *mbr)
{
	return mbr[MBR_TYPE_AT] == MBR_TYPE_GPT;
}

bool partition_gpt_entry(const uint8_t *header, unsigned int number, uint64_t sector_size, uint64_t *at)
{
	uint64_t first =
		le32(header + GPT_ENTRIES_AT); /* the high half is zero on every disk: it is sector 2 */
	uint64_t size = le32(header + GPT_ENTRY_SIZE_AT);

	if (memcmp(header, "EFI PART", 8) != 0 || !number || number > le32(header + GPT_ENTRY_COUNT_AT) ||
	    size < 128 || size > GPT_ENTRY_SIZE_LIMIT)
		return false;
	*at = first * sector_size + (number - 1) * size + GPT_ENTRY_GUID_AT;
	return true;
}

void partition_guid_format(const uint8_t *guid, char uuid[PARTITION_UUID_MAX])
{
	static const uint8_t order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	for (int i = 0; i < 16; i++)
		uuid += sprintf(uuid, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
				guid[order[i]]);
}

bool partition_label(const char *name, char *label, size_t size)
{
	char path[320], text[1024];
	const char *at;

	snprintf(path, sizeof(path), "/sys/class/block/%s/uevent", name);
	if (file_read(path, text, sizeof(text)) <= 0)
		return false;
	at = strstr(text, "PARTNAME=");
	if (!at)
		return false;
	at += strlen("PARTNAME=");
	snprintf(label, size, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

/* The partition's number; 0 when it is a whole disk. disk gets the name of the disk that it is on. */
static unsigned int partition_number(const char *name, char *disk, size_t size)
{
	char path[320], number[16], link[PATH_MAX];
	ssize_t length;
	char *slash;

	snprintf(path, sizeof(path), "/sys/class/block/%s/partition", name);
	if (file_read_line(path, number, sizeof(number)) <= 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	length = readlink(path, link, sizeof(link) - 1); /* ../../devices/.../block/vda/vda1 */
	link[length < 0 ? 0 : length] = '\0';
	slash = strrchr(link, '/');
	if (!slash)
		return 0;
	*slash = '\0';
	slash = strrchr(link, '/');
	if (!slash || (size_t)snprintf(disk, size, "%s", slash + 1) >= size)
		return 0;
	return (unsigned int)strtoul(number, NULL, 10);
}

static uint64_t sector_size(const char *disk)
{
	char path[320], size[16];

	snprintf(path, sizeof(path), "/sys/class/block/%s/queue/logical_block_size", disk);
	return file_read_line(path, size, sizeof(size)) > 0 ? strtoul(size, NULL, 10) : 512;
}

static bool read_at(int fd, void *bytes, size_t size, uint64_t at)
{
	return pread(fd, bytes, size, (off_t)at) == (ssize_t)size;
}

bool partition_uuid(const char *name, char uuid[PARTITION_UUID_MAX])
{
	char disk[256], path[264];
	uint8_t bytes[MBR_SIZE];
	unsigned int number = partition_number(name, disk, sizeof(disk));
	uint64_t at, sector;
	AUTO_CLOSE int fd = -1;

	if (!number)
		return false;
	snprintf(path, sizeof(path), "/dev/%s", disk);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !read_at(fd, bytes, MBR_SIZE, 0))
		return false;
	if (!partition_mbr_is_protective(bytes)) {
		snprintf(uuid, PARTITION_UUID_MAX, "%08x-%02x", le32(bytes + MBR_SIGNATURE_AT), number);
		return true;
	}
	sector = sector_size(disk);
	if (!read_at(fd, bytes, GPT_HEADER_SIZE, sector) ||
	    !partition_gpt_entry(bytes, number, sector, &at) || !read_at(fd, bytes, 16, at))
		return false;
	partition_guid_format(bytes, uuid);
	return true;
}
