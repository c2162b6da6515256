/* In which order guests start and end: each after those it depends on, and before them; after those whose
 * memory it is to have have given it back, too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "vmm/manager/division.h"
#include "vmm/manager/manager.h"
#include "vmm/plan/plan.h"

#define NS_PER_SECOND 1000000000ULL

/* The first guest it depends on that is not ready; NULL when all are. */
static struct managed_guest *not_ready(struct managed_guest *guest)
{
	const struct guest_definition *definition = guest->definition;

	for (unsigned i = 0; i < definition->depends_count; i++) {
		struct managed_guest *needed = manager_find(guest->manager, definition->depends_on[i]);

		if (needed && !guest_ready(needed))
			return needed;
	}
	return NULL;
}

bool manager_depends_on(const struct managed_guest *guest, const char *name)
{
	for (unsigned i = 0; i < guest->definition->depends_count; i++) {
		if (strcmp(guest->definition->depends_on[i], name) == 0)
			return true;
	}
	return false;
}

/* Whether one that runs depends on it. */
static bool is_needed(const struct managed_guest *guest)
{
	const struct manager *manager = guest->manager;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (guest_active(manager->guests[i]) &&
		    manager_depends_on(manager->guests[i], guest->definition->name))
			return true;
	}
	return false;
}

static bool others_active(const struct manager *manager, const struct managed_guest *guest)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (manager->guests[i] != guest && guest_active(manager->guests[i]))
			return true;
	}
	return false;
}

/* It waits for memory, and says whose: err has the sentence; until when, the first time that it does. */
static void wait_for_memory(struct managed_guest *guest, const struct error *err)
{
	uint64_t patience_ns = guest->manager->settings->policy.memory_wait_s * NS_PER_SECOND + 1;

	if (!guest->memory_due_ns) {
		guest->memory_due_ns = monotonic_ns() + patience_ns;
		loop_timer_set(&guest->deadline, patience_ns, 0);
	}
	snprintf(guest->why, sizeof(guest->why), "%s", err->text);
}

/* All that it depends on is there: it starts, waits on for memory, or fails. */
static void look_at_room(struct managed_guest *guest)
{
	bool waits = !guest->memory_due_ns || monotonic_ns() < guest->memory_due_ns;
	struct error err;
	int code = others_active(guest->manager, guest) ? division_room(guest, waits, &err) : 0;

	if (code == -EAGAIN) {
		wait_for_memory(guest, &err);
	} else if (code < 0) {
		guest->end = MACHINE_REFUSED;
		guest_hold_fail(guest, err.text);
	} else {
		guest_hold_over(guest);
	}
}

/* Guests that wait for others: those whose turn has come start, those whose turn will not come fail. */
static void look_at_waiting(struct manager *manager)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = manager->guests[i];
		const struct managed_guest *needed = guest->holds ? not_ready(guest) : NULL;
		char why[256];

		if (!guest->holds)
			continue;
		if (!needed) {
			look_at_room(guest);
		} else if (needed->state == LIFE_OFF || needed->state == LIFE_FAILED) {
			snprintf(why, sizeof(why), "guest %s: depends on %s, which is %s",
				 guest->definition->name, needed->definition->name,
				 life_state_name(needed->state));
			guest_hold_fail(guest, why);
		}
	}
}

/* --- Going down --- */

static void down_one(struct managed_guest *guest, bool force)
{
	uint64_t now = monotonic_ns();
	uint64_t deadline = guest->manager->down_deadline_ns;
	unsigned left_s = deadline > now ? (unsigned)((deadline - now) / NS_PER_SECOND) : 0;
	struct error err;

	if ((force ? guest_kill(guest, &err) : guest_shutdown(guest, left_s, &err)) < 0 && guest_alive(guest))
		guest_process_kill(guest);
}

/* Asks those to go whom nobody needs any more. */
static void down_step(struct manager *manager)
{
	for (unsigned i = manager->guest_count; i-- > 0;) {
		struct managed_guest *guest = manager->guests[i];

		if (guest_active(guest) && guest->state != LIFE_STOPPING && !is_needed(guest))
			down_one(guest, false);
	}
}

void manager_down(struct manager *manager, unsigned timeout_s, bool force)
{
	struct error err;

	manager->going_down = true;
	manager->down_deadline_ns = monotonic_ns() + timeout_s * NS_PER_SECOND;
	for (unsigned i = manager->guest_count; i-- > 0;) {
		struct managed_guest *guest = manager->guests[i];

		if (guest->state == LIFE_WAITING)
			guest_kill(guest, &err);
		else if (guest_active(guest) && force)
			down_one(guest, true);
		else if (guest->state == LIFE_STOPPING && guest->stop_stage < STOP_MACHINE)
			down_one(guest, false); /* it has no more time than the others */
	}
	down_step(manager);
	manager_changed(manager);
}

