/*
 * What a plan would change against what runs: a pure function, for `rastos-vmm plan` and for the manager when
 * the mode or the set of guests changes. A change is live when the host can make it under the running guest
 * (which CPUs its threads run on, their weight; memory, where the guest has a balloon that gives and takes
 * it, vmm/manager/memory_share.h); all others hold from the guest's next start on.
 */
#pragma once

#include "vmm/plan/plan.h"

/* A guest as a manager has it; what is not known of it is 0 or empty and is not compared. */
struct plan_running {
	const char *name;
	bool runs;
	unsigned vcpus;
	uint64_t memory_mib; /* that is its own now */
	uint64_t live_mib;   /* its memory can change while it runs, up to this; 0: it cannot */
	struct cpu_set cpus;
	unsigned weight;
	bool pages_known, nodes_known;
	enum page_kind pages;
	struct cpu_set nodes;
};

struct plan_change {
	const char *guest; /* the plan's or the running one's name */
	const char *what;  /* "guest": it is new, or leaves; else the key that changes: "memory_mib" */
	char *from, *to;   /* "1024", "512"; for a guest "", "added" and "running", "not in this mode" */
	bool live;
};

struct plan_changes {
	unsigned count;
	struct plan_change *items; /* in the plan's order, then guests that leave */
};

/* The caller frees *changes, which refers to the names of both; -ENOMEM. */
int plan_diff(const struct plan *plan, const struct plan_running *running, unsigned count,
	      struct plan_changes *changes);
void plan_changes_free(struct plan_changes *changes);

/*
 * Whether guest `name` may start beside what runs now, which may hold more than the plan gives it: -ENOSPC
 * when it may not, until others start anew; -EAGAIN when others can give back what is not theirs any more and
 * `waits` says that it waits for that: err then holds what it waits for, as "waits for memory: ...". Both
 * name who has most too much. The plan itself has room for all.
 */
int plan_check_start(const struct plan *plan, const struct plan_running *running, unsigned count,
		     const char *name, bool waits, struct error *err);
/* Ordinary memory, in MiB, that no running guest has. */
uint64_t plan_free_now(const struct plan *plan, const struct plan_running *running, unsigned count);
