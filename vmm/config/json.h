/*
 * Strict reading of JSON objects: every value is fetched with its type and range, every key that nobody
 * fetches is an error. Errors name the file and the place: "server.json: disks[1].read_only: must be true or
 * false", and as a JSON pointer in the error's pointer: "/disks/1/read_only".
 *
 * A struct json_place is one object in a document; it lives on the stack and refers to the cJSON tree.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct json_place {
	const char *source; /* the file's name */
	char path[128];     /* "" for the root, "disks[1]." below */
	const cJSON *object;
	struct error *err;
};

/* Parses text strictly (nothing may follow the value) and demands an object. The caller frees *root
 * (cJSON_Delete). */
int json_parse(const char *source, const char *text, cJSON **root, struct json_place *place,
	       struct error *err);

/* Fails on any key of the object that is not in keys (ends with NULL), and on a key that comes twice. */
int json_keys(const struct json_place *place, const char *const *keys);

/* Each leaves *value as it is when the key is absent, so that the caller sets the default first. Strings are
 * copied; what *value pointed to is freed. An empty string is refused. */
int json_string(const struct json_place *place, const char *key, char **value);
/* A path: made absolute against folder, in the document too, so that it says the same wherever it is kept. */
int json_path(const struct json_place *place, const char *key, const char *folder, char **path);
int json_signed(const struct json_place *place, const char *key, int64_t min, int64_t max, int64_t *value);
int json_uint(const struct json_place *place, const char *key, uint64_t min, uint64_t max, uint64_t *value);
/* With a fraction; *value becomes hundredths, rounded down. */
int json_hundredths(const struct json_place *place, const char *key, unsigned min, unsigned max,
		    unsigned *value);
int json_bool(const struct json_place *place, const char *key, bool *value);
/* One word of words (ends with NULL); *value becomes its index. */
int json_word(const struct json_place *place, const char *key, const char *const *words, unsigned *value);
/* An object below; inner->object is NULL when the key is absent. */
int json_object(const struct json_place *place, const char *key, struct json_place *inner);
/* An array of at most max; *count is 0 when absent. */
int json_array(const struct json_place *place, const char *key, unsigned max, const cJSON **array,
	       unsigned *count);
/* Element index of an array: an object. */
int json_array_object(const struct json_place *place, const char *key, const cJSON *array, unsigned index,
		      struct json_place *inner);

/* An error at a key of this place; returns -EINVAL. */
int json_error(const struct json_place *place, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
