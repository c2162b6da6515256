#include "vmm/plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "vmm/plan/planner.h"

#define RESERVE_PART 8 /* of memory */
#define RESERVE_MIN  256ULL
#define RESERVE_MAX  4096ULL
#define RESERVE_CPUS 8 /* the host keeps its first core when that is no more than this part of it */

bool plan_mode_runs(enum mode mode, enum guest_role role)
{
	return role != GUEST_ROLE_DESKTOP || mode == MODE_DESKTOP;
}

const struct plan_guest *plan_find(const struct plan *plan, const char *name)
{
	for (unsigned i = 0; i < plan->count; i++) {
		if (strcmp(plan->guests[i].name, name) == 0)
			return &plan->guests[i];
	}
	return NULL;
}

void plan_free(struct plan *plan)
{
	free(plan->guests);
	*plan = (struct plan){0};
}

/* --- The reserve --- */

/* Core after core, so that a reserve of CPUs leaves whole cores. */
static struct cpu_set first_cpus(const struct inventory *host, uint64_t wanted)
{
	struct cpu_set chosen = {0};

	CPU_SET_FOREACH(core, &host->cpus)
	{
		struct cpu_set siblings = inventory_core(host, core);

		if (host->core[core] != core)
			continue;
		CPU_SET_FOREACH(cpu, &siblings)
		{
			if (wanted == 0)
				return chosen;
			cpu_set_add(&chosen, cpu);
			wanted--;
		}
	}
	return chosen;
}

static int reserve_cpus(struct planner *planner)
{
	const struct inventory *host = planner->host;
	unsigned count = cpu_set_count(&host->cpus);
	struct cpu_set first = inventory_core(host, cpu_set_next(&host->cpus, 0));
	uint64_t wanted = planner->policy->reserve_cpus;

	if (wanted == POLICY_UNSAID)
		wanted = cpu_set_count(&first) <= count / RESERVE_CPUS ? cpu_set_count(&first) : 0;
	if (wanted >= count)
		return error_set(planner->err, -ENOSPC,
				 "reserve.cpus: %llu of the host's %u CPUs would leave none for guests",
				 (unsigned long long)wanted, count);
	planner->plan->reserve_cpus = first_cpus(host, wanted);
	planner->free = cpu_set_minus(&host->cpus, &planner->plan->reserve_cpus);
	return 0;
}

static int reserve_memory(struct planner *planner)
{
	struct plan *plan = planner->plan;
	uint64_t ordinary = plan->memory_mib - plan->pool_mib;

	plan->reserve_mib = planner->policy->reserve_mib;
	if (plan->reserve_mib == POLICY_UNSAID)
		plan->reserve_mib = MAX(RESERVE_MIN, MIN(plan->memory_mib / RESERVE_PART, RESERVE_MAX));
	if (plan->reserve_mib >= ordinary && planner->policy->reserve_mib != POLICY_UNSAID)
		return error_set(
			planner->err, -ENOSPC,
			"reserve.memory_mib: %llu of the host's %llu MiB would leave none for guests",
			(unsigned long long)plan->reserve_mib, (unsigned long long)ordinary);
	plan->reserve_mib = MIN(plan->reserve_mib, ordinary);
	return 0;
}

static int reserve(struct planner *planner)
{
	const struct inventory *host = planner->host;
	struct plan *plan = planner->plan;
	int code;

	plan->cpus = host->cpus;
	plan->memory_mib = host->memory_mib;
	CPU_SET_FOREACH(node, &host->nodes)
	plan->pool_mib += inventory_pool_mib(&host->node_info[node]);
	plan->pool_mib = MIN(plan->pool_mib, plan->memory_mib);
	code = reserve_cpus(planner);
	return code < 0 ? code : reserve_memory(planner);
}

/* --- Guests --- */

/* What stands in the definition, or its default where the role has one. */
static void take_guest(struct planner *planner, unsigned index, const struct plan_want *want)
{
	struct planner_guest *making = &planner->guests[index];
	struct plan_guest *guest = &planner->plan->guests[index];
	const struct guest_wants *wants = want->wants;
	uint64_t page = MAX(page_kind_mib(wants->pages), 1U);
	uint64_t most = wants->max_mib ? wants->max_mib - wants->devices_mib : WANTS_MEMORY_MAX;
	bool chooses = want->role != GUEST_ROLE_GUEST;

	*making = (struct planner_guest){
		.wants = wants,
		.auto_vcpus = !wants->vcpus && chooses,
		.auto_memory = !wants->memory_mib && chooses,
	};
	*guest = (struct plan_guest){
		.name = want->name,
		.role = want->role,
		.vcpus = wants_vcpus_now(wants),
		.threads = 1,
		.memory_mib = wants->memory_mib,
		.memory_chosen = making->auto_memory,
		.requested_mib = wants->requested_mib,
		.exclusive = wants->exclusive,
		.placement = {.weight = wants->weight,
			      .pages = wants->pages,
			      .numa_mode = wants->numa_mode,
			      .vcpu_pins = wants->vcpu_pins,
			      .emulator_pin = wants->emulator_pin},
	};
	/* An exclusive guest that names its CPUs has said how many. */
	if (!guest->vcpus && wants->exclusive && !cpu_set_empty(&wants->pin)) {
		guest->vcpus = MIN(cpu_set_count(&wants->pin), (unsigned)WANTS_VCPUS_MAX);
		making->auto_vcpus = false;
	}
	if (!guest->vcpus && !chooses)
		guest->vcpus = DEFINITION_VCPUS;
	if (!guest->memory_mib && !chooses)
		guest->memory_mib = MIN((DEFINITION_MEMORY_MIB + page - 1) / page * page, most);
}

