/* rinitctl log: shows what control_log.h sends. */
#pragma once

#include <stdbool.h>

/* Returns rinitctl's exit status. */
int log_view_main(char **arguments, int count, bool json);
