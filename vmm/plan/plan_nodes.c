/* On which NUMA nodes guests live; plan.h says by which rules. */
#include <errno.h>

#include "common/util.h"
#include "vmm/plan/planner.h"

/* The reserve is taken from the lowest nodes, where the host's own CPUs are. */
void planner_fill_nodes(struct planner *planner)
{
	uint64_t reserve = planner->plan->reserve_mib;

	CPU_SET_FOREACH(node, &planner->host->nodes)
	{
		const struct inventory_node *info = &planner->host->node_info[node];
		uint64_t pool = MIN(inventory_pool_mib(info), info->memory_mib);
		uint64_t kept = MIN(reserve, info->memory_mib - pool);

		reserve -= kept;
		planner->node_mib[node][PAGES_NORMAL] =
			(info->memory_mib - pool - kept) * planner->policy->overcommit_memory / 100;
		planner->node_mib[node][PAGES_2M] = info->huge_2m.total * 2;
		planner->node_mib[node][PAGES_1G] = info->huge_1g.total * 1024;
	}
}

unsigned planner_find_node(const struct planner *planner, unsigned index, const struct cpu_set *candidates,
			   const struct cpu_set *cpus, unsigned percent)
{
	const struct plan_guest *guest = &planner->plan->guests[index];

	CPU_SET_FOREACH(node, candidates)
	{
		struct cpu_set here = cpu_set_and(cpus, &planner->host->node_info[node].cpus);
		uint64_t room = (uint64_t)cpu_set_count(&here) * percent / 100;

		room -= MIN(room, planner->node_vcpus[node]);
		if (guest->vcpus <= room &&
		    plan_guest_memory(guest) <= planner->node_mib[node][guest->placement.pages])
			return node;
	}
	return CPU_SET_MAX;
}

unsigned planner_node_of(const struct planner *planner, const struct cpu_set *cpus)
{
	unsigned node = planner->host->node[cpu_set_next(cpus, 0)];

	return cpu_set_within(cpus, &planner->host->node_info[node].cpus) ? node : CPU_SET_MAX;
}

/* The nodes of the guest's memory are filled from the lowest on. */
static uint64_t book_memory(struct planner *planner, const struct plan_guest *guest,
			    const struct cpu_set *nodes)
{
	uint64_t rest = plan_guest_memory(guest);

	CPU_SET_FOREACH(node, nodes)
	{
		uint64_t *left = &planner->node_mib[node][guest->placement.pages];
		uint64_t here = MIN(rest, *left);

		*left -= here;
		rest -= here;
	}
	return rest;
}

int planner_take_node(struct planner *planner, unsigned index, unsigned node)
{
	struct plan_guest *guest = &planner->plan->guests[index];
	const struct guest_wants *wants = planner->guests[index].wants;
	char text[CPU_SET_TEXT_MAX];
	uint64_t missing;

	if (node < CPU_SET_MAX && !guest->exclusive)
		planner->node_vcpus[node] += guest->vcpus;
	if (!cpu_set_empty(&wants->nodes)) {
		guest->placement.nodes = wants->nodes;
		missing = book_memory(planner, guest, &wants->nodes);
		if (missing && wants->numa_mode == NUMA_STRICT)
			return error_set(
				planner->err, -ENOSPC,
				"guest %s: numa.nodes: %llu MiB of %s pages do not fit on node %.64s: %llu "
				"too many, beside the host's and other guests'",
				guest->name, (unsigned long long)plan_guest_memory(guest),
				page_kind_name(wants->pages), cpu_set_format(&wants->nodes, text),
				(unsigned long long)missing);
		return 0;
	}
	/* With one node there is nothing to choose; one that the plan chose is no reason to fail for. */
	if (node < CPU_SET_MAX && cpu_set_count(&planner->host->nodes) > 1) {
		cpu_set_add(&guest->placement.nodes, node);
		guest->placement.numa_mode = NUMA_PREFERRED;
		book_memory(planner, guest, &guest->placement.nodes);
	} else {
		book_memory(planner, guest, &planner->host->nodes);
	}
	return 0;
}
