/* May a path of this system wait for another machine, or for a program, without end? */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Pure: the file system type, and the subtype behind its dot, of network and user space file systems. */
bool mount_type_may_hang(const char *type);
/* Is such a one mounted anywhere? A link may lead there from everywhere. The kernel's list is read again when
 * it has changed only. */
bool mounts_may_hang(void);
