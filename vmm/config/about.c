#include "vmm/config/about.h"

#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"

static int read_uuid(const struct json_place *root, char uuid[UUID_TEXT_SIZE])
{
	AUTO_FREE char *text = NULL;
	int code = json_string(root, "uuid", &text);

	uuid[0] = '\0';
	if (code < 0 || !text)
		return code;
	if (!uuid_valid(text))
		return json_error(
			root, "uuid",
			"must look like 6d0c4a4e-9f0e-4c56-8f3a-0a2b7c1d5e6f, and not be zeros only");
	for (unsigned i = 0; i < UUID_TEXT_SIZE; i++)
		uuid[i] = (char)tolower((unsigned char)text[i]);
	return 0;
}

static int check_text(const struct json_place *root, const char *key, size_t max)
{
	AUTO_FREE char *text = NULL;
	int code = json_string(root, key, &text);

	if (code == 0 && text && strlen(text) > max)
		return json_error(root, key, "is longer than %zu bytes", max);
	return code;
}

static int check_title(const struct json_place *root)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(root->object, "title");
	int code = check_text(root, "title", ABOUT_TITLE_MAX);

	if (code == 0 && item && strchr(item->valuestring, '\n'))
		return json_error(root, "title", "must be one line; description may have more");
	return code;
}

/* What is inside an element is its owner's: whether it is XML is found out where XML is made of it. */
static int check_metadata(const struct json_place *root)
{
	struct json_place place;
	const cJSON *item;
	unsigned count = 0;
	size_t bytes = 0;
	int code = json_object(root, "metadata", &place);

	if (code < 0 || !place.object)
		return code;
	cJSON_ArrayForEach(item, place.object)
	{
		if (!*item->string)
			return json_error(root, "metadata", "has an element without a namespace");
		if (!cJSON_IsString(item) || !*item->valuestring)
			return json_error(&place, item->string, "must be the text of an XML element");
		if (cJSON_GetObjectItemCaseSensitive(place.object, item->string) != item)
			return json_error(&place, item->string, "is given twice");
		if (strlen(item->valuestring) > ABOUT_TEXT_MAX)
			return json_error(&place, item->string, "is longer than %u bytes", ABOUT_TEXT_MAX);
		bytes += strlen(item->valuestring);
		if (++count > ABOUT_METADATA_MAX)
			return json_error(root, "metadata", "has more than %u elements", ABOUT_METADATA_MAX);
	}
	if (bytes > ABOUT_TEXT_MAX)
		return json_error(root, "metadata", "is longer than %u bytes", ABOUT_TEXT_MAX);
	return 0;
}

int about_read(const struct json_place *root, char uuid[UUID_TEXT_SIZE])
{
	int code = read_uuid(root, uuid);

	if (code == 0)
		code = check_title(root);
	if (code == 0)
		code = check_text(root, "description", ABOUT_TEXT_MAX);
	return code == 0 ? check_metadata(root) : code;
}
