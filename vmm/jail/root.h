/* The root directory of a guest process: empty, read-only, and all that is left of the file system. Part of
 * jail_close. */
#pragma once

#include "common/error.h"

/* The folder that we are in, which must be a mount of this mount namespace, becomes the root, and what was
 * the root is left. A negative errno. Safe between fork and exec. */
int root_change(void);
/* Wants the capabilities of a fresh user namespace over a mount namespace of its own. */
int root_empty(struct error *err);