void manager_down_waits(const struct manager *manager, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (unsigned i = 0; i < manager->guest_count && used < size; i++) {
		if (guest_active(manager->guests[i]) || manager->guests[i]->leaving)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 manager->guests[i]->definition->name);
	}
}

void manager_forget(struct manager *manager)
{
	for (unsigned i = 0; i < manager->guest_count; i++)
		record_remove(manager->guests[i]->folder);
	networks_down(manager->networks);
}

void manager_guest_changed(struct managed_guest *guest)
{
	struct manager *manager = guest->manager;

	events_add(manager->events, life_state_name(guest->state), guest->definition->name, guest->why);
	/* One that has come or gone moves the others. */
	if (!manager->going_down && (guest->state == LIFE_STARTING || !guest_alive(guest)) &&
	    others_active(manager, guest))
		division_apply(manager);
	if (manager->going_down)
		down_step(manager);
	else
		look_at_waiting(manager);
	manager_changed(manager);
}

void manager_memory_given(struct manager *manager)
{
	if (manager->going_down)
		return;
	division_apply(manager);
	look_at_waiting(manager);
	manager_changed(manager);
}

/* --- Operations --- */

/* Definitions that hold now may make a circle with those that hold from a next start on: it ends here. */
static int start_dependencies(struct managed_guest *guest, struct error *err)
{
	const struct guest_definition *definition = guest->definition;
	int code = 0;

	if (guest->visited)
		return error_set(err, -ELOOP, "guest %s: depends_on: makes a circle", definition->name);
	guest->visited = true;
	for (unsigned i = 0; i < definition->depends_count && code == 0; i++) {
		struct managed_guest *other = manager_find(guest->manager, definition->depends_on[i]);

		if (!other)
			code = error_set(err, -ENOENT, "guest %s: depends_on: no guest is named %s",
					 definition->name, definition->depends_on[i]);
		else if (other->state == LIFE_OFF || other->state == LIFE_FAILED)
			code = manager_start(other, err);
	}
	guest->visited = false;
	return code;
}

/* That it waits makes it count, so that the others are told what they have now. */
static int hold_for_memory(struct managed_guest *guest, const struct error *room, struct error *err)
{
	int code = guest_hold(guest, room->text, err);

	if (code == 0)
		wait_for_memory(guest, room);
	return code;
}

int manager_start(struct managed_guest *guest, struct error *err)
{
	struct manager *manager = guest->manager;
	const struct guest_definition *definition = guest->definition;
	const struct managed_guest *needed;
	struct error room;
	char why[256];
	int code;

	if (manager->going_down)
		return error_set(err, -EALREADY, "guest %s: cannot start, the manager is going down",
				 definition->name);
	if (!plan_mode_runs(manager->mode, definition->role))
		return error_set(err, -EBUSY, "guest %s: is of role %s, which mode %s does not run",
				 definition->name, guest_role_name(definition->role),
				 mode_name(manager->mode));
	code = start_dependencies(guest, err);
	if (code < 0)
		return code;
	needed = not_ready(guest);
	if (needed) {
		snprintf(why, sizeof(why), "waits for %s", needed->definition->name);
		return guest_hold(guest, why, err);
	}
	if (!guest_alive(guest) && others_active(manager, guest) &&
	    division_room(guest, true, &room) == -EAGAIN)
		return hold_for_memory(guest, &room, err);
	return guest_start(guest, err);
}

void manager_guest_due(struct managed_guest *guest)
{
	const struct managed_guest *needed = not_ready(guest);
	char why[256];
	struct error err;

	if (!needed) {
		look_at_room(guest);
		guest->holds = guest->state == LIFE_WAITING;
		return;
	}
	snprintf(why, sizeof(why), "waits for %s", needed->definition->name);
	if (guest_hold(guest, why, &err) < 0)
		log_error("%s", err.text);
	look_at_waiting(guest->manager);
}

/* Whether it starts by itself: a former manager promised it, or this one begins with it. */
static bool starts_by_itself(struct managed_guest *guest)
{
	struct error err;

	if (!plan_mode_runs(guest->manager->mode, guest->definition->role)) {
		if (guest->state == LIFE_WAITING)
			guest_kill(guest, &err); /* promised in another mode */
		return false;
	}
	return guest->promised ||
	       (guest->state == LIFE_OFF && !guest->recorded && guest->definition->autostart);
}

int manager_start_all(struct manager *manager, struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = manager->guests[i];
		struct error other;
		int failed;

		if (guest->holds || !starts_by_itself(guest))
			continue;
		guest->promised = false;
		failed = manager_start(guest, code < 0 ? &other : err);
		if (failed < 0 && code < 0)
			log_error("%s", other.text);
		else if (failed < 0)
			code = failed;
	}
	return code;
}
