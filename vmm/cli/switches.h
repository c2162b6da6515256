/*
 * The options of a command that has only switches:
 *
 *      int json = false;
 *      const struct option options[] = {{"json", no_argument, &json, true}, SWITCH_HELP, SWITCHES_END};
 *      enum exit_code code;
 *
 *      if (!switches_take("info", usage, argc, argv, options, &code))
 *              return code;
 *
 * getopt_long(3) sets what a switch points to; optind is the first word behind them.
 */
#pragma once

#include <stdbool.h>

#include "vmm/cli/options.h"
#include "vmm/exit_code.h"

#define SWITCH_HELP                                                                                          \
	{                                                                                                    \
		"help", no_argument, NULL, 'h'                                                               \
	}
#define SWITCHES_END                                                                                         \
	{                                                                                                    \
		NULL, 0, NULL, 0                                                                             \
	}

/* False: usage was printed, or an option is none of them; the command ends with *code. */
bool switches_take(const char *command, const char *usage, int argc, char **argv,
		   const struct option *options, enum exit_code *code);
