/*
 * A daemon, qemu-storage-daemon(1) or virtiofsd(1), as a child of the process that keeps it
 * (storage_daemon.h). What it says is kept; it is without privileges, but for those that its keeper has, and
 * without the system calls that it has no use for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

#define STORAGE_CHILD_SOCKET    3 /* the number that its socket has there */
#define STORAGE_CHILD_ARGUMENTS 64

struct storage_child {
	const char *program; /* its name */
	pid_t pid;           /* 0: none */
	int pidfd;
	int messages;     /* a memfd that cannot grow, or -1 */
	char reason[512]; /* once it has ended: its last words, or how it ended */
};

/* argv[0] is looked for, and outlives the child. owners: it acts for the owners of files, and may have as
 * many open as we may. -ENOENT: it is not installed. */
int storage_child_start(struct storage_child *child, char *const *argv, int socket, bool owners,
			struct error *err);
/* Asks it to put everything away, waits, at most for a few seconds, and then kills it. */
void storage_child_end(struct storage_child *child);
void storage_child_kill(struct storage_child *child);
/* It has ended, as its pidfd says. */
void storage_child_reap(struct storage_child *child);
