#include "vmm/config/channel.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* It becomes a file name, in the guest and here. */
static bool name_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > CHANNEL_NAME_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	}
	return true;
}

static int read_channel(const struct json_place *place, const char *folder,
			struct channel_definition *channel)
{
	static const char *const keys[] = {"name", "path", NULL};
	int code;

	if ((code = json_keys(place, keys)) < 0 || (code = json_string(place, "name", &channel->name)) < 0 ||
	    (code = json_path(place, "path", folder, &channel->path)) < 0)
		return code;
	if (!channel->name)
		return json_error(place, "name", "is missing");
	if (!name_valid(channel->name))
		return json_error(place, "name",
				  "must be letters, digits, '-', '_' and '.', at most %u of them",
				  CHANNEL_NAME_MAX);
	return 0;
}

int channel_definitions_read(const struct json_place *root, const char *folder,
			     struct channel_definitions *definitions)
{
	const cJSON *array;
	unsigned count;
	int code = json_array(root, "channels", CHANNELS_MAX, &array, &count);

	for (unsigned i = 0; code == 0 && i < count; i++) {
		struct channel_definition *channel = &definitions->channels[i];
		struct json_place place;

		code = json_array_object(root, "channels", array, i, &place);
		if (code == 0)
			code = read_channel(&place, folder, channel);
		if (code == 0 && channel_definitions_find(definitions, channel->name) >= 0)
			code = json_error(&place, "name", "\"%s\" is another channel's, too", channel->name);
		definitions->count = i + 1; /* what it has by now is freed */
	}
	return code;
}

void channel_definitions_free(struct channel_definitions *definitions)
{
	for (unsigned i = 0; i < definitions->count; i++) {
		free(definitions->channels[i].name);
		free(definitions->channels[i].path);
	}
}

int channel_definitions_find(const struct channel_definitions *definitions, const char *name)
{
	for (unsigned i = 0; i < definitions->count; i++) {
		if (strcmp(definitions->channels[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}
