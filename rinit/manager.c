#include "rinit/manager.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/log.h"
#include "rinit/service_run.h"
#include "rinit/unit_graph.h"

#define UNIT_FILE_MAX (256 * 1024)
void manager_init(struct manager *manager, struct loop *loop)
{
	*manager = (struct manager){.loop = loop};
}

/* ---- events and actions ---- */

void unit_queue(struct unit *unit)
{
	struct manager *manager = unit->manager;

	if (unit->run.queued)
		return;
	unit->run.queued = true;
	manager->queue[manager->queue_count++] = unit;
}

static void units_queue(const struct manager *manager, const uint32_t *indices, size_t count)
{
	for (size_t i = 0; i < count; i++)
		unit_queue(manager->units.items[indices[i]]);
}

/* Those that come after it may start now, those that it comes after may stop. */
void unit_settled(struct unit *unit)
{
	struct manager *manager = unit->manager;

	unit->run.settled_ms = clock_ms();
	units_queue(manager, unit->before, unit->before_count);
	units_queue(manager, unit->after, unit->after_count);
	if (manager->settled)
		manager->settled(manager, unit);
}

static bool conditions_hold(const struct unit_config *config)
{
	for (size_t i = 0; i < config->conditions.count; i++) {
		const char *path = config->conditions.items[i];
		bool negated = *path == '!';

		if ((access(path + negated, F_OK) == 0) == negated)
			return false;
	}
	return true;
}

static void unit_try_start(struct unit *unit)
{
	const struct unit_set *set = &unit->manager->units;
	const struct unit *failed;

	if (!graph_may_start(set, unit) || unit->run.held)
		return;
	failed = graph_failed_requirement(set, unit);
	if (failed) {
		log_warning("%s: not started: %s, which it requires, is %s", unit->config.name,
			    failed->config.name, service_state_name(failed->run.state));
		unit_event(unit, EVENT_FAIL);
	} else if (unit->config.kind == UNIT_TARGET) {
		unit_event(unit, EVENT_READY);
	} else if (!conditions_hold(&unit->config)) {
		unit->run.skipped = true;
		unit_event(unit, EVENT_SKIP);
	} else if (!service_may_start(unit)) {
		unit_event(unit, EVENT_FAIL);
	} else {
		unit->run.skipped = false;
		unit_event(unit, EVENT_GO);
	}
}

static void unit_try_stop(struct unit *unit)
{
	enum service_state before = unit->run.state;

	if (!graph_may_stop(&unit->manager->units, unit))
		return;
	unit->run.stopping = false;
	unit_event(unit, EVENT_STOP);
	units_queue(unit->manager, unit->after, unit->after_count);
	if (unit->run.state == before &&
	    unit->manager->settled) /* it was down already: somebody may wait to hear it */
		unit->manager->settled(unit->manager, unit);
}

/* Every public function ends here: events queue units, units make events. */
void manager_drain(struct manager *manager)
{
	if (manager->draining)
		return;
	manager->draining = true;
	while (manager->queue_count) {
		struct unit *unit = manager->queue[--manager->queue_count];

		unit->run.queued = false;
		if (unit->run.stopping)
			unit_try_stop(unit);
		else if (unit->run.state == STATE_WAITING)
			unit_try_start(unit);
	}
	manager->draining = false;
}

/* ---- requests ---- */

static struct unit *unit_add(struct manager *manager, const char *name)
{
	struct unit **queue = realloc(manager->queue, (manager->units.count + 1) * sizeof(*queue));
	struct unit *unit = queue ? unit_set_add(&manager->units, name) : NULL;

	if (queue)
		manager->queue = queue; /* room for every unit: putting one in can't fail */
	if (!unit)
		log_warning("%s: out of memory", name);
	else
		unit->manager = manager;
	return unit;
}

struct unit *manager_add_target(struct manager *manager, const char *name, bool held)
{
	struct unit *unit = unit_add(manager, name);

	if (unit) {
		unit->config.kind = UNIT_TARGET;
		unit->run.held = held;
	}
	return unit;
}

struct unit *manager_add_service(struct manager *manager, const char *name, const char *description)
{
	struct unit *unit = unit_add(manager, name);

	if (unit)
		string_set(&unit->config.description, description);
	return unit;
}

static void unit_warning(void *context, const char *sentence)
{
	(void)context;
	log_warning("%s", sentence);
}

static const struct unit_warnings to_log = {.warn = unit_warning};

static void load_one(void *context, const char *path)
{
	struct manager *manager = context;
	struct error err;
	AUTO_FREE char *text = NULL;
	size_t length;
	int rc = file_load(path, UNIT_FILE_MAX, &text, &length);
	struct unit_config config;
	struct unit *unit;

	if (rc) {
		log_warning("%s: cannot read: %s", path, strerror(-rc));
		return;
	}
	unit_config_init(&config, strrchr(path, '/') + 1);
	if (unit_parse(&config, path, text, length, &to_log, &err)) {
		log_warning("%s", err.text);
		unit_config_clear(&config);
		return;
	}
	unit = unit_add(manager, config.name);
	if (unit)
		unit->config = config;
}

