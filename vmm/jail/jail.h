/*
 * The jail of a guest process. A guest that has taken over its process finds itself with the descriptors that
 * it was given, its own memory, and nothing else (docs/jail.md).
 *
 *      manager                   guest process
 *      jail_spawn --clone3-->    own user, mount, pid, net, ipc and uts namespaces, user id, cgroup
 *                 <--exec---     a fresh program: no memory of the manager's, no descriptors but its own
 *                                (the boot image is verified: needs a library and a child)
 *                                jail_close: empty root, no capabilities, no_new_privs, limits, Landlock
 *                                (VM and devices are made, the kernel is loaded)
 *                                filter_install: in each thread that starts, in the first one at last
 *
 * All or nothing: a host that refuses a part gets an error that says what to do, never a guest in half a
 * jail. Only Landlock is left out where the kernel has none, since all that it forbids is out of reach in the
 * empty root.
 *
 * jail_spawn and jail_close belong to a process with one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

/* What makes a guest process' place. */
struct jail_config {
	const char *name; /* of the guest */
	bool on;          /* false: an ordinary child process, which needs no jail_close */
	bool network;     /* it keeps the caller's network */
	/* Who it is, inside and outside of its user namespace. For root an id that nobody else has (ids.h); a
	 * user who is not root has only himself to give. */
	uid_t uid;
	gid_t gid;
	/* 0: that one. Else it is root inside, whose users and groups 0, 1, 2, ... are so many of the host's, from
	 * uid and gid on. */
	unsigned ids;
	int cgroup_fd; /* of the cgroup to be born into (cgroup.h); -1: the caller's */
};

/* What it may use at most, beside what its cgroup allows. */
struct jail_limits {
	const char *name;   /* of the guest */
	unsigned threads;   /* that it is going to make */
	unsigned files;     /* descriptors */
	uint64_t locked;    /* bytes of memory that is never swapped */
	uint64_t file_size; /* bytes of the largest file that it may write: its disks, its memory */
};

/* What runs there. The user that it runs as must be allowed to execute it, and its libraries. */
struct jail_program {
	/* NULL: this program again, the very one that the caller is, whatever is in its place on the disk by
	 * now. */
	const char *path;
	char *const *argv;
	const int *descriptors; /* become 0, 1, 2, ... in their order; it gets no others */
	unsigned count;
};

/*
 * Starts the program in a process that is in its namespaces and has its user id. Comes back once it is
 * executed: its process id, and *pidfd. It has of its caller's environment what programs and their libraries
 * want to know of debugging and time zone, and keeps the capabilities over its own namespaces that jail_close
 * needs.
 */
pid_t jail_spawn(const struct jail_config *config, const struct jail_program *program, int *pidfd,
		 struct error *err);

/* In the program: closes the jail behind it. From here on it opens nothing by path and makes no process, and
 * gets no right back. On failure the process must end. */
int jail_close(const struct jail_limits *limits, struct error *err);
