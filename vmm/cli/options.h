/*
 * Options as getopt_long(3) takes them, with the nearest right word for a mistyped one.
 *
 *      rastos-vmm start: there is no option --wiat, did you mean --wait?
 */
#pragma once

#include <getopt.h>

/* As getopt_long(3) with argv[0] as the command's name; '?' after one sentence on standard error. */
int options_next(int argc, char **argv, const char *shorts, const struct option *options);
