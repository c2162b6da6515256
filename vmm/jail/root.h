/* The root directory of a guest process: empty, read-only, and all that is left of the file system. Part of
 * jail_close. */
#pragma once

#include "common/error.h"

/* Wants the capabilities of a fresh user namespace over a mount namespace of its own. */
int root_empty(struct error *err);
