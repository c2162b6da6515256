#include "rinit/manager.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/condition.h"
#include "rinit/file.h"
#include "rinit/load.h"
#include "rinit/log.h"
#include "rinit/mounts.h"
#include "rinit/relation.h"
#include "rinit/service_run.h"
#include "rinit/socket.h"
#include "rinit/unit_graph.h"

#define UNITS_MAX 16384 /* templates that want each other might go on for ever */
#define TOO_MANY  "there are too many units"

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
	relation_settled(manager, unit);
	socket_unit_settled(unit);
	if (manager->settled)
		manager->settled(manager, unit);
}

static void unit_try_start(struct unit *unit)
{
	const struct unit_set *set = &unit->manager->units;
	const struct unit *failed;
	const char *missing, *condition;

	manager_refresh(unit);
	if (!graph_may_start(set, unit) || unit->run.held)
		return;
	failed = graph_failed_requirement(set, unit);
	missing = relation_missing(unit);
	condition = conditions_failed(&unit->config.conditions);
	if (failed || missing) {
		log_warning("%s: not started: %s, which it requires, is %s", unit->config.name,
			    failed ? failed->config.name : missing,
			    !failed          ? "not active"
			    : failed->masked ? "masked"
					     : service_state_name(failed->run.state));
		unit_event(unit, EVENT_FAIL);
	} else if (condition) {
		log_info("%s: skipped: Condition%s does not hold", unit->config.name, condition);
		unit->run.skipped = true;
		unit_event(unit, EVENT_SKIP);
	} else if ((condition = conditions_failed(&unit->config.asserts))) {
		log_warning("%s: not started: Assert%s does not hold", unit->config.name, condition);
		unit_event(unit, EVENT_FAIL);
	} else if (unit->config.kind == UNIT_TARGET) {
		unit_event(unit, EVENT_READY);
	} else if (unit->config.kind == UNIT_SOCKET) {
		unit->run.started_ms = clock_ms();
		unit_event(unit, socket_open(unit) ? EVENT_FAIL : EVENT_READY);
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
	if (unit->config.kind == UNIT_SOCKET)
		socket_close(unit);
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

struct unit *manager_add_unit(struct manager *manager, const char *name)
{
	bool full = manager->units.count >= UNITS_MAX;
	struct unit **queue =
		full ? NULL : realloc(manager->queue, (manager->units.count + 1) * sizeof(*queue));
	struct unit *unit = queue ? unit_set_add(&manager->units, name) : NULL;

	if (queue)
		manager->queue = queue; /* room for every unit: putting one in can't fail */
	if (full && !string_list_has(&manager->told, TOO_MANY)) {
		string_list_add(&manager->told, TOO_MANY); /* whichever else are asked for */
		log_warning("%s: " TOO_MANY ": this and further ones are left out", name);
	}
	if (!unit && !full)
		log_warning("%s: out of memory", name);
	if (unit)
		unit->manager = manager;
	return unit;
}

struct unit *manager_add_target(struct manager *manager, const char *name, bool held)
{
	struct unit *unit = manager_add_unit(manager, name);

	if (unit) {
		unit->config.kind = UNIT_TARGET;
		unit->enabled = true;
		unit->run.held = held;
	}
	return unit;
}

struct unit *manager_add_service(struct manager *manager, const char *name, const char *description)
{
	struct unit *unit = manager_add_unit(manager, name);

	if (unit) {
		unit->enabled = true;
		string_set(&unit->config.description, description);
	}
	return unit;
}

void manager_boot(struct manager *manager)
{
	relation_boot_conflicts(manager);
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
	const struct string_list *needs[] = {&unit->config.requires, &unit->config.binds_to,
					     &unit->config.wants};

	if (service_is_active(unit->run.state) || unit->run.state == STATE_WAITING || unit->masked ||
	    unit->gone)
		return;
	relation_stop_conflicting(manager, unit);
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
	bool within = manager->draining;

	manager_prepare(manager, unit);
	unit->run.restarts = 0;
	manager->draining = true; /* nothing else happens, no file is read again, until all are queued */
	unit->run.limit_count = 0;
	start_with_needs(manager, unit);
	manager->draining = within;
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

		if (relation_stops_with(other, unit))
			mark_stopping(manager, other);
	}
}

void manager_stop(struct manager *manager, struct unit *unit)
{
	unit->run.again = false;
	mark_stopping(manager, unit);
	manager_drain(manager);
}

static void restart_one(struct manager *manager, struct unit *unit)
{
	unit->run.restarts = 0;
	unit->run.limit_count = 0;
	if (unit->config.kind == UNIT_SOCKET)
		socket_close(unit);
	if (service_has_process(unit->run.state) || unit->run.state == STATE_EXITED) {
		unit->run.again = true;
		unit_event(unit, EVENT_STOP);
	} else {
		unit_event(unit, EVENT_STOP);
		start_with_needs(manager, unit);
	}
}

void manager_restart(struct manager *manager, struct unit *unit)
{
	bool within = manager->draining;

	manager_prepare(manager, unit);
	manager->draining = true; /* as in manager_start */
	restart_one(manager, unit);
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *other = manager->units.items[i];

		if (other != unit && service_is_active(other->run.state) && relation_stops_with(other, unit))
			restart_one(manager, other);
	}
	manager->draining = within;
	manager_drain(manager);
}

void manager_stop_all(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *unit = manager->units.items[i];

		unit->run.wanted = false;
		unit->run.again = false;
		if (unit->config.kind == UNIT_MOUNT && unit->run.state == STATE_EXITED &&
		    !mount_needs_network(unit))
			continue; /* when no process is left: shutdown.c */
		unit->run.stopping = true;
		unit_queue(unit);
	}
	manager_drain(manager);
}

void manager_cancel_waiting(struct manager *manager)
{
	for (size_t i = 0; i < manager->units.count; i++) {
		struct unit *unit = manager->units.items[i];

		if (unit->run.state == STATE_WAITING || unit->run.state == STATE_DELAY) {
			unit->run.wanted = false;
			unit->run.stopping = true;
			unit_queue(unit);
		}
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
