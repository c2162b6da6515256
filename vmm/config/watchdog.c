#include "vmm/config/watchdog.h"

#include <string.h>

static const char *const action_words[] = {"reset", "shutdown",   "poweroff", "pause",
					   "none",  "inject-nmi", NULL};

const char *watchdog_action_name(enum watchdog_action action)
{
	return action_words[action];
}

int watchdog_definition_read(const struct json_place *root, struct watchdog_definition *watchdog)
{
	static const char *const keys[] = {"model", "action", NULL};
	static const char *const model_words[] = {"i6300esb", NULL};
	unsigned model = 0, action = WATCHDOG_RESET;
	const char *word;
	struct json_place place;
	int code = json_object(root, "watchdog", &place);

	if (code < 0 || !place.object)
		return code;
	word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(place.object, "action"));
	if (word && strcmp(word, "dump") == 0)
		return json_error(
			&place, "action",
			"cannot be dump: a guest's memory is not written to a file; reset and poweroff keep a "
			"crash report");
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_word(&place, "model", model_words, &model)) < 0 ||
	    (code = json_word(&place, "action", action_words, &action)) < 0)
		return code;
	watchdog->present = true;
	watchdog->action = (enum watchdog_action)action;
	return 0;
}
