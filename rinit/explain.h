/* rinitctl why, blame, chart and graph: the commands. What they say and draw is in why.c, chart.c and draw.c.
 */
#pragma once

#include <stdbool.h>

/* Is it one of these? */
bool explain_knows(const char *verb);
/* Returns rinitctl's exit status. */
int explain_main(const char *verb, char **arguments, int count, bool json);
