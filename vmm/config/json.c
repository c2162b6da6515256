#include "vmm/config/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/config/file.h"
#include "vmm/config/json_memory.h"
#include "common/util.h"
#include "vmm/config/nearest.h"

#define KEYS_MAX 48

/*
 * "disks[1]." and "read_only" as "/disks/1/read_only" (RFC 6901). literal: the key is the document's own
 * word, with whatever is in it; else "total.rate" is two. What a pointer's syntax takes for itself is
 * escaped. One that does not fit is none: half of it would be another place.
 */
static void pointer_set(struct error *err, const char *path, const char *key, bool literal)
{
	size_t used = 0;

	if (!err || strlen(path) + 2 * strlen(key) + 3 > sizeof(err->pointer))
		return;
	err->pointer[used++] = '/';
	for (; *path; path++) {
		if (*path != ']')
			err->pointer[used++] = *path == '.' || *path == '[' ? '/' : *path;
	}
	if (!*key && !literal)
		used--; /* the place itself */
	for (; *key; key++) {
		bool escaped = *key == '~' || *key == '/';

		err->pointer[used++] = escaped ? '~' : *key == '.' && !literal ? '/' : *key;
		if (escaped)
			err->pointer[used++] = *key == '~' ? '0' : '1';
	}
	err->pointer[used] = '\0';
}

int json_error(const struct json_place *place, const char *key, const char *format, ...)
{
	char what[256];
	va_list args;
	int code;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	code = error_set(place->err, -EINVAL, "%s: %s%s: %s", place->source, place->path, key, what);
	pointer_set(place->err, place->path, key, false);
	return code;
}

/* The line of a position in text, counted from 1. */
static unsigned line_of(const char *text, const char *position)
{
	unsigned line = 1;

	for (; text < position && *text; text++)
		line += *text == '\n';
	return line;
}

int json_parse(const char *source, const char *text, cJSON **root, struct json_place *place,
	       struct error *err)
{
	const char *end = NULL;

	json_memory_missed();
	*root = cJSON_ParseWithOpts(text, &end, true);
	if (!*root && json_memory_missed())
		return error_set(err, -ENOMEM, "%s: out of memory", source);
	if (!*root)
		return error_set(err, -EINVAL, "%s: line %u is not valid JSON", source,
				 end ? line_of(text, end) : 1);
	*place = (struct json_place){.source = source, .object = *root, .err = err};
	if (!cJSON_IsObject(*root))
		return error_set(err, -EINVAL, "%s: must be a JSON object: { ... }", source);
	return 0;
}

/* The key is the document's own word. */
static int refuse_key(const struct json_place *place, const char *key, bool twice, const char *const *keys)
{
	const char *nearest = twice ? NULL : nearest_word(key, keys);

	if (twice)
		json_error(place, key, "is given twice");
	else if (nearest)
		json_error(place, key, "is not a known key, did you mean \"%s\"?", nearest);
	else
		json_error(place, key, "is not a known key");
	pointer_set(place->err, place->path, key, true);
	return -EINVAL;
}

int json_keys(const struct json_place *place, const char *const *keys)
{
	bool seen[KEYS_MAX] = {0};
	const cJSON *item;

	cJSON_ArrayForEach(item, place->object)
	{
		unsigned i = 0;

		while (keys[i] && strcmp(keys[i], item->string) != 0)
			i++;
		if (keys[i] && !seen[i]) {
			seen[i] = true;
			continue;
		}
		return refuse_key(place, item->string, keys[i] != NULL, keys);
	}
	return 0;
}

int json_string(const struct json_place *place, const char *key, char **value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);
	char *copy;

	if (!item)
		return 0;
	if (!cJSON_IsString(item) || !*item->valuestring)
		return json_error(place, key, "must be a string that is not empty");
	copy = strdup(item->valuestring);
	if (!copy)
		return error_set(place->err, -ENOMEM, "%s: out of memory", place->source);
	free(*value);
	*value = copy;
	return 0;
}

