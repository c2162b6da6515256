/* Members of the manager's answers, for printing. Absent ones and such of another type are "" and 0. */
#pragma once

#include <cjson/cJSON.h>

const char *answer_text(const cJSON *json, const char *key);
double answer_number(const cJSON *json, const char *key);

/* "17s", "4m05s", "3h12m", "12d04h" */
void answer_duration(char text[16], double seconds);
