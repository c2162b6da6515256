/*
 * Runs hostile code in the very place of a guest process: a process of jail_spawn, which executes the test's
 * program anew, has closed its jail (jail_close) and, where wanted, has the filter of one kind of thread.
 *
 * As root the process gets an id of its own, as rootless it is run by an ordinary user (nobody, when the test
 * is root's).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/jail/filter.h"

#define JAILED_ID       1900001000U
#define JAILED_FILE_MAX 65536 /* bytes that it may write to a file */

#define JAILED_SECRET 32 /* bytes */
#define JAILED_DESCRIPTORS                                                                                   \
	2 /* that the hostile code has beside the first three: jailed_host's file, the answer's */

enum jailed_user {
	JAILED_ROOT,
	JAILED_ROOTLESS,
};

/* Where a process has its code, its C library, its heap and its stack. */
struct jailed_layout {
	uintptr_t pages[4];
};

/* What the host has prepared for the hostile code to find, as numbers and descriptors that it could guess. */
struct jailed_host {
	pid_t manager; /* the process that made it */
	int folder;    /* the manager's descriptor of its root directory, not handed over */
	int file;      /* handed over: an empty file, open for writing */
	int shm_key;   /* System V shared memory of the host */
	unsigned char masked[JAILED_SECRET]; /* of jailed_give_secret */
	struct jailed_layout layout;         /* the manager's */
	char socket[64]; /* a listening unix socket of the host, by path; by the same name, an abstract one */
};

/* What became of it. */
struct jailed_end {
	int signal; /* that ended it; 0: it came to its end */
	int result; /* of the attempt: 0 it succeeded, negative errno it was refused */
};

typedef int (*jailed_attempt)(const struct jailed_host *host);

/* Skips the test where this user cannot be had or the host refuses namespaces. kind: NULL for no filter. */
struct jailed_end jailed_run(enum jailed_user user, const enum filter_kind *kind, jailed_attempt attempt);
/* The same before jail_close: what such a process starts with. */
struct jailed_end jailed_run_open(enum jailed_user user, jailed_attempt attempt);
/* A secret of the manager's that the hostile code looks for, not as it is. */
void jailed_give_secret(const unsigned char masked[JAILED_SECRET]);
/* The calling process'. */
void jailed_layout_take(struct jailed_layout *layout);
/* Whether the host can make such a process at all. */
bool jailed_possible(void);

/* The jailed process' main function, for a program that was given this argument. */
#define JAILED_ARGUMENT "jailed"
void jailed_main(void) __attribute__((noreturn));
