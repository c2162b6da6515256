/*
 * The manager's log where it is the manager's own: runtime_dir/manager.log, which is its standard error in
 * the background. When it has grown to MANAGER_LOG_MAX it becomes manager.log.1, in place of the one before,
 * and a new one begins.
 */
#pragma once

#include "vmm/config/settings.h"

#define MANAGER_LOG_MAX (8UL << 20) /* bytes */

/* Opens it for appending; a negative errno. */
int manager_log_open(const struct settings *settings);
/* Begins a new one if the present one, which is standard error, is long enough. */
void manager_log_rotate(const struct settings *settings);
