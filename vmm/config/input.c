#include "vmm/config/input.h"

#include <string.h>

#define INPUTS_MAX 3

static int read_type(const struct json_place *place, struct input_definitions *inputs)
{
	static const char *const words[] = {"keyboard", "mouse", "tablet", "evdev", "passthrough", NULL};
	bool *const kinds[] = {&inputs->keyboard, &inputs->mouse, &inputs->tablet};
	unsigned type = 0;
	int code = json_word(place, "type", words, &type);

	if (code < 0)
		return code;
	if (!cJSON_HasObjectItem(place->object, "type"))
		return json_error(place, "type", "is missing: keyboard, mouse or tablet?");
	if (type >= sizeof(kinds) / sizeof(*kinds))
		return json_error(place, "type",
				  "cannot be \"%s\": devices of the host are not passed through; "
				  "keyboard, mouse and tablet are a viewer's",
				  words[type]);
	if (*kinds[type])
		return json_error(place, "type", "\"%s\" is there already", words[type]);
	*kinds[type] = true;
	return 0;
}

static int read_bus(const struct json_place *place)
{
	static const char *const words[] = {"virtio", "usb", "ps2", "xen", NULL};
	unsigned bus = 0;
	int code = json_word(place, "bus", words, &bus);

	if (code == 0 && bus)
		code = json_error(place, "bus", "cannot be \"%s\": the machine has none; \"virtio\" can be",
				  words[bus]);
	return code;
}

int input_definitions_read(const struct json_place *root, bool shown, struct input_definitions *inputs)
{
	static const char *const keys[] = {"type", "bus", NULL};
	const cJSON *array;
	unsigned count;
	int code = json_array(root, "inputs", INPUTS_MAX, &array, &count);

	for (unsigned i = 0; code == 0 && i < count; i++) {
		struct json_place place;

		code = json_array_object(root, "inputs", array, i, &place);
		if (code == 0)
			code = json_keys(&place, keys);
		if (code == 0)
			code = read_bus(&place);
		if (code == 0)
			code = read_type(&place, inputs);
	}
	if (code == 0 && shown && count == 0)
		inputs->keyboard = inputs->tablet = true;
	return code;
}
