#include "vmm/manager/division.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/guest_vcpus.h"
#include "vmm/manager/manager.h"
#include "vmm/plan/apply.h"
#include "vmm/plan/diff.h"
#include "vmm/plan/placement.h"
#include "vmm/plan/report.h"

/* Whether a guest counts: it runs, shall run as soon as it can, or always starts by itself: what is kept for
 * that one is not another's. */
static bool counts(const struct managed_guest *guest)
{
	if (!plan_mode_runs(guest->manager->mode, guest->definition->role))
		return false; /* on its way out */
	return guest->definition->autostart || guest_alive(guest) || guest->state == LIFE_WAITING ||
	       guest->state == LIFE_STARTING;
}

static int look_at_host(struct manager *manager, struct error *err)
{
	if (!manager->host)
		manager->host = calloc(1, sizeof(*manager->host));
	return manager->host ? inventory_refresh("/", manager->host, err)
			     : error_set(err, -ENOMEM, "plan: out of memory");
}

/* The plan for all that count, and `more`, which takes the place of a guest with its name. */
static int make_plan(struct manager *manager, const struct guest_definition *more, struct plan *plan,
		     struct error *err)
{
	struct guest_definition *definitions[MANAGER_GUESTS_MAX + 1];
	unsigned count = 0;
	int code;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = manager->guests[i];

		if (counts(guest) && !(more && strcmp(more->name, guest->definition->name) == 0))
			definitions[count++] = guest->definition;
	}
	if (more)
		definitions[count++] = (struct guest_definition *)more; /* the plan only reads it */
	code = look_at_host(manager, err);
	return code < 0 ? code
			: plan_make_for(manager->host, manager->mode, &manager->settings->policy, definitions,
					count, plan, err);
}

int division_check(struct manager *manager, const struct guest_definition *more, struct error *err)
{
	struct plan plan;
	int code = make_plan(manager, more, &plan, err);

	if (code == 0)
		plan_free(&plan);
	return code;
}

static unsigned list_running(const struct manager *manager, struct plan_running running[MANAGER_GUESTS_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		const struct managed_guest *guest = manager->guests[i];
		const struct guest_definition *definition = guest->definition;

		if (!guest_active(guest))
			continue;
		running[count++] = (struct plan_running){
			.name = definition->name,
			.runs = true,
			.vcpus = guest_vcpus(guest),
			.memory_mib = guest->share.given_mib,
			.live_mib = memory_share_live(guest),
			.cpus = definition->placement.cpus,
			.weight = definition->placement.weight,
			.pages_known = true,
			.pages = definition->placement.pages,
			.nodes_known = true,
			.nodes = definition->placement.nodes,
		};
	}
	return count;
}

int division_give(struct managed_guest *guest, struct error *err)
{
	struct manager *manager = guest->manager;
	AUTO_FREE struct plan_running *running = calloc(MANAGER_GUESTS_MAX, sizeof(*running));
	struct plan plan;
	int code;

	if (!running)
		return error_set(err, -ENOMEM, "plan: out of memory");
	code = make_plan(manager, guest->definition, &plan, err);
	if (code < 0)
		return code;
	code = plan_check_start(&plan, running, list_running(manager, running), guest->definition->name,
				false, err);
	if (code == 0)
		plan_apply_definition(plan_find(&plan, guest->definition->name), guest->definition);
	plan_free(&plan);
	return code;
}

static int room_for(struct manager *manager, const struct guest_definition *definition, bool waits,
		    struct error *err)
{
	AUTO_FREE struct plan_running *running = calloc(MANAGER_GUESTS_MAX, sizeof(*running));
	struct plan plan;
	int code = running ? make_plan(manager, definition, &plan, err)
			   : error_set(err, -ENOMEM, "plan: out of memory");

	if (code < 0)
		return code;
	code = plan_check_start(&plan, running, list_running(manager, running), definition->name, waits, err);
	plan_free(&plan);
	return code;
}

int division_room(struct managed_guest *guest, bool waits, struct error *err)
{
	return room_for(guest->manager, guest->fresh ? guest->fresh : guest->definition, waits, err);
}

int division_fits(struct managed_guest *guest, struct error *err)
{
	return room_for(guest->manager, guest->definition, false, err);
}

int division_free(struct manager *manager, uint64_t *free_mib, struct error *err)
{
	AUTO_FREE struct plan_running *running = calloc(MANAGER_GUESTS_MAX, sizeof(*running));
	struct plan plan;
	int code = running ? make_plan(manager, NULL, &plan, err)
			   : error_set(err, -ENOMEM, "plan: out of memory");

	if (code < 0)
		return code;
	*free_mib = plan_free_now(&plan, running, list_running(manager, running));
	plan_free(&plan);
	return 0;
}

static void apply_to(struct managed_guest *guest, const struct plan_guest *planned)
{
	const struct guest_placement before = guest->definition->placement;
	const char *name = guest->definition->name;
	struct error err;

	plan_apply_live(planned, guest->definition);
	if (memcmp(&before, &guest->definition->placement, sizeof(before)) == 0)
		return;
	if (guest_jail_limit(guest, guest->definition, &err) < 0)
		log_warning("guest %s: %s", name, err.text);
	if (placement_apply(guest->record.process.pid, &guest->definition->placement, name, &err) < 0)
		log_warning("%s", err.text);
	guest_remember_numbers(guest);
}

/* Who has too much is told first; what others then get is what nobody has yet. */
static void move_memory(struct manager *manager, const struct plan *plan)
{
	AUTO_FREE struct plan_running *running = calloc(MANAGER_GUESTS_MAX, sizeof(*running));
	uint64_t none = 0, free_mib = 0;

	for (unsigned i = 0; i < 2 * manager->guest_count && running; i++) {
		bool first = i < manager->guest_count;
		struct managed_guest *guest = manager->guests[i % manager->guest_count];
		const struct plan_guest *planned = plan_find(plan, guest->definition->name);

		if (i == manager->guest_count)
			free_mib = plan_free_now(plan, running, list_running(manager, running));
		if (guest_alive(guest) && planned)
			memory_share_aim(guest, plan_guest_memory(planned), first ? &none : &free_mib);
	}
}

void division_apply(struct manager *manager)
{
	struct plan plan;
	struct error err;

	if (make_plan(manager, NULL, &plan, &err) < 0) {
		log_warning("the guests stay on the CPUs they have: %s", err.text);
		return;
	}
	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = manager->guests[i];
		const struct plan_guest *planned = plan_find(&plan, guest->definition->name);

		if (guest_alive(guest) && planned)
			apply_to(guest, planned);
	}
	move_memory(manager, &plan);
	plan_free(&plan);
}

cJSON *division_describe(struct manager *manager, struct error *err)
{
	AUTO_FREE struct plan_running *running = calloc(MANAGER_GUESTS_MAX, sizeof(*running));
	struct plan_changes changes = {0};
	struct plan plan = {0};
	cJSON *json = NULL;
	int code = running ? make_plan(manager, NULL, &plan, err)
			   : error_set(err, -ENOMEM, "plan: out of memory");

	if (code < 0)
		return NULL;
	if (plan_diff(&plan, running, list_running(manager, running), &changes) == 0)
		json = plan_to_json(&plan, manager->host, &changes);
	if (!json)
		error_set(err, -ENOMEM, "plan: out of memory");
	plan_changes_free(&changes);
	plan_free(&plan);
	return json;
}
