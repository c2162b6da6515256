#include "vmm/cli/switches.h"

#include <stdio.h>

#include "vmm/cli/cli.h"

bool switches_take(const char *command, const char *usage, int argc, char **argv,
		   const struct option *options, enum exit_code *code)
{
	int option;

	while ((option = options_next(argc, argv, "", options)) != -1) {
		if (option == 0)
			continue; /* a switch, which is set */
		*code = option == 'h' ? EXIT_DONE : cli_bad_option(command);
		if (option == 'h')
			fputs(usage, stdout);
		return false;
	}
	return true;
}
