#include "vmm/api/merge_patch.h"

#include <errno.h>
#include <stdbool.h>

/* What a member that was not there, or was something else, becomes: the patch's value, without its nulls. */
static cJSON *make_value(const cJSON *member, int *code)
{
	cJSON *value = cJSON_IsObject(member) ? cJSON_CreateObject() : cJSON_Duplicate(member, true);

	*code = value ? 0 : -ENOMEM;
	if (value && cJSON_IsObject(member))
		*code = merge_patch(value, member);
	if (*code == 0)
		return value;
	cJSON_Delete(value);
	return NULL;
}

static int apply(cJSON *target, const cJSON *member)
{
	cJSON *old = cJSON_GetObjectItemCaseSensitive(target, member->string);
	cJSON *value;
	int code;

	if (cJSON_IsNull(member)) {
		cJSON_DeleteItemFromObjectCaseSensitive(target, member->string);
		return 0;
	}
	if (cJSON_IsObject(old) && cJSON_IsObject(member))
		return merge_patch(old, member);
	value = make_value(member, &code);
	if (!value)
		return code;
	if (old ? cJSON_ReplaceItemInObjectCaseSensitive(target, member->string, value)
		: cJSON_AddItemToObject(target, member->string, value))
		return 0;
	cJSON_Delete(value);
	return -ENOMEM;
}

/* cJSON has this in a library of its own, which Debian does not have. */
int merge_patch(cJSON *target, const cJSON *patch)
{
	const cJSON *member;
	int code = cJSON_GetArraySize(patch) > MERGE_PATCH_MEMBERS_MAX ? -E2BIG : 0;

	cJSON_ArrayForEach(member, patch)
	{
		if (code == 0)
			code = apply(target, member);
	}
	return code;
}
