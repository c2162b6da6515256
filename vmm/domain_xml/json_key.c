#include "vmm/domain_xml/json_key.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/convert.h"

#define KEY_MAX 64

/* The part up to the next dot; false: longer than any key. */
static bool first_part(const char *key, char part[KEY_MAX])
{
	size_t len = strcspn(key, ".");

	if (len >= KEY_MAX)
		return false;
	memcpy(part, key, len);
	part[len] = '\0';
	return true;
}

cJSON *json_key_get(const cJSON *object, const char *key)
{
	char part[KEY_MAX];
	cJSON *value = NULL;

	while (first_part(key, part)) {
		value = cJSON_GetObjectItemCaseSensitive(object, part);
		key += strlen(part);
		if (!value || !*key)
			return value;
		object = value;
		key++;
	}
	return NULL;
}

int json_key_set(cJSON *object, const char *key, cJSON *value)
{
	char part[KEY_MAX];
	int code = value ? 0 : -ENOMEM;

	while (code == 0 && first_part(key, part)) {
		cJSON *inner = cJSON_GetObjectItemCaseSensitive(object, part);

		key += strlen(part);
		if (!*key) {
			code = inner ? -EEXIST : cJSON_AddItemToObject(object, part, value) ? 0 : -ENOMEM;
			if (code == 0)
				return 0;
			break;
		}
		if (!inner)
			inner = cJSON_AddObjectToObject(object, part);
		if (!inner)
			code = -ENOMEM;
		object = inner;
		key++;
	}
	cJSON_Delete(value);
	return code < 0 ? code : -EINVAL;
}

/* ~1 is '/', ~0 is '~' (RFC 6901, 4). */
static void unescape(char *token)
{
	char *to = token;

	for (; *token; token++) {
		if (token[0] == '~' && (token[1] == '0' || token[1] == '1'))
			*to++ = *++token == '0' ? '~' : '/';
		else
			*to++ = *token;
	}
	*to = '\0';
}

static cJSON *child_of(const cJSON *json, const char *token)
{
	uint64_t index;

	if (!cJSON_IsArray(json))
		return cJSON_GetObjectItemCaseSensitive(json, token);
	if (*token < '0' || *token > '9' || !number_read(token, 0, INT32_MAX, &index))
		return NULL;
	return cJSON_GetArrayItem(json, (int)index);
}

/* The last step: value takes the place of what is there. */
static int put(cJSON *parent, const char *token, cJSON *value)
{
	cJSON *old = child_of(parent, token);

	if (!value && old)
		cJSON_Delete(cJSON_DetachItemViaPointer(parent, old));
	if (!value)
		return old ? 0 : -ENOENT;
	if (old && cJSON_IsArray(parent))
		return cJSON_ReplaceItemViaPointer(parent, old, value) ? 0 : -EINVAL;
	if (old)
		return cJSON_ReplaceItemInObjectCaseSensitive(parent, token, value) ? 0 : -ENOMEM;
	if (!cJSON_IsObject(parent))
		return -ENOENT;
	return cJSON_AddItemToObject(parent, token, value) ? 0 : -ENOMEM;
}

int json_pointer_set(cJSON *root, const char *pointer, cJSON *value)
{
	AUTO_FREE char *copy = strdup(pointer);
	char *token = copy;
	cJSON *parent = root;
	int code = !copy ? -ENOMEM : *pointer != '/' ? -EINVAL : 0;

	while (code == 0) {
		char *next = strchr(++token, '/');

		if (next)
			*next = '\0';
		unescape(token);
		if (!next) {
			code = put(parent, token, value);
			break;
		}
		/* An object on the way may be made; what goes on with a number would be a list. */
		if (cJSON_IsObject(parent) && value && !child_of(parent, token) &&
		    (next[1] < '0' || next[1] > '9'))
			cJSON_AddObjectToObject(parent, token);
		parent = child_of(parent, token);
		code = parent ? 0 : -ENOENT;
		token = next;
	}
	if (code < 0)
		cJSON_Delete(value);
	return code;
}
