/*
 * Prints a libseccomp filter as C, for the programs that make filters when rastos-vmm is built. They have
 * nobody to return an error to: what fails ends them, with one sentence.
 */
#pragma once

#include <seccomp.h>

/* Ends the program; code: a negative errno. */
__attribute__((noreturn)) void filter_give_up(const char *what, int code);
/* Standard output becomes the file at path. */
void filter_print_to(const char *path);
/* An array of struct sock_filter of this name; releases the filter. */
void filter_print(const char *name, scmp_filter_ctx filter);
