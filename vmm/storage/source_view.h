/*
 * What root's programs read (program.h) as a mount of its own where the files of the host's user N are those
 * of the user FIRST + N (mount_setattr(2), MOUNT_ATTR_IDMAP, since Linux 5.12): so that a program reads what
 * root alone may, and is not root. Not all file systems can do that: ext4, XFS, btrfs and, of
 * late, tmpfs can; overlayfs cannot.
 */
#pragma once

#include <stdbool.h>

/* A mount that is nowhere yet, of the file, folder or device that fd refers to, with the first `count` ids;
 * the caller closes it. Wants root. -1: it cannot be had. */
int source_view_make(int fd, unsigned first, unsigned count, bool read_only);
/* The same of the file at path, with the ids that it has. -ESTALE: it is not the one that fd refers to;
 * whoever may write to its folder could have put another one there. fd -1: any will do. */
int source_tree_open(const char *path, int fd);
