/*
 * What program.c puts around a program, in steps: the id maps are written by the parent, the rest is the
 * child's, between fork and exec, and calls only what is safe there (signal-safety(7)).
 *
 * user_namespaces(7), pid_namespaces(7), landlock(7), seccomp(2).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "vmm/storage/program.h"
#include "vmm/storage/sandbox_root.h"

/* As a shell says it. */
#define SANDBOX_SIGNAL 128

/* A Landlock ruleset for the program, to be entered by the child; -1 when the kernel has none. */
int sandbox_rules(const struct program *program);

/* fork(2) into namespaces of its own, whose first process the child is: it sees and signals nobody else, and
 * its end is the end of all that it has started. Before the parent has mapped ids it has none. A negative
 * errno. */
pid_t sandbox_fork(void);
/* The parent, before it forks: the source as a program that is not root may read it (source_view.h). -1: it
 * needs none, or cannot have one. */
int sandbox_view(const struct program *program);
/* The parent: the ids of a child that it has forked. As root it gives the program's folder, and what root has
 * put right into it, to the program. */
int sandbox_map_ids(pid_t child, const struct program *program, bool has_view, struct error *err);
/* The child: limits, ids, its root, no new privileges, the end with its parent, and the system calls. go: a
 * pipe whose other end the parent alone holds. root: the parent is. A negative errno. */
int sandbox_enter(const struct program *program, const struct sandbox_places *places, int go, bool root);
/* The child, when it has forked the program, for signals do not end a namespace's first process as they would
 * another: ends as the program does, with SANDBOX_SIGNAL and its number for a signal. */
_Noreturn void sandbox_watch(pid_t program);
/* The child's child, before it becomes the program: the rules. A negative errno. */
int sandbox_restrict(int rules);
/* What programs do without. */
enum sandbox_filter {
	SANDBOX_FILTER_PROGRAM, /* one that works on files, and ends */
	SANDBOX_FILTER_DAEMON,  /* one that serves over a socket */
	SANDBOX_FILTER_OWNERS,  /* the same, for the owners of a directory's files */
};

/* The system calls that such a program does without. Wants no_new_privs. A negative errno. */
int sandbox_filter_calls(enum sandbox_filter kind);
