/* Which whole cores exclusive guests get; plan.h says by which rules. */
#include <errno.h>

#include "common/util.h"
#include "vmm/plan/planner.h"

static struct cpu_set core_of(const struct planner *planner, unsigned cpu)
{
	return inventory_core(planner->host, cpu);
}

/* The guest that a CPU is exclusive to. */
static const char *owner_of(const struct planner *planner, unsigned cpu)
{
	for (unsigned i = 0; i < planner->plan->count; i++) {
		const struct plan_guest *guest = &planner->plan->guests[i];

		if (guest->exclusive && planner->guests[i].placed && cpu_set_has(&guest->placement.cpus, cpu))
			return guest->name;
	}
	return NULL;
}

int planner_pin_refused(const struct planner *planner, const struct plan_guest *guest,
			const struct cpu_set *wanted)
{
	struct cpu_set taken = cpu_set_minus(wanted, &planner->free);
	unsigned cpu = cpu_set_next(&taken, 0);
	const char *owner = owner_of(planner, cpu);

	if (owner)
		return error_set(planner->err, -ENOSPC, "guest %s: cpus.pin: CPU %u is exclusive to guest %s",
				 guest->name, cpu, owner);
	return error_set(
		planner->err, -ENOSPC,
		"guest %s: cpus.pin: CPU %u is the host's reserve; reserve.cpus in vmm.json sizes it",
		guest->name, cpu);
}

/* Cores whose CPUs are all free, of these CPUs. */
static struct cpu_set whole_cores(const struct planner *planner, const struct cpu_set *cpus)
{
	struct cpu_set whole = {0};

	CPU_SET_FOREACH(cpu, cpus)
	{
		struct cpu_set core = core_of(planner, cpu);

		if (cpu_set_within(&core, &planner->free))
			whole = cpu_set_or(&whole, &core);
	}
	return whole;
}

/* A core's CPUs are neighbours, whatever their numbers: so the guest's threads are the host's. */
static void pin_vcpus(const struct planner *planner, struct plan_guest *guest, const struct cpu_set *on)
{
	CPU_SET_FOREACH(first, on)
	{
		struct cpu_set core = core_of(planner, first);

		core = cpu_set_and(&core, on);
		if (cpu_set_next(&core, 0) != first)
			continue;
		CPU_SET_FOREACH(cpu, &core)
		{
			if (guest->placement.pin_count < guest->vcpus)
				guest->placement.pins[guest->placement.pin_count++] = (uint16_t)cpu;
		}
	}
}

/* Threads of each core when all vCPUs come in whole cores of one kind, else 1. */
static unsigned threads_of(const struct planner *planner, const struct plan_guest *guest)
{
	struct cpu_set core = core_of(planner, guest->placement.pins[0]);
	unsigned threads = cpu_set_count(&core);

	for (unsigned i = 0; i < guest->vcpus; i++) {
		if (i % threads == 0)
			core = core_of(planner, guest->placement.pins[i]);
		if (cpu_set_count(&core) != threads || !cpu_set_has(&core, guest->placement.pins[i]))
			return 1;
	}
	return guest->vcpus % threads == 0 ? threads : 1;
}

static void take_exclusive(struct planner *planner, unsigned index, const struct cpu_set *cores,
			   const struct cpu_set *vcpus_on)
{
	struct plan_guest *guest = &planner->plan->guests[index];

	guest->placement.cpus = *cores;
	pin_vcpus(planner, guest, vcpus_on);
	guest->threads = threads_of(planner, guest);
	planner->free = cpu_set_minus(&planner->free, cores);
	planner->guests[index].placed = true;
}

