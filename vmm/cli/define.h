/* Giving a definition to the manager, for `define` and `create`. */
#pragma once

#include "vmm/cli/cli.h"

/* definition is taken over; relative paths in it are relative to folder. EXIT_DONE: *guest is how the manager
 * describes it (the caller frees it); otherwise the sentence was said. */
enum exit_code define_guest(const struct cli *cli, cJSON *definition, const char *folder, bool replace,
			    cJSON **guest);
