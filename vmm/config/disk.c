#include "vmm/config/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "vmm/config/definition.h"

#define DISK_ID_MAX 20 /* VIRTIO_BLK_ID_BYTES */

#define BYTES_MIN      1024
#define OPERATIONS_MAX 1000000000
#define LENGTH_MAX     3600 /* seconds */

static const char *const cache_words[] = {"writeback", "writethrough", "none", "directsync", "unsafe", NULL};
static const char *const discard_words[] = {"ignore", "unmap", NULL};
static const char *const error_words[] = {"report", "stop", "ignore", NULL};
static const char *const io_words[] = {"auto", "io_uring", "threads", NULL};

void disk_definition_free(struct disk_definition *disk)
{
	free(disk->path);
	free(disk->image);
	free(disk->id);
	disk_source_free(&disk->source);
	*disk = (struct disk_definition){0};
}

bool disk_definition_direct(const struct disk_definition *disk)
{
	return disk->cache == DISK_CACHE_NONE || disk->cache == DISK_CACHE_DIRECTSYNC;
}

const char *disk_definition_name(const struct disk_definition *disk)
{
	if (disk->source.network)
		return disk->source.nbd.name;
	return disk->image ? disk->image : disk->path;
}

bool disk_definition_has_backend(const struct disk_definition *disk)
{
	return disk->source.format != DISK_FORMAT_RAW || disk->source.network || disk->source.transient;
}

static int read_source(const struct json_place *place, const char *folder, struct disk_definition *disk)
{
	int code;

	if ((code = disk_source_read(place, folder, &disk->source)) < 0 ||
	    (code = json_path(place, "path", folder, &disk->path)) < 0 ||
	    (code = json_string(place, "image", &disk->image)) < 0 ||
	    (code = json_string(place, "id", &disk->id)) < 0)
		return code;
	if (disk->path && disk->image)
		return json_error(place, "image", "and path exclude each other");
	if (disk->source.network && (disk->path || disk->image))
		return json_error(place, "source", "and %s exclude each other",
				  disk->path ? "path" : "image");
	if (!disk->path && !disk->image && !disk->source.network)
		return json_error(place, "path",
				  "is missing: which file or block device? (or image: one of the pool)");
	if (disk->image && !definition_name_valid(disk->image))
		return json_error(
			place, "image",
			"must be the name of an image of the pool: letters, digits, '-', '_' and '.'");
	if (disk->id && strlen(disk->id) > DISK_ID_MAX)
		return json_error(place, "id", "is longer than %u bytes", DISK_ID_MAX);
	return 0;
}

static int read_behaviour(const struct json_place *place, struct disk_definition *disk)
{
	unsigned cache = DISK_CACHE_WRITEBACK, discard = 0, errors = DISK_ERRORS_REPORT;
	int code;

	if ((code = json_bool(place, "read_only", &disk->read_only)) < 0 ||
	    (code = json_bool(place, "shareable", &disk->shareable)) < 0 ||
	    (code = json_word(place, "cache", cache_words, &cache)) < 0 ||
	    (code = json_word(place, "discard", discard_words, &discard)) < 0 ||
	    (code = json_word(place, "error_policy", error_words, &errors)) < 0)
		return code;
	disk->cache = (enum disk_cache)cache;
	disk->discard = discard;
	disk->errors = (enum disk_errors)errors;
	return 0;
}

static int read_engine(const struct json_place *place, struct disk_definition *disk)
{
	uint64_t queues = 1;
	unsigned io = DISK_IO_AUTO;
	int code;

	if ((code = json_word(place, "io", io_words, &io)) < 0 ||
	    (code = json_uint(place, "queues", 1, DISK_QUEUES_MAX, &queues)) < 0)
		return code;
	disk->io = (enum disk_io)io;
	disk->queues = (unsigned)queues;
	return 0;
}

static int read_block(const struct json_place *place, const char *key, unsigned max, unsigned *size)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);

	for (unsigned allowed = DISK_BLOCK_MIN; item && cJSON_IsNumber(item) && allowed <= max;
	     allowed *= 2) {
		if (item->valuedouble == allowed) {
			*size = allowed;
			return 0;
		}
	}
	return item ? json_error(place, key, "must be a power of two from %u to %u", DISK_BLOCK_MIN, max) : 0;
}

static int read_block_size(const struct json_place *place, struct disk_definition *disk)
{
	static const char *const keys[] = {"logical", "physical", NULL};
	struct json_place inner;
	int code = json_object(place, "block_size", &inner);

	if (code < 0 || !inner.object)
		return code;
	if ((code = json_keys(&inner, keys)) < 0 ||
	    (code = read_block(&inner, "logical", DISK_LOGICAL_BLOCK_MAX, &disk->logical_block)) < 0 ||
	    (code = read_block(&inner, "physical", DISK_PHYSICAL_BLOCK_MAX, &disk->physical_block)) < 0)
		return code;
	if (disk->physical_block && disk->physical_block < disk->logical_block)
		return json_error(&inner, "physical", "is less than logical");
	return 0;
}

