#include "vmm/cli/disk_change.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "vmm/cli/size.h"

#define KEY_MAX 32

static const char *const directions[] = {"total", "read", "write"};

bool disk_change_add(struct disk_change *change, bool bytes, const char *text)
{
	if (change->count == ARRAY_SIZE(change->limits))
		return false;
	change->limits[change->count].bytes = bytes;
	change->limits[change->count++].text = text;
	return true;
}

/* Bytes or operations of one direction, with what may come beyond for a while. */
static void drop_limit(cJSON *iotune, const char *direction, const char *unit)
{
	static const char *const suffixes[] = {"", "_max", "_max_length"};
	cJSON *object = cJSON_GetObjectItemCaseSensitive(iotune, direction);

	for (unsigned i = 0; object && i < ARRAY_SIZE(suffixes); i++) {
		char key[KEY_MAX];

		snprintf(key, sizeof(key), "%s_sec%s", unit, suffixes[i]);
		cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	}
	if (object && !object->child)
		cJSON_DeleteItemFromObjectCaseSensitive(iotune, direction);
}

static void add_limit(cJSON *iotune, const char *direction, const char *unit, uint64_t number)
{
	cJSON *object = cJSON_GetObjectItemCaseSensitive(iotune, direction);
	char key[KEY_MAX];

	if (!object)
		object = cJSON_AddObjectToObject(iotune, direction);
	snprintf(key, sizeof(key), "%s_sec", unit);
	cJSON_AddNumberToObject(object, key, (double)number);
}

static int set_limit(cJSON *iotune, bool bytes, const char *text, struct error *err)
{
	const char *unit = bytes ? "bytes" : "iops";
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(directions[0]);
	const char *direction = equals ? text : directions[0];
	uint64_t number;
	unsigned chosen = 0;

	while (chosen < ARRAY_SIZE(directions) &&
	       (strlen(directions[chosen]) != length || strncmp(directions[chosen], direction, length) != 0))
		chosen++;
	if (chosen == ARRAY_SIZE(directions) || !size_parse(equals ? equals + 1 : text, &number))
		return error_set(err, -EINVAL, "--%s: must be [read=|write=|total=]NUMBER, 0 for no limit",
				 unit);
	for (unsigned i = 0; i < ARRAY_SIZE(directions); i++) {
		if (i == chosen || (number && (i == 0 || chosen == 0)))
			drop_limit(iotune, directions[i], unit);
	}
	if (number)
		add_limit(iotune, directions[chosen], unit, number);
	return 0;
}

int disk_change_apply(const struct disk_change *change, cJSON *disk, struct error *err)
{
	cJSON *iotune = cJSON_GetObjectItemCaseSensitive(disk, "iotune");
	int code = 0;

	if (!iotune)
		iotune = cJSON_AddObjectToObject(disk, "iotune");
	for (unsigned i = 0; i < change->count && code == 0; i++)
		code = set_limit(iotune, change->limits[i].bytes, change->limits[i].text, err);
	if (!iotune->child)
		cJSON_DeleteItemFromObjectCaseSensitive(disk, "iotune");
	return code;
}
