#include "rinit/relation.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/load.h"
#include "rinit/log.h"

bool relation_has(const struct unit *unit, const struct string_list *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (unit_set_find(&unit->manager->units, names->items[i]) == unit)
			return true;
	return false;
}

static bool is_up(const struct unit *unit)
{
	return unit->run.state != STATE_INACTIVE && unit->run.state != STATE_FAILED;
}

bool relation_stops_with(const struct unit *other, const struct unit *unit)
{
	const struct unit_config *config = &other->config;

	return is_up(other) &&
	       (relation_has(unit, &config->requires) || relation_has(unit, &config->binds_to) ||
		relation_has(unit, &config->part_of) || relation_has(unit, &config->requisite));
}

/* BindsTo= asks for more than Requires= only where the order says that the other one comes first. */
const char *relation_missing(const struct unit *unit)
{
	const struct unit_config *config = &unit->config;
	const struct unit_set *set = &unit->manager->units;

	for (size_t i = 0; i < config->requisite.count; i++) {
		const struct unit *other = unit_set_find(set, config->requisite.items[i]);

		if (!other || !service_is_active(other->run.state))
			return config->requisite.items[i];
	}
	for (size_t i = 0; i < config->binds_to.count; i++) {
		const struct unit *other = unit_set_find(set, config->binds_to.items[i]);

		if (other && !service_is_active(other->run.state) && relation_has(other, &config->after))
			return config->binds_to.items[i];
	}
	return NULL;
}

static bool conflict(const struct unit *one, const struct unit *other)
{
	return one != other &&
	       (relation_has(one, &other->config.conflicts) || relation_has(other, &one->config.conflicts));
}

void relation_stop_conflicting(struct manager *manager, const struct unit *unit)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *other = manager->units.items[i];

		if (!is_up(other) || other->run.stopping || !conflict(unit, other))
			continue;
		log_info("%s is stopped: it conflicts with %s, which starts", other->config.name,
			 unit->config.name);
		manager_stop(manager, other);
	}
}

/* Few units have Conflicts=; only their names are looked at. */
static void boot_conflicts_of(struct manager *manager, struct unit *unit)
{
	for (size_t i = 0; i < unit->config.conflicts.count; i++) {
		struct unit *other = unit_set_find(&manager->units, unit->config.conflicts.items[i]), *later;

		if (!other || other == unit || !other->run.wanted || !unit->run.wanted)
			continue;
		later = other->index > unit->index ? other : unit;
		later->run.wanted = false;
		log_warning("%s: not started: it conflicts with %s", later->config.name,
			    later == unit ? other->config.name : unit->config.name);
	}
}

void relation_boot_conflicts(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++)
		boot_conflicts_of(manager, manager->units.items[i]);
}

static void start_on_failure(struct manager *manager, const struct unit *failed)
{
	for (size_t i = 0; i < failed->config.on_failure.count; i++) {
		const char *name = failed->config.on_failure.items[i];
		struct unit *unit;

		if (manager_look_up(manager, name, &unit) || unit->masked)
			log_warning("%s: OnFailure=%s: there is no such unit", failed->config.name, name);
		else
			manager_start(manager, unit);
	}
}

void relation_settled(struct manager *manager, struct unit *unit)
{
	bool down = unit->run.state == STATE_INACTIVE || unit->run.state == STATE_FAILED;

	if (unit->run.state == STATE_FAILED)
		start_on_failure(manager, unit);
	for (size_t i = 0; down && i < manager->units.count; i++) {
		struct unit *other = manager->units.items[i];

		if (other->config.binds_to.count &&
		    (service_is_active(other->run.state) || other->run.state == STATE_STARTING) &&
		    !other->run.stopping && relation_has(unit, &other->config.binds_to))
			manager_stop(manager, other);
	}
}

/* ---- isolate ---- */

static void keep_with_needs(const struct unit_set *set, const struct unit *unit, bool *keep)
{
	const struct string_list *needs[] = {&unit->config.requires, &unit->config.binds_to,
					     &unit->config.wants};

	if (keep[unit->index])
		return;
	keep[unit->index] = true;
	for (size_t l = 0; l < ARRAY_SIZE(needs); l++)
		for (size_t i = 0; i < needs[l]->count; i++) {
			const struct unit *need = unit_set_find(set, needs[l]->items[i]);

			if (need)
				keep_with_needs(set, need, keep);
		}
}

static bool is_boot_target(const char *name)
{
	return !strcmp(name, "multi-user.target") || !strcmp(name, "graphical.target");
}

/* What the boot to it would start for its place in /etc/rinit. */
static bool is_wanted_by_place(const struct unit *unit, const char *target)
{
	return is_boot_target(target) && manager_boot_wants(unit, target);
}

/* Logins and what else is of rinit's own making stay: who isolates sits at one of them. So does what the boot
 * did before there were services. */
static bool stays(const struct unit *unit, const char *target)
{
	return unit->config.ignore_on_isolate || (!unit->path && !is_boot_target(unit->config.name)) ||
	       is_wanted_by_place(unit, target);
}

void manager_isolate(struct manager *manager, struct unit *target)
{
	const struct unit_set *set = &manager->units;
	AUTO_FREE bool *keep = NULL;

	manager_prepare(manager, target);
	keep = calloc(set->count, sizeof(*keep));
	if (!keep)
		return;
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i] == target || stays(set->items[i], target->config.name))
			keep_with_needs(set, set->items[i], keep);
	for (size_t i = 0, count = set->count; i < count; i++)
		if (!keep[i] && is_up(set->items[i]))
			manager_stop(manager, set->items[i]);
	for (size_t i = 0, count = set->count; i < count; i++)
		if (is_wanted_by_place(set->items[i], target->config.name))
			manager_start(manager, set->items[i]);
	manager_start(manager, target);
}
