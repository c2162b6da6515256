/*
 * Control groups, version 2 (the kernel's admin-guide/cgroup-v2.rst): each service has one, in a folder for
 * its slice. Where /sys/fs/cgroup is no cgroup2 or can't be written, nothing here does anything and services
 * are known by their process groups alone.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rinit/service_config.h"

/* Makes the unit's group and writes its limits into it; what cannot be limited is logged in one line. False
 * when there is no group. */
bool cgroup_create(const char *unit, const struct service_config *config);
/* The file through which a process is moved into it. */
void cgroup_path(const char *unit, const struct service_config *config, const char *file, char *path,
		 size_t size);

/* Has the kernel killed a process in it, not below, for want of memory? */
bool cgroup_out_of_memory(const char *unit, const struct service_config *config);
bool cgroup_is_empty(const char *unit, const struct service_config *config);
/* Every process in it and below, but not `spare` (0: none). */
void cgroup_signal(const char *unit, const struct service_config *config, int number, pid_t spare);
/* The only process in it; 0 when there is none or more than one. */
pid_t cgroup_only_process(const char *unit, const struct service_config *config);
bool cgroup_has(const char *unit, const struct service_config *config, pid_t pid);
/* With what is below it; it must be empty. */
void cgroup_remove(const char *unit, const struct service_config *config);

/* "25%" of all memory or of all tasks, whichever the group's file counts; 0 or -EINVAL */
int cgroup_share(const char *file, const char *percent, uint64_t *value);
