/*
 * The division of a host's CPUs and memory among its guests: a pure function of the host (inventory.h), the
 * mode, what the guests' definitions say (vmm/config/wants.h) and the policy (vmm/config/policy.h). The same
 * input always gives the same plan, and nothing is read or changed.
 *
 *      the host's reserve     policy, or: memory / 8, from 256 to 4096 MiB; with 4 CPUs or more, the first
 * core role guest             the numbers of its definition, or 1 vCPU and 512 MiB role server, desktop   the
 * same where the definition has numbers; else, of what those leave server mode       the server guest gets
 * all of it; desktop guests do not run desktop mode      the server guest gets policy.server_percent, desktop
 * guests equal parts of the rest
 *
 * A guest's threads have CPUs of their own (cpus.vcpupin, cpus.emulatorpin) within the guest's.
 * Of vCPUs that come and go, those count that are there (current_vcpus).
 * CPUs: exclusive guests come first and get whole cores, on one NUMA node if one has room for them and their
 * memory, each vCPU on a host CPU of its own, siblings side by side. All others share the CPUs that are left;
 * on a host with several nodes each is kept to one that has room for it. Memory: ordinary pages and each kind
 * of huge pages are separate stocks; what lies in a pool is no ordinary memory. Huge pages are never
 * over-committed.
 *
 * What does not fit is refused (-ENOSPC) with the sum that did not, what cannot be (a CPU that is not there)
 * with -EINVAL; the sentence names the guest and the definition's key. Memory is in MiB. Any thread.
 */
#pragma once

#include "common/error.h"
#include "vmm/config/definition.h"
#include "vmm/config/mode.h"
#include "vmm/config/policy.h"
#include "vmm/plan/inventory.h"

#define PLAN_MEMORY_MIN 64 /* MiB: less is no machine, for guests whose memory the plan chooses */

struct plan_want {
	const char *name;
	enum guest_role role;
	const struct guest_wants *wants;
};

struct plan_input {
	const struct inventory *host;
	enum mode mode;
	const struct resource_policy *policy;
	unsigned count;
	const struct plan_want *wants; /* of all guests; those that the mode does not run are passed over */
};

struct plan_guest {
	const char *name; /* the want's */
	enum guest_role role;
	unsigned vcpus;
	unsigned threads; /* of a core, as the guest is to see them unless its definition has a topology */
	uint64_t memory_mib;
	bool memory_chosen;     /* by the plan: its definition says nothing of it */
	uint64_t requested_mib; /* beside that: of its memory devices */
	bool exclusive;
	struct guest_placement placement;
};

struct plan {
	enum mode mode;
	struct cpu_set cpus;         /* the host's, and of these ... */
	struct cpu_set reserve_cpus; /* ... the host's own, ... */
	struct cpu_set shared_cpus;  /* ... and those that guests share: neither reserved nor exclusive */
	uint64_t memory_mib;         /* the host's, pools of huge pages included */
	uint64_t pool_mib;           /* in those pools */
	uint64_t reserve_mib;
	unsigned count;
	struct plan_guest *guests; /* in the order of the wants */
	/* What no guest has; 0 when over-committed. */
	unsigned left_cpus;
	uint64_t left_mib;          /* ordinary memory */
	uint64_t left_pool_mib;     /* huge pages */
	unsigned overcommit_memory; /* hundredths, the policy's */
};

/* The caller frees *plan, which refers to the names of the wants. */
int plan_make(const struct plan_input *input, struct plan *plan, struct error *err);
void plan_free(struct plan *plan);

/* All that is the guest's: its RAM and what is plugged in. */
static inline uint64_t plan_guest_memory(const struct plan_guest *guest)
{
	return guest->memory_mib + guest->requested_mib;
}

const struct plan_guest *plan_find(const struct plan *plan, const char *name); /* NULL: it does not run */
/* Whether a guest of this role runs in this mode. */
bool plan_mode_runs(enum mode mode, enum guest_role role);
