/*
 * What early user space runs beside PID 1: rinitctl by other names, since PID 1's own program shall stay
 * small and rinitctl is wherever rinit is.
 */
#pragma once

#include <stdbool.h>

#define HELPER_PROGRAM       "rinitctl"
#define SYSCTL_HELPER_NAME   "rinit-sysctl"
#define TMPFILES_HELPER_NAME "rinit-tmpfiles"
#define SETUP_HELPER_NAME    "rinit-setup" /* container, machine, or credit: the seed counts */

/* True when name is a helper's, and then its exit status. */
bool helper_main(const char *name, int argc, char **argv, int *status);
