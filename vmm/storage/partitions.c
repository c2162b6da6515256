#include "vmm/storage/partitions.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/storage/program.h"

#define SECONDS_MAX  20
#define MEMORY_MAX   MIB(512)
#define SECTOR_SMALL 512
#define SECTOR_LARGE 4096
#define NUMBER_MAX   1e15 /* sectors: more than any disk, less than loses digits */

static bool number_of(const cJSON *object, const char *key, uint64_t *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > NUMBER_MAX)
		return false;
	*value = (uint64_t)item->valuedouble;
	return true;
}

/* "/source12": 12; 0 when there is none. */
static unsigned node_number(const cJSON *entry)
{
	const cJSON *node = cJSON_GetObjectItemCaseSensitive(entry, "node");
	const char *text = cJSON_IsString(node) ? node->valuestring : "";
	size_t len = strlen(text);

	while (len > 0 && isdigit((unsigned char)text[len - 1]))
		len--;
	return (unsigned)strtoul(text + len, NULL, 10);
}

/* GPT partitions have their own; those of an MBR are named after the disk's and their number. */
static void find_uuid(const cJSON *table, const cJSON *entry, struct partition *partition)
{
	const cJSON *own = cJSON_GetObjectItemCaseSensitive(entry, "uuid");
	const cJSON *disk = cJSON_GetObjectItemCaseSensitive(table, "id");
	char *at;

	if (cJSON_IsString(own))
		snprintf(partition->uuid, sizeof(partition->uuid), "%s", own->valuestring);
	else if (cJSON_IsString(disk) && strncmp(disk->valuestring, "0x", 2) == 0)
		snprintf(partition->uuid, sizeof(partition->uuid), "%.8s-%02x", disk->valuestring + 2,
			 partition->number & 0xff);
	for (at = partition->uuid; *at; at++) {
		*at = (char)tolower((unsigned char)*at);
		if (!isxdigit((unsigned char)*at) && *at != '-') {
			partition->uuid[0] = '\0'; /* it goes into a command line */
			return;
		}
	}
}

static int read_entry(const char *about, const cJSON *table, const cJSON *entry, uint64_t sector,
		      uint64_t disk_size, struct partition *partition, struct error *err)
{
	uint64_t start, size;

	*partition = (struct partition){.number = node_number(entry)};
	if (!number_of(entry, "start", &start) || !number_of(entry, "size", &size))
		return error_set(err, -EINVAL, "%s: sfdisk does not say where partition %u is", about,
				 partition->number);
	partition->start = start * sector;
	partition->size = size * sector;
	if (partition->start > disk_size || partition->size > disk_size - partition->start)
		return error_set(err, -EINVAL,
				 "%s: partition %u reaches beyond the disk's end: the image is cut off",
				 about, partition->number);
	find_uuid(table, entry, partition);
	return 0;
}

static int read_table(const char *about, const cJSON *table, uint64_t disk_size,
		      struct partition list[PARTITIONS_MAX], unsigned *count, struct error *err)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(table, "partitions");
	uint64_t sector = SECTOR_SMALL;
	const cJSON *entry;

	number_of(table, "sectorsize", &sector);
	if (!cJSON_IsArray(array) || (sector != SECTOR_SMALL && sector != SECTOR_LARGE))
		return error_set(err, -EINVAL, "%s: has a partition table without partitions", about);
	cJSON_ArrayForEach(entry, array)
	{
		int code;

		if (*count == PARTITIONS_MAX)
			return error_set(err, -E2BIG, "%s: has more than %d partitions", about,
					 PARTITIONS_MAX);
		code = read_entry(about, table, entry, sector, disk_size, &list[*count], err);
		if (code < 0)
			return code;
		++*count;
	}
	return 0;
}

int partitions_parse(const char *about, const char *json, uint64_t disk_size,
		     struct partition list[PARTITIONS_MAX], unsigned *count, struct error *err)
{
	cJSON *root = cJSON_Parse(json);
	const cJSON *table = cJSON_GetObjectItemCaseSensitive(root, "partitiontable");
	int code;

	*count = 0;
	if (table)
		code = read_table(about, table, disk_size, list, count, err);
	else
		code = error_set(err, -EINVAL, "%s: sfdisk finds no partition table", about);
	cJSON_Delete(root);
	return code;
}

int partitions_read(const char *about, int disk, uint64_t disk_size, uint64_t deadline_ms,
		    struct partition list[PARTITIONS_MAX], unsigned *count, struct error *err)
{
	static const char *const argv[] = {"sfdisk", "--json", PROGRAM_SOURCE, NULL};
	struct program program = program_of(argv, "fdisk", about);
	AUTO_FREE char *text = NULL;
	int code;

	program.source = disk;
	program.seconds = SECONDS_MAX;
	program.deadline_ms = deadline_ms;
	program.memory_max = MEMORY_MAX;
	code = program_read(&program, &text, err);
	return code < 0 ? code : partitions_parse(about, text, disk_size, list, count, err);
}
