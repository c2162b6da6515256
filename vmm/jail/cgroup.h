/*
 * Control groups of guest processes (Linux Documentation/admin-guide/cgroup-v2.rst): one for each guest,
 * NAME.guest.
 *
 *      root     /sys/fs/cgroup/rastos/NAME.guest      beside all services: a guest outlives its manager, and
 * so must not be in its manager's cgroup a user   rastos-HASH/NAME.guest beside the manager's own cgroup,
 * where that is the user's (delegated); else none
 *
 * Managers with a runtime folder that is not the host's have rastos-HASH there, too: what is in a manager's
 * folder is that manager's alone.
 *
 * A host may lack controllers, or cgroup v2 altogether. Guests run there too, with fewer limits: cgroups_open
 * logs once what is missing. The manager's thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

/* Where this manager makes cgroups. */
struct cgroups {
	char *folder; /* NULL: nowhere */
	unsigned controllers;
};

/* 0 or NULL leaves the kernel's default. */
struct cgroup_limits {
	uint64_t memory_bytes; /* memory.max: cgroup_memory_for of the guest's RAM */
	unsigned pids;         /* pids.max: processes and threads */
	unsigned cpu_weight;   /* cpu.weight, 1 to 10000 */
	uint64_t quota_us;     /* cpu.max: so much ... */
	uint64_t period_us;    /* ... of each of these */
	const char *cpus;      /* cpuset.cpus, as "0-3,6" */
	const char *mems;      /* cpuset.mems: NUMA nodes, the same way */
};

/* A guest's cgroup; both are the caller's to release: cgroup_remove, then free and close. */
struct cgroup {
	char *path; /* NULL: none */
	int fd;     /* for jail_spawn; -1: none */
};

/* Finds the place and turns on its controllers. What cannot be done is logged, once. */
void cgroups_open(struct cgroups *cgroups, const char *runtime_dir);
void cgroups_close(struct cgroups *cgroups);

/*
 * Bytes that a guest with this much RAM may take at most: the RAM, 1/32 of it for the page tables that map it
 * (twice: the process' and KVM's), and 64 MiB for the process itself, its sockets' buffers and the disks'
 * cached pages in flight.
 */
uint64_t cgroup_memory_for(uint64_t ram_bytes);

/* Whether quota_us and period_us would hold here. */
bool cgroups_limit_time(const struct cgroups *cgroups);

/* Makes the guest's cgroup and sets its limits; NAME.guest, or NAME-2.guest
 * and so on where other managers have guests of that name. No
 * place for it: 0, and none. */
int cgroup_create(const struct cgroups *cgroups, const char *guest, const struct cgroup_limits *limits,
		  struct cgroup *cgroup, struct error *err);
/* Changes the limits of one that is there. */
int cgroup_limit(const struct cgroups *cgroups, const char *path, const struct cgroup_limits *limits,
		 struct error *err);
/* Whether the kernel killed what was in it for want of memory; *at_limit: of the memory that it may have, not
 * the host's. */
bool cgroup_out_of_memory(const char *path, bool *at_limit);
/* Bytes that it holds of memory that processes share, a guest's RAM being most of it: in memory and swapped
 * out. -ENOENT: it has no cgroup, or the kernel does not count there. */
int cgroup_memory_held(const char *path, uint64_t *bytes);
/* Kills whatever is still in it, and removes it; one that is gone already is no error. Waits up to
 * CGROUP_REMOVE_MS for what was killed. path: from state that a former manager left, or struct cgroup; NULL
 * is allowed. */
int cgroup_remove(const char *path, struct error *err);

#define CGROUP_REMOVE_MS 200
