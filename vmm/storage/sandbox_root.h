/*
 * The file system that a program on hostile files sees (sandbox.h), in a mount namespace of its own:
 *
 *      /usr /bin /sbin /lib /lib64, a few files of /etc, /dev/null, /dev/urandom    as the host's, read-only
 *      /proc      of its own PID namespace, read-only; not there where the host hides parts of /proc (a
 * container) /source    what it may read (struct program: source), read-only whoever it belongs to /work
 * where it runs and may write (struct program: folder)
 *
 * Nothing else of the host has a name there: that holds on kernels without Landlock, too.
 *
 * mount_namespaces(7), open_tree(2), move_mount(2), mount_setattr(2), since Linux 5.12. All but
 * sandbox_places_find are the child's, between fork and exec, and call only what is safe there.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#define SANDBOX_SOURCE "/source"
#define SANDBOX_WORK   "/work"

/* What the host's paths of two descriptors are; "" for a descriptor that is -1. */
struct sandbox_places {
	int source, folder;
	int view; /* the source as a mount that is ready (sandbox_view); -1: none */
	char source_path[PATH_MAX];
	char folder_path[PATH_MAX];
};

/* The parent. A negative errno. */
int sandbox_places_find(int source, int folder, struct sandbox_places *places);

/* The two as mounts that are nowhere yet; -1: none. */
struct sandbox_trees {
	int source, folder;
	bool ready; /* the source is read-only already */
};

/* Takes them with the rights of who started the program. A negative errno; -ESTALE: the path is another
 * file's by now. */
int sandbox_trees_take(const struct sandbox_places *places, struct sandbox_trees *trees);
/* With the program's ids: makes the root, and enters it. A negative errno. */
int sandbox_root_enter(struct sandbox_trees *trees);

/* The same in steps, for who puts other things there: the folder that we are in becomes the root. A negative errno. */
int sandbox_root_begin(void);
/* Puts what is at the host's path, links followed, at its name in there; what the host has not is not there. */
int sandbox_root_share(const char *path);
/* Mounts a tree that is nowhere yet; place is relative. */
int sandbox_root_mount(int tree, const char *place, bool read_only);
int sandbox_root_end(void);
