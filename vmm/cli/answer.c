#include "vmm/cli/answer.h"

#include <stdio.h>

const char *answer_text(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

double answer_number(const cJSON *json, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

void answer_duration(char text[16], double seconds)
{
	unsigned s = seconds > 0 && seconds < 1e9 ? (unsigned)seconds : 0;

	if (s < 60)
		snprintf(text, 16, "%us", s);
	else if (s < 3600)
		snprintf(text, 16, "%um%02us", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, 16, "%uh%02um", s / 3600, s / 60 % 60);
	else
		snprintf(text, 16, "%ud%02uh", s / 86400, s / 3600 % 24);
}
