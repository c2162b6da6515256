#include "vmm/config/filesystem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_SIZE     128
#define QUEUE_SIZE_MIN 16

static const char *const cache_words[] = {"auto", "always", "none", NULL};

const char *filesystem_cache_word(enum filesystem_cache cache)
{
	return cache_words[cache];
}

/* --- Names, which become words of the guest's kernel's command line --- */

static bool word_valid(const char *word, size_t max)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < len; i++) {
		if (!isgraph((unsigned char)word[i]) || strchr(":,\"'\\", word[i]))
			return false;
	}
	return len > 0 && len <= max;
}

/* For domain XML has to say it, too. */
static bool has_control(const char *path)
{
	for (; *path; path++) {
		if (iscntrl((unsigned char)*path))
			return true;
	}
	return false;
}

/* No other way to write it, and not the root. */
static bool mount_valid(const char *mount)
{
	size_t len = strlen(mount);

	return word_valid(mount, FILESYSTEM_MOUNT_MAX) && mount[0] == '/' && mount[len - 1] != '/' &&
	       !strstr(mount, "//") && !strstr(mount, "/./") && !strstr(mount, "/../") &&
	       strcmp(strrchr(mount, '/'), "/.") != 0 && strcmp(strrchr(mount, '/'), "/..") != 0;
}

static int read_names(const struct json_place *place, const char *folder,
		      struct filesystem_definition *filesystem)
{
	int code;

	if ((code = json_path(place, "path", folder, &filesystem->path)) < 0 ||
	    (code = json_string(place, "tag", &filesystem->tag)) < 0 ||
	    (code = json_string(place, "mount", &filesystem->mount)) < 0)
		return code;
	if (filesystem->path && has_control(filesystem->path))
		return json_error(place, "path", "must have no control characters");
	if (filesystem->mount && !mount_valid(filesystem->mount))
		return json_error(
			place, "mount",
			"must be an absolute path of the guest, at most %d bytes, without blanks, quotes, "
			"\"\\\", \":\", \",\", and no / at its end",
			FILESYSTEM_MOUNT_MAX);
	if (filesystem->tag && !word_valid(filesystem->tag, FILESYSTEM_TAG_MAX))
		return json_error(place, "tag",
				  "must have 1 to %d bytes, without blanks, quotes, \"\\\", \":\" and \",\"",
				  FILESYSTEM_TAG_MAX);
	return 0;
}

static int check_names(const struct json_place *place, const struct filesystem_definition *filesystem)
{
	if (!filesystem->path)
		return json_error(place, "path", "is missing: which directory of the host?");
	if (!filesystem->tag)
		return json_error(place, "tag", "is missing: by which name does the guest mount it?");
	return 0;
}

static int read_queue_size(const struct json_place *place, struct filesystem_definition *filesystem)
{
	uint64_t size = QUEUE_SIZE;
	int code = json_uint(place, "queue_size", QUEUE_SIZE_MIN, FILESYSTEM_QUEUE_MAX, &size);

	if (code == 0 && (size & (size - 1)))
		code = json_error(place, "queue_size", "must be a power of two from %d to %d", QUEUE_SIZE_MIN,
				  FILESYSTEM_QUEUE_MAX);
	filesystem->queue_size = (unsigned)size;
	return code;
}

static int read_daemon(const struct json_place *place, struct filesystem_definition *filesystem)
{
	unsigned cache = FILESYSTEM_CACHE_AUTO;
	uint64_t threads = 0;
	int code;

	if ((code = json_bool(place, "read_only", &filesystem->read_only)) < 0 ||
	    (code = json_word(place, "cache", cache_words, &cache)) < 0 ||
	    (code = json_bool(place, "xattr", &filesystem->xattr)) < 0 ||
	    (code = json_bool(place, "posix_lock", &filesystem->posix_lock)) < 0 ||
	    (code = json_bool(place, "flock", &filesystem->flock)) < 0 ||
	    (code = json_uint(place, "thread_pool", 0, FILESYSTEM_THREAD_POOL_MAX, &threads)) < 0)
		return code;
	filesystem->cache = (enum filesystem_cache)cache;
	filesystem->thread_pool = (unsigned)threads;
	return 0;
}

static int read_filesystem(const struct json_place *place, const char *folder,
			   struct filesystem_definition *filesystem)
{
	static const char *const keys[] = {"path",        "tag",        "mount",      "read_only",
					   "cache",       "xattr",      "posix_lock", "flock",
					   "thread_pool", "queue_size", "driver",     NULL};
	int code;

	if ((code = json_keys(place, keys)) < 0 || (code = read_names(place, folder, filesystem)) < 0 ||
	    (code = read_daemon(place, filesystem)) < 0 || (code = read_queue_size(place, filesystem)) < 0 ||
	    (code = virtio_driver_read(place, &filesystem->driver)) < 0)
		return code;
	return check_names(place, filesystem);
}

/* Two of one tag could not be told apart, and of two in one place one would be hidden. */
static int check_others(const struct json_place *place, const struct filesystem_definitions *definitions,
			unsigned index)
{
	const struct filesystem_definition *its = &definitions->list[index];

	for (unsigned i = 0; i < index; i++) {
		const struct filesystem_definition *other = &definitions->list[i];

		if (strcmp(its->tag, other->tag) == 0)
			return json_error(place, "tag", "\"%s\" is another filesystem's, too", its->tag);
		if (its->mount && other->mount && strcmp(its->mount, other->mount) == 0)
			return json_error(place, "mount", "%s is another filesystem's, too", its->mount);
	}
	return 0;
}

int filesystem_definitions_read(const struct json_place *root, const char *folder,
				struct filesystem_definitions *definitions)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(root, "filesystems", FILESYSTEMS_MAX, &array, &count);

	for (unsigned i = 0; code == 0 && i < count; i++) {
		struct json_place place;

		definitions->count = i + 1; /* what it has by now is freed */
		code = json_array_object(root, "filesystems", array, i, &place);
		if (code == 0)
			code = read_filesystem(&place, folder, &definitions->list[i]);
		if (code == 0)
			code = check_others(&place, definitions, i);
	}
	return code;
}

void filesystem_definitions_free(struct filesystem_definitions *definitions)
{
	for (unsigned i = 0; i < definitions->count; i++) {
		free(definitions->list[i].path);
		free(definitions->list[i].tag);
		free(definitions->list[i].mount);
	}
}
