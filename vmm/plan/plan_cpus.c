/* How many vCPUs each guest gets, and on which CPUs those run that share theirs; plan.h says by which rules.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/util.h"
#include "vmm/plan/planner.h"

/* --- The others' numbers --- */

/* The CPUs that a guest which shares may run on. */
static struct cpu_set shared_candidates(const struct planner *planner, unsigned index)
{
	const struct guest_wants *wants = planner->guests[index].wants;
	struct cpu_set nodes;

	if (!cpu_set_empty(&wants->pin))
		return wants->pin;
	if (cpu_set_empty(&wants->nodes))
		return planner->free;
	nodes = inventory_cpus_of(planner->host, &wants->nodes);
	return cpu_set_and(&planner->free, &nodes);
}

static int give_part(struct planner *planner, unsigned index, unsigned part)
{
	struct plan_guest *guest = &planner->plan->guests[index];
	struct cpu_set candidates;

	part = MAX(1U, MIN(part, (unsigned)WANTS_VCPUS_MAX));
	if (guest->exclusive) {
		guest->vcpus = planner_whole_part(planner, index, part);
		return planner_place_exclusive(planner, index);
	}
	candidates = shared_candidates(planner, index);
	guest->vcpus = MAX(1U, MIN(part, cpu_set_count(&candidates)));
	return 0;
}

static bool waits(const struct planner *planner, unsigned index, enum guest_role role)
{
	return planner->guests[index].auto_vcpus && planner->plan->guests[index].role == role;
}

/* CPUs that are left beside the vCPUs of all guests that share and have their numbers. */
static unsigned cpus_left(const struct planner *planner)
{
	unsigned there = cpu_set_count(&planner->free), taken = 0;

	for (unsigned i = 0; i < planner->plan->count; i++)
		taken += planner->plan->guests[i].exclusive ? 0 : planner->plan->guests[i].vcpus;
	return there - MIN(there, taken);
}

static int give_server(struct planner *planner)
{
	unsigned part = cpus_left(planner);
	int code = 0;

	if (planner->plan->mode == MODE_DESKTOP)
		part = (part * planner->policy->server_percent + 50) / 100;
	for (unsigned i = 0; i < planner->plan->count && code == 0; i++) {
		if (waits(planner, i, GUEST_ROLE_SERVER))
			code = give_part(planner, i, part);
	}
	return code;
}

/* Equal parts; what cannot be divided goes to the first ones. */
static int give_desktops(struct planner *planner)
{
	unsigned left = cpus_left(planner), waiting = 0;
	int code = 0;

	for (unsigned i = 0; i < planner->plan->count; i++)
		waiting += waits(planner, i, GUEST_ROLE_DESKTOP);
	for (unsigned i = 0; i < planner->plan->count && code == 0; i++) {
		unsigned part;

		if (!waits(planner, i, GUEST_ROLE_DESKTOP))
			continue;
		part = (left + waiting - 1) / waiting;
		code = give_part(planner, i, part);
		left -= MIN(left, planner->plan->guests[i].vcpus);
		waiting--;
	}
	return code;
}

/* --- The others' CPUs --- */

static int check_pins(const struct planner *planner)
{
	for (unsigned i = 0; i < planner->plan->count; i++) {
		const struct plan_guest *guest = &planner->plan->guests[i];
		struct cpu_set candidates = shared_candidates(planner, i);

		if (guest->exclusive)
			continue;
		if (!cpu_set_within(&candidates, &planner->free))
			return planner_pin_refused(planner, guest, &candidates);
		if (cpu_set_empty(&candidates))
			return error_set(
				planner->err, -ENOSPC,
				"guest %s: %s: no CPU is left beside the host's reserve and exclusive guests",
				guest->name,
				cpu_set_empty(&planner->guests[i].wants->nodes) ? "vcpus" : "numa.nodes");
	}
	return 0;
}

/* The CPUs that some guests are confined to, and how many vCPUs are. */
struct crowd {
	struct cpu_set cpus;
	unsigned vcpus;
};

static int crowd_refused(const struct planner *planner, const struct plan_guest *guest,
			 const struct crowd *crowd)
{
	const struct plan *plan = planner->plan;
	unsigned overcommit = planner->policy->overcommit_cpus;
	unsigned there = cpu_set_count(&plan->cpus), kept = cpu_set_count(&plan->reserve_cpus);
	unsigned limit = cpu_set_count(&crowd->cpus) * overcommit / 100;
	char text[CPU_SET_TEXT_MAX];

	if (!cpu_set_equal(&crowd->cpus, &planner->free))
		return error_set(
			planner->err, -ENOSPC,
			"guest %s: vcpus: %u do not fit on CPUs %.64s: other guests there have %u, which "
			"leaves %u with overcommit.cpus %u.%02u",
			guest->name, guest->vcpus, cpu_set_format(&crowd->cpus, text), crowd->vcpus,
			limit - MIN(crowd->vcpus, limit), overcommit / 100, overcommit % 100);
	return error_set(
		planner->err, -ENOSPC,
		"guest %s: vcpus: %u do not fit: of %u CPUs the host keeps %u, exclusive guests have %u, "
		"and other guests' vCPUs are %u, which leaves %u with overcommit.cpus %u.%02u",
		guest->name, guest->vcpus, there, kept, there - kept - cpu_set_count(&planner->free),
		crowd->vcpus, limit - MIN(crowd->vcpus, limit), overcommit / 100, overcommit % 100);
}

