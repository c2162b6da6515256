#include "vmm/plan/diff.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define CHANGES_A_GUEST 7

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

static void compare(struct plan_changes *changes, const struct plan_guest *guest,
		    const struct plan_running *runs)
{
	const struct guest_placement *placement = &guest->placement;

	add_number(changes, guest->name, "vcpus", runs->vcpus, guest->vcpus, false);
	add_number(changes, guest->name, "memory_mib", runs->memory_mib, guest->memory_mib, false);
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

/* Ordinary memory that running guests hold beside `name`, and whoever holds most beyond its part. */
static uint64_t held_beside(const struct plan *plan, const struct plan_running *running, unsigned count,
			    const char *name, const struct plan_running **most)
{
	uint64_t held = 0, excess = 0;

	*most = NULL;
	for (unsigned i = 0; i < count; i++) {
		const struct plan_running *other = &running[i];
		const struct plan_guest *planned = plan_find(plan, other->name);
		enum page_kind pages = other->pages_known ? other->pages
				       : planned          ? planned->placement.pages
							  : PAGES_NORMAL;
		uint64_t part = planned ? planned->memory_mib : 0;

		if (!other->runs || strcmp(other->name, name) == 0 || pages != PAGES_NORMAL)
			continue;
		held += other->memory_mib;
		if (other->memory_mib > part && other->memory_mib - part >= excess) {
			excess = other->memory_mib - part;
			*most = other;
		}
	}
	return held;
}

int plan_check_start(const struct plan *plan, const struct plan_running *running, unsigned count,
		     const char *name, struct error *err)
{
	uint64_t there =
		(plan->memory_mib - plan->pool_mib - plan->reserve_mib) * plan->overcommit_memory / 100;
	const struct plan_guest *guest = plan_find(plan, name);
	const struct plan_running *most;
	const struct plan_guest *planned;
	uint64_t held;

	if (!guest)
		return error_set(err, -EINVAL, "guest %s: does not run in %s mode", name,
				 mode_name(plan->mode));
	held = held_beside(plan, running, count, name, &most);
	if (guest->placement.pages != PAGES_NORMAL || !most || held + guest->memory_mib <= there)
		return 0; /* a pool is checked by the kernel, page by page */
	planned = plan_find(plan, most->name);
	return error_set(
		err, -ENOSPC,
		"guest %s: memory_mib: of its %llu MiB only %llu are free while guest %s has %llu, of which "
		"the plan leaves it %llu: shut that one down or reboot it first",
		name, (unsigned long long)guest->memory_mib, (unsigned long long)(there - MIN(held, there)),
		most->name, (unsigned long long)most->memory_mib,
		(unsigned long long)(planned ? planned->memory_mib : 0));
}
