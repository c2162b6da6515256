/*
 * .mount and .swap units (systemd.mount(5), systemd.swap(5)), and the mount units that a path needs. What
 * such a unit runs is mount_helper.h: PID 1 itself mounts nothing here, since a mount may block for ever.
 * /etc/fstab's are files that generate.h has written.
 *
 *      local-fs.target    comes after, and fails with, every local one but those with nofail
 *      remote-fs.target   the same of those that need the network
 *      swap.target        comes after swap
 *
 * A .device unit is a job of the same helper: to wait for the device.
 */
#pragma once

#include "rinit/manager.h"
#include "rinit/unit_read.h"

/* NULL when the key is not of the unit's section; valid until the next call. */
const struct unit_key *mount_key_find(struct unit_reader *reader, const struct ini_entry *entry);
/* When every line is read: is it whole? Then what it runs, and its order. path: of its file. */
int mount_check(struct unit_config *config, const char *path, struct error *err);

/* Adds the mount units that a path may be on, its own among them, to needs and to what config comes after. 0
 * or -ENOMEM */
int mounts_for(struct unit_config *config, struct string_list *needs, const char *path);
/* The same for the folders that a service works in. */
int mounts_implied(struct unit_config *config);

/* Makes config, that of a .device unit, wait for it. 0 or -ENOMEM */
int device_fill(struct unit_config *config);

/* Does the machine not do without this unit? Then its failure is an emergency. */
bool mount_is_vital(const struct unit *unit);
/* Shall it be unmounted before the network is gone, not with all others at the end? */
bool mount_needs_network(const struct unit *unit);