/* Adds a guest to every crowd that it is part of. */
static int join_crowds(const struct planner *planner, unsigned index, struct crowd *crowds, unsigned count)
{
	const struct plan_guest *guest = &planner->plan->guests[index];
	struct cpu_set candidates = shared_candidates(planner, index);

	for (unsigned i = 0; i < count; i++) {
		uint64_t limit =
			(uint64_t)cpu_set_count(&crowds[i].cpus) * planner->policy->overcommit_cpus / 100;

		if (!cpu_set_within(&candidates, &crowds[i].cpus))
			continue;
		if (crowds[i].vcpus + guest->vcpus > limit)
			return crowd_refused(planner, guest, &crowds[i]);
		crowds[i].vcpus += guest->vcpus;
	}
	return 0;
}

/* No set of CPUs that somebody is confined to is more crowded than the policy allows. Those with numbers come
 * first, so that they are not blamed for what the plan gave to others. */
static int check_crowds(const struct planner *planner)
{
	struct crowd *crowds = calloc(planner->plan->count + 1, sizeof(*crowds));
	unsigned count = 1;
	int code = 0;

	if (!crowds)
		return error_set(planner->err, -ENOMEM, "plan: out of memory");
	crowds[0].cpus = planner->free;
	for (unsigned i = 0; i < planner->plan->count; i++) {
		struct cpu_set candidates = shared_candidates(planner, i);

		if (!planner->plan->guests[i].exclusive && !cpu_set_equal(&candidates, &planner->free))
			crowds[count++].cpus = candidates;
	}
	for (int chosen = 0; chosen <= 1; chosen++) {
		for (unsigned i = 0; i < planner->plan->count && code == 0; i++) {
			if (!planner->plan->guests[i].exclusive &&
			    planner->guests[i].auto_vcpus == (chosen == 1))
				code = join_crowds(planner, i, crowds, count);
		}
	}
	free(crowds);
	return code;
}

static int pin_outside(const struct planner *planner, const struct plan_guest *guest, const char *key,
		       const struct cpu_set *pin)
{
	char asked[CPU_SET_TEXT_MAX], there[CPU_SET_TEXT_MAX];

	return error_set(planner->err, -ENOSPC,
			 "guest %s: cpus.%s: %.64s is not within the CPUs that it runs on, %.64s",
			 guest->name, key, cpu_set_format(pin, asked),
			 cpu_set_format(&guest->placement.cpus, there));
}

/* Each of the guest's threads that has CPUs of its own has them of the guest's. */
static int check_pins_of(const struct planner *planner, unsigned index)
{
	const struct plan_guest *guest = &planner->plan->guests[index];
	const struct guest_placement *placement = &guest->placement;
	char key[16];

	if (!cpu_set_within(&placement->emulator_pin, &placement->cpus))
		return pin_outside(planner, guest, "emulatorpin", &placement->emulator_pin);
	for (unsigned i = 0; placement->vcpu_pins && i < WANTS_VCPUS_MAX; i++) {
		snprintf(key, sizeof(key), "vcpupin.%u", i);
		if (!cpu_set_within(&placement->vcpu_pins[i], &placement->cpus))
			return pin_outside(planner, guest, key, &placement->vcpu_pins[i]);
	}
	return 0;
}

/* One that pins its threads is not put on some node's CPUs by us. */
static bool pins_threads(const struct guest_wants *wants)
{
	return wants->vcpu_pins || !cpu_set_empty(&wants->emulator_pin);
}

static int place_shared(struct planner *planner, unsigned index)
{
	const struct guest_wants *wants = planner->guests[index].wants;
	struct plan_guest *guest = &planner->plan->guests[index];
	unsigned node = CPU_SET_MAX;

	guest->placement.cpus = shared_candidates(planner, index);
	if (!cpu_set_empty(&wants->pin)) {
		node = planner_node_of(planner, &wants->pin);
	} else if (cpu_set_empty(&wants->nodes) && !pins_threads(wants)) {
		node = planner_find_node(planner, index, &planner->host->nodes, &planner->free, 100);
		if (node == CPU_SET_MAX)
			node = planner_find_node(planner, index, &planner->host->nodes, &planner->free,
						 planner->policy->overcommit_cpus);
		if (node < CPU_SET_MAX)
			guest->placement.cpus =
				cpu_set_and(&planner->free, &planner->host->node_info[node].cpus);
	} else if (cpu_set_count(&wants->nodes) == 1) {
		node = cpu_set_next(&wants->nodes, 0);
	}
	planner->guests[index].placed = true;
	return planner_take_node(planner, index, node);
}

static int check_thread_pins(const struct planner *planner)
{
	int code = 0;

	for (unsigned i = 0; i < planner->plan->count && code == 0; i++)
		code = check_pins_of(planner, i);
	return code;
}

/* First those that say where, then those with numbers, then those that take what is left. */
static int place_shared_guests(struct planner *planner)
{
	int code = 0;

	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < planner->plan->count && code == 0; i++) {
			const struct planner_guest *making = &planner->guests[i];
			bool says =
				!cpu_set_empty(&making->wants->pin) || !cpu_set_empty(&making->wants->nodes);

			if (!making->placed &&
			    (turn == 2 || (turn == 0 && says) || (turn == 1 && !making->auto_vcpus)))
				code = place_shared(planner, i);
		}
	}
	return code;
}

int planner_size_and_place_cpus(struct planner *planner)
{
	int code;

	planner_fill_nodes(planner);
	if ((code = planner_place_exclusive_guests(planner)) < 0 || (code = give_server(planner)) < 0 ||
	    (code = give_desktops(planner)) < 0 || (code = check_pins(planner)) < 0 ||
	    (code = check_crowds(planner)) < 0)
		return code;
	code = place_shared_guests(planner);
	return code < 0 ? code : check_thread_pins(planner);
}
