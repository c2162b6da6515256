/*
 * What the verbs of `rastos-vmm image` share. Each is a function like a main: it reads its own options,
 * prints results on standard output and one sentence on standard error when something is wrong, and returns
 * an enum exit_code.
 */
#pragma once

#include <cjson/cJSON.h>

#include "common/error.h"
#include "vmm/exit_code.h"

int image_build(int argc, char **argv);
int image_sign(int argc, char **argv);
int image_verify(int argc, char **argv);
int image_inspect(int argc, char **argv);

/* Prints the sentence; the exit code that belongs to the errno: refused for what did not verify, else failed.
 */
int command_fail(int code, const struct error *err);
/* Prints what is wrong with the command line and where help is. */
int command_usage(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What options_next said already: where help is. */
int command_bad_option(const char *verb);
/* Prints one object on one line and frees it. */
int command_print_json(cJSON *json);