static int place_exclusive_pinned(struct planner *planner, unsigned index)
{
	const struct cpu_set *pin = &planner->guests[index].wants->pin;
	const struct plan_guest *guest = &planner->plan->guests[index];
	struct cpu_set cores = {0};

	if (cpu_set_count(pin) < guest->vcpus)
		return error_set(
			planner->err, -ENOSPC,
			"guest %s: cpus.pin: names %u CPUs, but an exclusive guest with %u vCPUs needs one "
			"for each",
			guest->name, cpu_set_count(pin), guest->vcpus);
	CPU_SET_FOREACH(cpu, pin)
	{
		struct cpu_set core = core_of(planner, cpu);

		cores = cpu_set_or(&cores, &core);
	}
	if (!cpu_set_within(&cores, &planner->free))
		return planner_pin_refused(planner, guest, &cores);
	take_exclusive(planner, index, &cores, pin);
	return planner_take_node(planner, index, planner_node_of(planner, &cores));
}

/* Whole cores of `from`, the lowest first, until there are `count` CPUs. */
static struct cpu_set lowest_cores(const struct planner *planner, const struct cpu_set *from, unsigned count)
{
	struct cpu_set chosen = {0};

	CPU_SET_FOREACH(cpu, from)
	{
		struct cpu_set core = core_of(planner, cpu);

		if (cpu_set_count(&chosen) >= count)
			break;
		chosen = cpu_set_or(&chosen, &core);
	}
	return chosen;
}

/* Where an exclusive guest may be: its nodes' whole cores. */
static struct cpu_set exclusive_candidates(const struct planner *planner, unsigned index)
{
	const struct cpu_set *nodes = &planner->guests[index].wants->nodes;
	struct cpu_set cpus =
		inventory_cpus_of(planner->host, cpu_set_empty(nodes) ? &planner->host->nodes : nodes);

	return whole_cores(planner, &cpus);
}

int planner_place_exclusive(struct planner *planner, unsigned index)
{
	const struct guest_wants *wants = planner->guests[index].wants;
	const struct plan_guest *guest = &planner->plan->guests[index];
	struct cpu_set candidates, cores;
	unsigned node;

	if (!cpu_set_empty(&wants->pin))
		return place_exclusive_pinned(planner, index);
	candidates = exclusive_candidates(planner, index);
	if (guest->vcpus == 0 || cpu_set_count(&candidates) < guest->vcpus)
		return error_set(
			planner->err, -ENOSPC,
			"guest %s: vcpus: %u exclusive ones do not fit: of %u CPUs the host keeps %u, and %u "
			"that other guests leave are whole cores%s",
			guest->name, MAX(guest->vcpus, 1U), cpu_set_count(&planner->plan->cpus),
			cpu_set_count(&planner->plan->reserve_cpus), cpu_set_count(&candidates),
			cpu_set_empty(&wants->nodes) ? "" : " of its nodes");
	node = planner_find_node(planner, index,
				 cpu_set_empty(&wants->nodes) ? &planner->host->nodes : &wants->nodes,
				 &candidates, 100);
	if (node < CPU_SET_MAX)
		candidates = cpu_set_and(&candidates, &planner->host->node_info[node].cpus);
	cores = lowest_cores(planner, &candidates, guest->vcpus);
	take_exclusive(planner, index, &cores, &cores);
	return planner_take_node(planner, index, node);
}

int planner_place_exclusive_guests(struct planner *planner)
{
	int code = 0;

	for (int pinned = 1; pinned >= 0; pinned--) {
		for (unsigned i = 0; i < planner->plan->count && code == 0; i++) {
			const struct planner_guest *making = &planner->guests[i];

			if (planner->plan->guests[i].exclusive && !making->auto_vcpus &&
			    cpu_set_empty(&making->wants->pin) != (pinned == 1))
				code = planner_place_exclusive(planner, i);
		}
	}
	return code;
}

unsigned planner_whole_part(const struct planner *planner, unsigned index, unsigned part)
{
	struct cpu_set candidates = exclusive_candidates(planner, index);
	unsigned count = 0;

	CPU_SET_FOREACH(cpu, &candidates)
	{
		struct cpu_set core = core_of(planner, cpu);
		unsigned size = cpu_set_count(&core);

		if (cpu_set_next(&core, 0) != cpu)
			continue;
		if (count && count + size > MIN(part, (unsigned)WANTS_VCPUS_MAX - 1))
			break;
		count += size;
	}
	return count;
}
