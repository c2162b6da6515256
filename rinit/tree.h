/* Deleting trees, never over a symbolic link or into another file system. */
#pragma once

#include <sys/types.h>

/* Everything below folder on this device; closes folder. */
void tree_delete(int folder, dev_t device);
/* name in folder, with everything below. 0 or negative errno; -EXDEV: it is on another device. */
int entry_delete(int folder, const char *name, dev_t device);