void manager_load(struct manager *manager, const char *directory)
{
	file_each(directory, ".service", load_one, manager);
}

/* A file in /etc/rinit is enabled by being there; WantedBy= only says for which of the modes. */
static bool boot_wants(const struct unit_config *config, const char *default_target)
{
	const struct string_list *by = &config->wanted_by;
	bool desktop = !strcmp(default_target, "graphical.target");

	if (!strcmp(config->name, "network-online.target"))
		return false; /* unless somebody wants it */
	return !by->count || !string_list_has(by, "graphical.target") || by->count > 1 || desktop;
}

/* What it requires and wants, the boot wants too. */
static void needs_want(struct manager *manager, const struct unit *unit)
{
	const struct string_list *needs[] = {&unit->config.requires, &unit->config.wants};

	for (size_t l = 0; l < ARRAY_SIZE(needs); l++)
		for (size_t i = 0; i < needs[l]->count; i++) {
			struct unit *need = unit_set_find(&manager->units, needs[l]->items[i]);

			if (!need || need->run.wanted)
				continue;
			need->run.wanted = true;
			needs_want(manager, need);
		}
}

void manager_resolve(struct manager *manager, const char *default_target)
{
	struct unit_set *set = &manager->units;

	manager->default_target = unit_set_find(set, default_target);
	for (size_t i = 0; i < set->count; i++)
		set->items[i]->run.wanted = boot_wants(&set->items[i]->config, default_target);
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i]->run.wanted)
			needs_want(manager, set->items[i]);
	if (graph_resolve(set, manager->default_target, &to_log))
		log_warning("out of memory while ordering the units");
}

void manager_boot(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++)
		if (manager->units.items[i]->run.wanted)
			unit_event(manager->units.items[i], EVENT_START);
	manager_drain(manager);
}

void manager_reached(struct manager *manager, const char *target)
{
	struct unit *unit = unit_set_find(&manager->units, target);

	if (!unit || !unit->run.held)
		return;
	unit->run.held = false;
	unit_queue(unit);
	manager_drain(manager);
}

static void start_with_needs(struct manager *manager, struct unit *unit)
{
	const struct string_list *needs[] = {&unit->config.requires, &unit->config.wants};

	if (service_is_active(unit->run.state) || unit->run.state == STATE_WAITING)
		return;
	unit->run.wanted = true;
	unit_event(unit, EVENT_START);
	for (size_t l = 0; l < ARRAY_SIZE(needs); l++)
		for (size_t i = 0; i < needs[l]->count; i++) {
			struct unit *need = unit_set_find(&manager->units, needs[l]->items[i]);

			if (need)
				start_with_needs(manager, need);
		}
}

void manager_start(struct manager *manager, struct unit *unit)
{
	unit->run.restarts = 0;
	unit->run.limit_count = 0;
	start_with_needs(manager, unit);
	manager_drain(manager);
}

void manager_start_now(struct manager *manager, struct unit *unit)
{
	if (unit->run.state == STATE_WAITING)
		unit_event(unit, EVENT_GO);
	manager_drain(manager);
}

static void mark_stopping(struct manager *manager, struct unit *unit)
{
	if (unit->run.stopping)
		return;
	unit->run.wanted = false;
	unit->run.stopping = true;
	unit_queue(unit);
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *other = manager->units.items[i];

		if (string_list_has(&other->config.requires, unit->config.name) &&
		    other->run.state != STATE_INACTIVE && other->run.state != STATE_FAILED)
			mark_stopping(manager, other);
	}
}

void manager_stop(struct manager *manager, struct unit *unit)
{
	unit->run.again = false;
	mark_stopping(manager, unit);
	manager_drain(manager);
}

void manager_restart(struct manager *manager, struct unit *unit)
{
	unit->run.restarts = 0;
	unit->run.limit_count = 0;
	if (service_has_process(unit->run.state) || unit->run.state == STATE_EXITED) {
		unit->run.again = true;
		unit_event(unit, EVENT_STOP);
	} else {
		unit_event(unit, EVENT_STOP);
		start_with_needs(manager, unit);
	}
	manager_drain(manager);
}

void manager_stop_all(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *unit = manager->units.items[i];

		unit->run.wanted = false;
		unit->run.again = false;
		unit->run.stopping = true;
		unit_queue(unit);
	}
	manager_drain(manager);
}

void manager_kill_all(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		service_kill(manager->units.items[i]);
		manager->units.items[i]->run.stopping = false;
	}
}

bool manager_is_idle(const struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		const struct unit_run *run = &manager->units.items[i]->run;

		if (run->stopping || run->pid || run->control || run->state == STATE_WAITING ||
		    run->state == STATE_DELAY)
			return false;
	}
	return true;
}
