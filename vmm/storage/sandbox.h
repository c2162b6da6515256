/*
 * What program.c puts around a program, in steps: the id maps are written by the parent, the rest is the
 * child's, between fork and exec, and calls only what is safe there (signal-safety(7)).
 *
 * user_namespaces(7), landlock(7).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "vmm/storage/program.h"

/* A Landlock ruleset for the program, to be entered by the child; -1 when the kernel has none. */
int sandbox_rules(const struct program *program);

/* The child: namespaces; the parent then writes the maps. A negative errno. */
int sandbox_unshare(void);
/* The parent: the maps of a child that has unshared. many: more ids than one. */
int sandbox_map_ids(pid_t child, bool many, struct error *err);
/* The child: limits, no new privileges, the end with its parent, and the rules. A negative errno. */
int sandbox_enter(const struct program *program, int rules, pid_t parent);
