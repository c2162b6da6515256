/* Values of a definition by dotted keys ("kernel.path") and by JSON pointers (RFC 6901: "/disks/0/id"). */
#pragma once

#include <cjson/cJSON.h>

/* NULL: it is not there. */
cJSON *json_key_get(const cJSON *object, const char *key);
/* Takes value over, whatever it returns. 0, -EEXIST: it is there already, -ENOMEM. Objects on the way are
 * made. */
int json_key_set(cJSON *object, const char *key, cJSON *value);

/* Replaces or makes the value (taken over), or removes it with NULL. -ENOENT: the way there is not. */
int json_pointer_set(cJSON *root, const char *pointer, cJSON *value);
