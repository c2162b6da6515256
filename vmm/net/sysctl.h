/* The kernel's switches under /proc/sys/net (sysctl(8)), as numbers. */
#pragma once

#include "common/error.h"

/* path is below /proc/sys/net, such as "ipv4/ip_forward". The value, or a negative errno. */
int sysctl_read(const char *path);
int sysctl_write(const char *path, int value, struct error *err);
