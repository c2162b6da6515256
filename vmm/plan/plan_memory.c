/* How much memory each guest gets; plan.h says by which rules. */
#include <errno.h>

#include "common/util.h"
#include "vmm/plan/planner.h"

#define ALIGN_MIB 2 /* memory that the plan chooses is whole huge pages */

/* One kind of pages: what there is, and what guests may have of it. */
struct stock {
	enum page_kind kind;
	uint64_t there;
	uint64_t limit; /* with over-commitment */
	uint64_t taken;
};

static struct stock stock_open(const struct planner *planner, enum page_kind kind)
{
	const struct plan *plan = planner->plan;
	struct stock stock = {.kind = kind};

	if (kind == PAGES_NORMAL) {
		stock.there = plan->memory_mib - plan->pool_mib - plan->reserve_mib;
		stock.limit = stock.there * planner->policy->overcommit_memory / 100;
		return stock;
	}
	CPU_SET_FOREACH(node, &planner->host->nodes)
	{
		const struct inventory_node *info = &planner->host->node_info[node];

		stock.there += kind == PAGES_2M ? info->huge_2m.total * 2 : info->huge_1g.total * 1024;
	}
	stock.limit = stock.there;
	return stock;
}

static int memory_refused(const struct planner *planner, const struct plan_guest *guest,
			  const struct stock *stock, uint64_t wanted, const char *what)
{
	const struct plan *plan = planner->plan;
	unsigned overcommit = planner->policy->overcommit_memory;

	if (stock->kind != PAGES_NORMAL)
		return error_set(
			planner->err, -ENOSPC,
			"guest %s: memory_mib: %s%llu MiB of %s pages do not fit: the host's pool has "
			"%llu MiB and other guests take %llu; "
			"/sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages fills it",
			guest->name, what, (unsigned long long)wanted, page_kind_name(stock->kind),
			(unsigned long long)stock->there, (unsigned long long)stock->taken,
			(unsigned)page_kind_mib(stock->kind) * 1024);
	return error_set(
		planner->err, -ENOSPC,
		"guest %s: memory_mib: %s%llu MiB do not fit: of %llu MiB the host keeps %llu, huge pages "
		"%llu, and other guests take %llu, which leaves %llu with overcommit.memory %u.%02u",
		guest->name, what, (unsigned long long)wanted, (unsigned long long)plan->memory_mib,
		(unsigned long long)plan->reserve_mib, (unsigned long long)plan->pool_mib,
		(unsigned long long)stock->taken, (unsigned long long)(stock->limit - stock->taken),
		overcommit / 100, overcommit % 100);
}

static int stock_take(const struct planner *planner, struct stock *stock, const struct plan_guest *guest,
		      uint64_t mib, const char *what)
{
	if (mib > stock->limit - stock->taken)
		return memory_refused(planner, guest, stock, mib, what);
	stock->taken += mib;
	return 0;
}

/* A part of what the plan chooses: whole pages, not less than a machine needs, and not more than it may have
 * beside all that can be plugged in. */
static uint64_t part_of(const struct stock *stock, const struct guest_wants *wants, uint64_t mib)
{
	uint64_t unit = MAX(page_kind_mib(stock->kind), (uint64_t)ALIGN_MIB);
	uint64_t least = MAX(unit, (uint64_t)PLAN_MEMORY_MIN);
	uint64_t most = wants->max_mib ? wants->max_mib - wants->devices_mib : WANTS_MEMORY_MAX;

	mib = MIN(mib, most) / unit * unit;
	return MAX(mib, least);
}

/* Whether guest i waits for a part of this stock. */
static bool waits(const struct planner *planner, unsigned i, enum page_kind kind, enum guest_role role)
{
	const struct plan_guest *guest = &planner->plan->guests[i];

	return planner->guests[i].auto_memory && guest->role == role && guest->placement.pages == kind;
}

static int give_parts(const struct planner *planner, struct stock *stock, enum guest_role role, uint64_t part)
{
	int code = 0;

	for (unsigned i = 0; i < planner->plan->count && code == 0; i++) {
		struct plan_guest *guest = &planner->plan->guests[i];

		if (!waits(planner, i, stock->kind, role))
			continue;
		guest->memory_mib = part_of(stock, planner->guests[i].wants, part);
		code = stock_take(planner, stock, guest, guest->memory_mib, "at least ");
	}
	return code;
}

static int divide_rest(const struct planner *planner, struct stock *stock)
{
	uint64_t rest = stock->there - MIN(stock->taken, stock->there);
	unsigned desktops = 0;
	int code;

	if (planner->plan->mode == MODE_SERVER)
		return give_parts(planner, stock, GUEST_ROLE_SERVER, rest);
	code = give_parts(planner, stock, GUEST_ROLE_SERVER, rest * planner->policy->server_percent / 100);
	if (code < 0)
		return code;
	for (unsigned i = 0; i < planner->plan->count; i++)
		desktops += waits(planner, i, stock->kind, GUEST_ROLE_DESKTOP);
	rest = stock->there - MIN(stock->taken, stock->there);
	return desktops ? give_parts(planner, stock, GUEST_ROLE_DESKTOP, rest / desktops) : 0;
}

/* What its definition says. */
static int take_said(const struct planner *planner, struct stock *stock, unsigned i)
{
	const struct plan_guest *guest = &planner->plan->guests[i];
	uint64_t said = planner->guests[i].auto_memory ? 0 : guest->memory_mib;

	return stock_take(planner, stock, guest, said + guest->requested_mib, "");
}

int planner_size_memory(struct planner *planner)
{
	static const enum page_kind kinds[PAGE_KINDS] = {PAGES_NORMAL, PAGES_2M, PAGES_1G};
	int code = 0;

	for (unsigned k = 0; k < PAGE_KINDS && code == 0; k++) {
		struct stock stock = stock_open(planner, kinds[k]);

		for (unsigned i = 0; i < planner->plan->count && code == 0; i++) {
			const struct plan_guest *guest = &planner->plan->guests[i];

			if (guest->placement.pages == stock.kind)
				code = take_said(planner, &stock, i);
		}
		if (code == 0)
			code = divide_rest(planner, &stock);
	}
	return code;
}