/* Nodes and CPUs that a definition names are there, and its memory is whole pages. */
static int check_guest(const struct planner *planner, unsigned index)
{
	const struct guest_wants *wants = planner->guests[index].wants;
	const struct plan_guest *guest = &planner->plan->guests[index];
	uint64_t page = page_kind_mib(wants->pages);
	char asked[CPU_SET_TEXT_MAX], there[CPU_SET_TEXT_MAX];

	if (!cpu_set_within(&wants->pin, &planner->host->cpus))
		return error_set(planner->err, -EINVAL,
				 "guest %s: cpus.pin: %.64s is not all there: the host's CPUs are %.64s",
				 guest->name, cpu_set_format(&wants->pin, asked),
				 cpu_set_format(&planner->host->cpus, there));
	if (!cpu_set_within(&wants->nodes, &planner->host->nodes))
		return error_set(planner->err, -EINVAL,
				 "guest %s: numa.nodes: %.64s is not all there: the host's nodes are %.64s",
				 guest->name, cpu_set_format(&wants->nodes, asked),
				 cpu_set_format(&planner->host->nodes, there));
	if (page && guest->memory_mib % page)
		return error_set(planner->err, -EINVAL,
				 "guest %s: memory_mib: %llu MiB is not a whole number of %s pages",
				 guest->name, (unsigned long long)guest->memory_mib,
				 page_kind_name(wants->pages));
	return 0;
}

static int take_guests(struct planner *planner, const struct plan_input *input)
{
	struct plan *plan = planner->plan;
	const char *server = NULL;
	int code = 0;

	for (unsigned i = 0; i < input->count && code == 0; i++) {
		const struct plan_want *want = &input->wants[i];

		if (!plan_mode_runs(input->mode, want->role))
			continue;
		if (plan_find(plan, want->name))
			return error_set(planner->err, -EINVAL, "guest %s: two guests have this name",
					 want->name);
		if (want->role == GUEST_ROLE_SERVER && server)
			return error_set(planner->err, -EINVAL,
					 "guest %s: role: guest %s is the server guest already; guest is the "
					 "role of others",
					 want->name, server);
		if (want->role == GUEST_ROLE_SERVER)
			server = want->name;
		take_guest(planner, plan->count, want);
		code = check_guest(planner, plan->count++);
	}
	return code;
}

/* What is left once all have theirs. */
static void count_left(struct planner *planner)
{
	struct plan *plan = planner->plan;
	uint64_t ordinary = plan->memory_mib - plan->pool_mib - plan->reserve_mib;
	uint64_t taken = 0, taken_pool = 0;
	unsigned vcpus = 0;

	for (unsigned i = 0; i < plan->count; i++) {
		const struct plan_guest *guest = &plan->guests[i];

		vcpus += guest->exclusive ? 0 : guest->vcpus;
		if (guest->placement.pages == PAGES_NORMAL)
			taken += plan_guest_memory(guest);
		else
			taken_pool += guest->memory_mib;
	}
	plan->shared_cpus = planner->free;
	plan->left_cpus = cpu_set_count(&planner->free) - MIN(vcpus, cpu_set_count(&planner->free));
	plan->left_mib = ordinary - MIN(taken, ordinary);
	plan->left_pool_mib = plan->pool_mib - MIN(taken_pool, plan->pool_mib);
}

int plan_make(const struct plan_input *input, struct plan *plan, struct error *err)
{
	struct planner planner = {
		.host = input->host,
		.policy = input->policy,
		.plan = plan,
		.guests = calloc(input->count + 1, sizeof(*planner.guests)),
		.err = err,
	};
	int code;

	*plan = (struct plan){
		.mode = input->mode,
		.guests = calloc(input->count + 1, sizeof(*plan->guests)),
		.overcommit_memory = input->policy->overcommit_memory,
	};
	code = planner.guests && plan->guests ? 0 : error_set(err, -ENOMEM, "plan: out of memory");
	if (code == 0)
		code = reserve(&planner);
	if (code == 0)
		code = take_guests(&planner, input);
	if (code == 0)
		code = planner_size_memory(&planner);
	if (code == 0)
		code = planner_size_and_place_cpus(&planner);
	if (code == 0)
		count_left(&planner);
	else
		plan_free(plan);
	free(planner.guests);
	return code;
}
