/* The file systems that every Linux program expects, mounted first and unmounted last; and the console. */
#pragma once

#include <stdbool.h>

#include "common/error.h"

/*
 * A kernel does not let an initramfs be pivoted away from (pivot_root(2)): passt and the container runtimes
 * then fail. Binds / on itself and moves the copy over it, so that this process and its children have a root
 * that can be. To be called before anything is mounted. 0 or negative errno.
 */
int root_make_pivotable(void);
/* Is / the initramfs itself (tmpfs or ramfs)? */
bool root_is_initramfs(void);

/* /proc alone, for who must read the command line before anything else. */
void mount_proc(void);
/*
 * proc, sys, dev (devtmpfs; a tmpfs with the basic nodes where the kernel has none), dev/pts, dev/shm, run,
 * tmp, cgroup2. What is mounted already stays. What fails is logged and left out; in a container, where much
 * is the runtime's business or forbidden, silently. True when dev is such a tmpfs: nobody but us makes nodes.
 */
bool mount_early(bool container);
/* True when path has another file system on it than its parent folder. */
bool mount_is_point(const char *path);

/*
 * Makes /dev/console standard input, output and error, /dev/null where there is none. In a container the
 * descriptors that it came with are kept. Returns a descriptor of its own for the log, or a negative errno:
 * -ENODEV when the kernel has no console yet, such as hvc0 whose driver is a module; later it may.
 */
int console_open(bool container);
