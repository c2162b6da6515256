/*
 * /etc/fstab as units of the boot: each entry one, named as systemd names it (var-lib.mount), in the order
 * that paths, fsck's passes and the network ask for. What a unit runs is mount_helper.h. PID 1 itself mounts
 * nothing here: a mount may block for ever.
 *
 *      local-fs.target    requires every local entry but nofail ones
 *      remote-fs.target   requires those that need the network
 *      swap.target        comes after swap
 */
#pragma once

#include "rinit/manager.h"

/* To be called when the targets are there and before the order is resolved. What is wrong in the file is
 * logged. */
void mounts_add(struct manager *manager, const char *path);
/* Does the machine not do without this unit? Then its failure is an emergency. */
bool mount_is_vital(const struct unit *unit);
