#include "vmm/plan/diff.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define CHANGES_A_GUEST 8

static const struct plan_running *find_running(const struct plan_running *running, unsigned count,
					       const char *name)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(running[i].name, name) == 0)
			return &running[i];
	}
	return NULL;
}

static void add_text(struct plan_changes *changes, const char *guest, const char *what, const char *from,
		     const char *to, bool live)
{
	changes->items[changes->count++] = (struct plan_change){
		.guest = guest,
		.what = what,
		.from = strdup(from),
		.to = strdup(to),
		.live = live,
	};
}

static void add_number(struct plan_changes *changes, const char *guest, const char *what, uint64_t from,
		       uint64_t to, bool live)
{
	char was[24], will[24];

	if (!from || from == to)
		return;
	snprintf(was, sizeof(was), "%llu", (unsigned long long)from);
	snprintf(will, sizeof(will), "%llu", (unsigned long long)to);
	add_text(changes, guest, what, was, will, live);
}

static void add_set(struct plan_changes *changes, const char *guest, const char *what,
		    const struct cpu_set *from, const struct cpu_set *to, bool live)
{
	char was[CPU_SET_TEXT_MAX], will[CPU_SET_TEXT_MAX];

	if (cpu_set_equal(from, to))
		return;
	cpu_set_format(from, was);
	cpu_set_format(to, will);
	add_text(changes, guest, what, *was ? was : "any", *will ? will : "any", live);
}

/* As far as it can at once, the rest when it starts next. */
static void add_memory(struct plan_changes *changes, const struct plan_guest *guest,
		       const struct plan_running *runs)
{
	uint64_t planned = plan_guest_memory(guest);
	uint64_t at_once = MIN(planned, runs->live_mib);

	if (runs->memory_mib && at_once && guest->memory_chosen)
		add_number(changes, guest->name, "memory_mib", runs->memory_mib, at_once, true);
	else
		at_once = runs->memory_mib;
	add_number(changes, guest->name, "memory_mib", at_once, planned, false);
}

static void compare(struct plan_changes *changes, const struct plan_guest *guest,
		    const struct plan_running *runs)
{
	const struct guest_placement *placement = &guest->placement;

	add_number(changes, guest->name, "vcpus", runs->vcpus, guest->vcpus, false);
	add_memory(changes, guest, runs);
	if (!cpu_set_empty(&runs->cpus))
		add_set(changes, guest->name, "cpus", &runs->cpus, &placement->cpus, true);
	add_number(changes, guest->name, "weight", runs->weight, placement->weight, true);
	if (runs->pages_known && runs->pages != placement->pages)
		add_text(changes, guest->name, "pages", page_kind_name(runs->pages),
			 page_kind_name(placement->pages), false);
	if (runs->nodes_known)
		add_set(changes, guest->name, "nodes", &runs->nodes, &placement->nodes, false);
}

int plan_diff(const struct plan *plan, const struct plan_running *running, unsigned count,
	      struct plan_changes *changes)
{
	size_t most = (size_t)plan->count * CHANGES_A_GUEST + count + 1;

	*changes = (struct plan_changes){.items = calloc(most, sizeof(*changes->items))};
	if (!changes->items)
		return -ENOMEM;
	for (unsigned i = 0; i < plan->count; i++) {
		const struct plan_guest *guest = &plan->guests[i];
		const struct plan_running *known = find_running(running, count, guest->name);

		if (!known)
			add_text(changes, guest->name, "guest", "", "added", false);
		else if (known->runs)
			compare(changes, guest, known);
	}
	for (unsigned i = 0; i < count; i++) {
		if (running[i].runs && !plan_find(plan, running[i].name))
			add_text(changes, running[i].name, "guest", "running", "not in this mode", false);
	}
	for (unsigned i = 0; i < changes->count; i++) {
		if (!changes->items[i].from || !changes->items[i].to) {
			plan_changes_free(changes);
			return -ENOMEM;
		}
	}
	return 0;
}

void plan_changes_free(struct plan_changes *changes)
{
	for (unsigned i = 0; i < changes->count; i++) {
		free(changes->items[i].from);
		free(changes->items[i].to);
	}
	free(changes->items);
	*changes = (struct plan_changes){0};
}

/* --- A start beside what runs --- */

/* What guests hold of ordinary memory now. */
struct held {
	uint64_t all;
	uint64_t comes;                  /* of it, what is to be given back while they run */
	const struct plan_running *most; /* who has most beyond its part; NULL: nobody */
	uint64_t part;                   /* that one's */
};

static bool holds_ordinary(const struct plan_running *guest, const struct plan_guest *planned)
{
	enum page_kind pages = guest->pages_known ? guest->pages
			       : planned          ? planned->placement.pages
						  : PAGES_NORMAL;

	return guest->runs && pages == PAGES_NORMAL;
}

/* name: of whom it is not asked; NULL: of nobody. */
static struct held held_beside(const struct plan *plan, const struct plan_running *running, unsigned count,
			       const char *name)
{
	struct held held = {0};
	uint64_t most = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct plan_running *other = &running[i];
		const struct plan_guest *planned = plan_find(plan, other->name);
		uint64_t part = planned ? plan_guest_memory(planned) : 0;
		uint64_t excess = other->memory_mib - MIN(part, other->memory_mib);

		if (!holds_ordinary(other, planned) || (name && strcmp(other->name, name) == 0))
			continue;
		held.all += other->memory_mib;
		if (other->live_mib && planned && planned->memory_chosen)
			held.comes += excess;
		if (excess && excess >= most) {
			most = excess;
			held.most = other;
			held.part = part;
		}
	}
	return held;
}

/* With over-commitment. */
static uint64_t ordinary_memory(const struct plan *plan)
{
	return (plan->memory_mib - plan->pool_mib - plan->reserve_mib) * plan->overcommit_memory / 100;
}

uint64_t plan_free_now(const struct plan *plan, const struct plan_running *running, unsigned count)
{
	uint64_t there = ordinary_memory(plan);

	return there - MIN(held_beside(plan, running, count, NULL).all, there);
}

static int refuse_start(const struct plan_guest *guest, uint64_t free_mib, const struct held *held,
			bool comes, bool waits, struct error *err)
{
	char sum[320];

	snprintf(
		sum, sizeof(sum),
		"of its %llu MiB only %llu are free while guest %s has %llu, of which the plan leaves it %llu",
		(unsigned long long)plan_guest_memory(guest), (unsigned long long)free_mib, held->most->name,
		(unsigned long long)held->most->memory_mib, (unsigned long long)held->part);
	if (comes && waits)
		return error_set(err, -EAGAIN, "waits for memory: %s", sum);
	return error_set(err, -ENOSPC, "guest %s: memory_mib: %s: %s", guest->name, sum,
			 comes ? "it has not given back the rest" : "shut that one down or reboot it first");
}

int plan_check_start(const struct plan *plan, const struct plan_running *running, unsigned count,
		     const char *name, bool waits, struct error *err)
{
	const struct plan_guest *guest = plan_find(plan, name);
	uint64_t there = ordinary_memory(plan);
	struct held held;

	if (!guest)
		return error_set(err, -EINVAL, "guest %s: does not run in %s mode", name,
				 mode_name(plan->mode));
	held = held_beside(plan, running, count, name);
	if (guest->placement.pages != PAGES_NORMAL || !held.most ||
	    held.all + plan_guest_memory(guest) <= there)
		return 0; /* a pool is checked by the kernel, page by page */
	return refuse_start(guest, there - MIN(held.all, there), &held,
			    held.all - held.comes + plan_guest_memory(guest) <= there, waits, err);
}