int json_path(const struct json_place *place, const char *key, const char *folder, char **path)
{
	AUTO_FREE char *relative = NULL;
	int code = json_string(place, key, &relative);

	if (code < 0 || !relative)
		return code;
	free(*path);
	*path = file_path_join(folder, relative);
	if (!*path || !cJSON_SetValuestring(cJSON_GetObjectItemCaseSensitive(place->object, key), *path))
		return error_set(place->err, -ENOMEM, "%s: out of memory", place->source);
	return 0;
}

int json_signed(const struct json_place *place, const char *key, int64_t min, int64_t max, int64_t *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);

	if (!item)
		return 0;
	if (!cJSON_IsNumber(item) || !number_is_whole(item->valuedouble) || item->valuedouble < (double)min ||
	    item->valuedouble > (double)max)
		return json_error(place, key, "must be a whole number from %lld to %lld", (long long)min,
				  (long long)max);
	*value = (int64_t)item->valuedouble;
	return 0;
}

int json_uint(const struct json_place *place, const char *key, uint64_t min, uint64_t max, uint64_t *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);

	if (!item)
		return 0;
	if (!cJSON_IsNumber(item) || !number_is_whole(item->valuedouble) || item->valuedouble < (double)min ||
	    item->valuedouble > (double)max)
		return json_error(place, key, "must be a whole number from %llu to %llu",
				  (unsigned long long)min, (unsigned long long)max);
	*value = (uint64_t)item->valuedouble;
	return 0;
}

int json_hundredths(const struct json_place *place, const char *key, unsigned min, unsigned max,
		    unsigned *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);

	if (!item)
		return 0;
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= min && item->valuedouble <= max))
		return json_error(place, key, "must be a number from %u to %u", min, max);
	/* 1.15 is a little less than 1.15: it is not to become 114. */
	*value = (unsigned)(item->valuedouble * 100 + 1e-6);
	return 0;
}

int json_bool(const struct json_place *place, const char *key, bool *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);

	if (!item)
		return 0;
	if (!cJSON_IsBool(item))
		return json_error(place, key, "must be true or false");
	*value = cJSON_IsTrue(item);
	return 0;
}

int json_word(const struct json_place *place, const char *key, const char *const *words, unsigned *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);
	char allowed[160] = "";

	if (!item)
		return 0;
	for (unsigned i = 0; words[i]; i++) {
		size_t used = strlen(allowed);

		if (cJSON_IsString(item) && strcmp(item->valuestring, words[i]) == 0) {
			*value = i;
			return 0;
		}
		snprintf(allowed + used, sizeof(allowed) - used, "%s\"%s\"", i ? ", " : "", words[i]);
	}
	return json_error(place, key, "must be one of %s", allowed);
}

int json_object(const struct json_place *place, const char *key, struct json_place *inner)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);

	*inner = (struct json_place){.source = place->source, .object = item, .err = place->err};
	if (!item)
		return 0;
	if (!cJSON_IsObject(item))
		return json_error(place, key, "must be an object: { ... }");
	snprintf(inner->path, sizeof(inner->path), "%s%s.", place->path, key);
	return 0;
}

int json_array(const struct json_place *place, const char *key, unsigned max, const cJSON **array,
	       unsigned *count)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(place->object, key);

	*array = item;
	*count = 0;
	if (!item)
		return 0;
	if (!cJSON_IsArray(item))
		return json_error(place, key, "must be an array: [ ... ]");
	*count = (unsigned)cJSON_GetArraySize(item);
	if (*count > max)
		return json_error(place, key, "has %u elements, at most %u are possible", *count, max);
	return 0;
}

int json_array_object(const struct json_place *place, const char *key, const cJSON *array, unsigned index,
		      struct json_place *inner)
{
	const cJSON *item = cJSON_GetArrayItem(array, (int)index);

	*inner = (struct json_place){.source = place->source, .object = item, .err = place->err};
	snprintf(inner->path, sizeof(inner->path), "%s%s[%u].", place->path, key, index);
	if (!cJSON_IsObject(item)) {
		error_set(place->err, -EINVAL, "%s: %s%s[%u]: must be an object: { ... }", place->source,
			  place->path, key, index);
		pointer_set(place->err, inner->path, "", false);
		return -EINVAL;
	}
	return 0;
}