/* KEY, KEY_max and KEY_max_length: for that many seconds that much more may come, and no faster. */
static int read_rate(const struct json_place *place, const char *const keys[3], uint64_t min, uint64_t max,
		     struct rate *rate)
{
	uint64_t length = 0;
	int code;

	if ((code = json_uint(place, keys[0], min, max, &rate->rate)) < 0 ||
	    (code = json_uint(place, keys[1], min, max, &rate->peak)) < 0 ||
	    (code = json_uint(place, keys[2], 1, LENGTH_MAX, &length)) < 0)
		return code;
	if (rate->peak && rate->peak <= rate->rate)
		return json_error(place, keys[1], "must be more than %s", keys[0]);
	if (rate->peak && !rate->rate)
		return json_error(place, keys[1], "needs %s: how much after the burst?", keys[0]);
	if (length && !rate->peak)
		return json_error(place, keys[2], "needs %s: how much in that time?", keys[1]);
	rate->burst = (rate->peak - MIN(rate->rate, rate->peak)) * MAX(length, 1U);
	return 0;
}

static int read_rates(const struct json_place *iotune, const char *key, struct rate *operations,
		      struct rate *bytes)
{
	static const char *const bytes_keys[] = {"bytes_sec", "bytes_sec_max", "bytes_sec_max_length"};
	static const char *const iops_keys[] = {"iops_sec", "iops_sec_max", "iops_sec_max_length"};
	const char *keys[] = {bytes_keys[0], bytes_keys[1], bytes_keys[2], iops_keys[0],
			      iops_keys[1],  iops_keys[2],  NULL};
	struct json_place place;
	int code = json_object(iotune, key, &place);

	if (code < 0 || !place.object || (code = json_keys(&place, keys)) < 0)
		return code;
	code = read_rate(&place, bytes_keys, BYTES_MIN, RATE_MAX, bytes);
	return code < 0 ? code : read_rate(&place, iops_keys, 1, OPERATIONS_MAX, operations);
}

static int read_iotune(const struct json_place *place, struct disk_definition *disk)
{
	static const char *const keys[] = {"total", "read", "write", NULL};
	struct disk_rates *operations = &disk->operations, *bytes = &disk->bytes;
	struct json_place inner;
	int code = json_object(place, "iotune", &inner);

	if (code < 0 || !inner.object)
		return code;
	if ((code = json_keys(&inner, keys)) < 0 ||
	    (code = read_rates(&inner, "total", &operations->total, &bytes->total)) < 0 ||
	    (code = read_rates(&inner, "read", &operations->read, &bytes->read)) < 0 ||
	    (code = read_rates(&inner, "write", &operations->write, &bytes->write)) < 0)
		return code;
	if (bytes->total.rate && (bytes->read.rate || bytes->write.rate))
		return json_error(&inner, "total.bytes_sec", "and that of read and write exclude each other");
	if (operations->total.rate && (operations->read.rate || operations->write.rate))
		return json_error(&inner, "total.iops_sec", "and that of read and write exclude each other");
	return 0;
}

/* What a disk that another program serves cannot be. */
static int check_backend(const struct json_place *place, const struct disk_definition *disk)
{
	if (!disk_definition_has_backend(disk))
		return cJSON_HasObjectItem(place->object, "reconnect")
			       ? json_error(
					 place, "reconnect",
					 "is for disks that another program serves: those with format, source or transient")
			       : 0;
	if (disk->io != DISK_IO_AUTO)
		return json_error(place, "io", "is for disks that no other program serves");
	if (disk->source.transient && disk->read_only)
		return json_error(place, "transient", "and read_only exclude each other");
	if (disk->shareable && !disk->read_only)
		return json_error(place, "shareable", "a disk that another program serves has one writer");
	return 0;
}

int disk_definition_read(const struct json_place *place, const char *folder, struct disk_definition *disk)
{
	static const char *const keys[] = {"path",    "image",   "id",           "read_only",  "shareable",
					   "cache",   "discard", "error_policy", "block_size", "iotune",
					   "driver",  "io",      "queues",       "format",     "source",
					   "backing", "secret",  "transient",    "reconnect",  NULL};
	int code;

	if ((code = json_keys(place, keys)) < 0 || (code = read_source(place, folder, disk)) < 0 ||
	    (code = read_behaviour(place, disk)) < 0 || (code = read_block_size(place, disk)) < 0 ||
	    (code = virtio_driver_read(place, &disk->driver)) < 0 || (code = read_engine(place, disk)) < 0)
		return code;
	code = check_backend(place, disk);
	return code < 0 ? code : read_iotune(place, disk);
}
