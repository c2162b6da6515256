/*
 * A plan in the making: what the files of the plan share, which work in this order:
 *
 *      reserve -> memory's sizes -> exclusive guests with numbers -> vCPUs of all others -> their CPUs and
 * nodes
 */
#pragma once

#include "vmm/plan/plan.h"

#define PAGE_KINDS 3

/* One guest in the making, beside its place in the plan. */
struct planner_guest {
	const struct guest_wants *wants;
	bool auto_vcpus, auto_memory; /* the plan chooses */
	bool placed;                  /* has its CPUs */
};

struct planner {
	const struct inventory *host;
	const struct resource_policy *policy;
	struct plan *plan;
	struct planner_guest *guests; /* beside plan->guests */
	struct error *err;

	struct cpu_set free; /* CPUs that are neither reserved nor exclusive, so far */
	/* On each node: memory that no guest was placed in, vCPUs that were placed there. */
	uint64_t node_mib[INVENTORY_NODES_MAX][PAGE_KINDS];
	uint64_t node_vcpus[INVENTORY_NODES_MAX];
};

int planner_size_memory(struct planner *planner);
int planner_size_and_place_cpus(struct planner *planner);

/* --- Exclusive guests (plan_exclusive.c) --- */

/* All that have numbers; the pinned ones first, others go around them. */
int planner_place_exclusive_guests(struct planner *planner);
int planner_place_exclusive(struct planner *planner, unsigned guest);
/* How many vCPUs an exclusive guest gets of a part of so many CPUs: whole cores, as many as lie in it, or the
 * least that is possible: one core, or 0 when none is left. */
unsigned planner_whole_part(const struct planner *planner, unsigned guest, unsigned part);
/* -ENOSPC: why a guest cannot have one of the CPUs it wants, which are not all free. */
int planner_pin_refused(const struct planner *planner, const struct plan_guest *guest,
			const struct cpu_set *wanted);

/* --- Nodes (plan_nodes.c) --- */

/* The one node that all these CPUs are on, or CPU_SET_MAX. */
unsigned planner_node_of(const struct planner *planner, const struct cpu_set *cpus);

void planner_fill_nodes(struct planner *planner);
/* The lowest of candidates that has room for guest's memory and, of `cpus` there, for its vCPUs, with so many
 * vCPUs for a hundred CPUs; CPU_SET_MAX: none. */
unsigned planner_find_node(const struct planner *planner, unsigned guest, const struct cpu_set *candidates,
			   const struct cpu_set *cpus, unsigned percent);
/* Books the guest's memory and vCPUs, and sets its placement's nodes: those it wants, else `node`, else, when
 * that is CPU_SET_MAX, none. -ENOSPC: the nodes it insists on have not enough memory. */
int planner_take_node(struct planner *planner, unsigned guest, unsigned node);
