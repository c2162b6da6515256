/* What the daemon of a shared directory is to do, as storage_plan.h has it of a disk's: virtiofsd(1), with
 * the directory at /share in its process' root, and the right to act for the owners of files. Pure. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "vmm/config/filesystem.h"

/* tree: a mount of the directory comes along. NULL: out of memory. The caller frees it. */
cJSON *filesystem_plan_make(const struct filesystem_definition *filesystem, const char *about, bool tree);
