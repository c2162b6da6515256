/* Starting a program: everything between the decision and the child's first instruction (systemd.exec(5)). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "rinit/service_config.h"

struct spawn {
	const char *program; /* a path, or a name that is looked for (program_find) */
	char *const *argv;
	char *const *environment;
	const char *directory; /* NULL: / */

	/* For services; NULL: none of it, standard input is /dev/null, and what is said goes where rinit's
	 * goes */
	const struct service_config *config;
	int log;            /* the writing end of its log, for what goes there */
	int socket;         /* for StandardInput=socket and its like */
	const char *cgroup; /* the file that moves a process into its group; NULL: none */
	bool privileged;    /* as root whatever User= says */
	/* Descriptors that become 3, 4 ... (sd_listen_fds(3)) */
	const int *listen;
	size_t listen_count, socket_count; /* the first ones are sockets, for NonBlocking= */
	/* Out: which step failed, as a key or a word; NULL: execve itself */
	const char *failed;
};

/*
 * Becomes the program, in a session of its own, no signal blocked and none ignored but SIGPIPE when the
 * config wants it. For a child; returns only when something failed: a negative errno. It may wait for a disk
 * or a network for ever.
 */
int spawn_exec(struct spawn *spawn);

/*
 * Runs it and waits until it is executed, which is for programs of the root file system. Returns 0 and the
 * child's id, or the negative errno of whatever failed, execve included: the child shares our memory until
 * then (vfork), so there is nothing to guess later.
 */
int spawn(struct spawn *spawn, pid_t *pid);

/*
 * This process may have as many descriptors as it can get: it holds some of every service. Services begin
 * with the usual limit (systemd's DefaultLimitNOFILE=1024:524288).
 */
void spawn_raise_descriptors(void);

/*
 * The path of the program called name: itself when it has a slash; else from /usr/local/sbin ... /bin; else
 * /bin/busybox, which becomes the program that its argv[0] names. NULL when there is none.
 */
const char *program_find(const char *name, char *path, size_t size);

/* Folder of RuntimeDirectory= and its like: "/run", "/var/lib" ... */
const char *directory_base(enum directory_kind kind);

#define SPAWN_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
