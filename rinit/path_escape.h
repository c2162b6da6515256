/* The unit name that stands for a path (systemd.unit(5), "String escaping"): /var/lib/x-y is var-lib-x\x2dy.
 */
#pragma once

#include <stddef.h>

/* Pure: path, then suffix (".mount"). 0; -ENAMETOOLONG */
int path_to_unit_name(const char *path, const char *suffix, char *name, size_t size);
