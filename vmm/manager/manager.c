#include "vmm/manager/manager.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/manager/depends.h"
#include "vmm/manager/division.h"
#include "vmm/manager/store.h"
#include "vmm/plan/report.h"

#define NS_PER_SECOND 1000000000ULL

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

bool manager_all_off(const struct manager *manager)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (guest_alive(manager->guests[i]))
			return false;
	}
	return true;
}

struct managed_guest *manager_find(struct manager *manager, const char *name)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (strcmp(manager->guests[i]->definition->name, name) == 0)
			return manager->guests[i];
	}
	return NULL;
}

void manager_changed(struct manager *manager)
{
	if (manager->changed)
		manager->changed(manager->changed_owner);
}

void manager_leave(struct manager *manager, const struct managed_guest *self)
{
	for (unsigned i = 0; i < manager->guest_count; i++)
		guest_process_leave(manager->guests[i], manager->guests[i] == self);
	networks_forked(manager->networks);
	loop_close(manager->loop);
	if (manager->forked)
		manager->forked(manager->forked_owner);
}

/* --- Order --- */

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

static bool depends_on(const struct managed_guest *guest, const char *name)
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
		if (guest_alive(manager->guests[i]) &&
		    depends_on(manager->guests[i], guest->definition->name))
			return true;
	}
	return false;
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
			guest_hold_over(guest);
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
	uint64_t now = now_ns();
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

		if (guest_alive(guest) && guest->state != LIFE_STOPPING && !is_needed(guest))
			down_one(guest, false);
	}
}

void manager_down(struct manager *manager, unsigned timeout_s, bool force)
{
	struct error err;

	manager->going_down = true;
	manager->down_deadline_ns = now_ns() + timeout_s * NS_PER_SECOND;
	for (unsigned i = manager->guest_count; i-- > 0;) {
		struct managed_guest *guest = manager->guests[i];

		if (guest->state == LIFE_WAITING)
			guest_kill(guest, &err);
		else if (guest_alive(guest) && force)
			down_one(guest, true);
	}
	down_step(manager);
	manager_changed(manager);
}

void manager_down_waits(const struct manager *manager, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (unsigned i = 0; i < manager->guest_count && used < size; i++) {
		if (guest_alive(manager->guests[i]))
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

	events_add(&manager->events, life_state_name(guest->state), guest->definition->name, guest->why);
	/* One that has come or gone moves the others. */
	if (!manager->going_down && (guest->state == LIFE_STARTING || !guest_alive(guest)))
		division_apply(manager);
	if (manager->going_down)
		down_step(manager);
	else
		look_at_waiting(manager);
	manager_changed(manager);
}

/* --- Operations --- */

int manager_start(struct managed_guest *guest, struct error *err)
{
	struct manager *manager = guest->manager;
	const struct guest_definition *definition = guest->definition;
	const struct managed_guest *needed;
	char why[256];

	if (manager->going_down)
		return error_set(err, -EALREADY, "guest %s: cannot start, the manager is going down",
				 definition->name);
	for (unsigned i = 0; i < definition->depends_count; i++) {
		struct managed_guest *other = manager_find(manager, definition->depends_on[i]);
		int code = 0;

		if (!other)
			return error_set(err, -ENOENT, "guest %s: depends_on: no guest is named %s",
					 definition->name, definition->depends_on[i]);
		if (other->state == LIFE_OFF || other->state == LIFE_FAILED)
			code = manager_start(other, err);
		if (code < 0)
			return code;
	}
	needed = not_ready(guest);
	if (!needed)
		return guest_start(guest, err);
	snprintf(why, sizeof(why), "waits for %s", needed->definition->name);
	return guest_hold(guest, why, err);
}

int manager_start_all(struct manager *manager, struct error *err)
{
	int code = 0;

	for (unsigned i = 0; i < manager->guest_count && code == 0; i++) {
		struct managed_guest *guest = manager->guests[i];
		bool promised = guest->state == LIFE_WAITING; /* by a former manager */
		bool fresh = guest->state == LIFE_OFF && !guest->recorded && guest->definition->autostart;

		if (promised || fresh)
			code = manager_start(guest, err);
	}
	return code;
}

static int check_roles(const struct manager *manager, const struct guest_definition *definition,
		       struct error *err)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		const struct guest_definition *other = manager->guests[i]->definition;

		if (definition->role == GUEST_ROLE_SERVER && other->role == GUEST_ROLE_SERVER &&
		    strcmp(other->name, definition->name) != 0)
			return error_set(
				err, -EEXIST,
				"guest %s: role: guest %s is the server guest already, and there is one",
				definition->name, other->name);
	}
	return 0;
}

/* What a definition may not be in the midst of the others: a second server guest, part of a circle. */
static int check_among_others(const struct manager *manager, const struct guest_definition *definition,
			      struct error *err)
{
	const struct guest_definition *all[MANAGER_GUESTS_MAX + 1];
	unsigned count = 0;
	int code = check_roles(manager, definition, err);

	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (strcmp(manager->guests[i]->definition->name, definition->name) != 0)
			all[count++] = manager->guests[i]->definition;
	}
	all[count++] = definition;
	return code < 0 ? code : depends_check(all, count, err);
}

static bool mode_runs(enum mode mode, const struct guest_definition *definition)
{
	return definition->role != GUEST_ROLE_DESKTOP || mode == MODE_DESKTOP;
}

/* Takes definition and file over. */
static int add_guest(struct manager *manager, struct guest_definition *definition, char *file,
		     struct error *err)
{
	struct managed_guest *guest;
	int code;

	if (manager->guest_count == MANAGER_GUESTS_MAX) {
		code = error_set(err, -E2BIG, "guest %s: there are %d guests already, which is the most",
				 definition->name, MANAGER_GUESTS_MAX);
		definition_free(definition);
		free(file);
		return code;
	}
	code = guest_create(manager, definition, file, &guest, err);
	if (code < 0)
		return code;
	/* The server guest comes first. */
	manager->guests[manager->guest_count++] = guest;
	if (definition->role == GUEST_ROLE_SERVER && manager->guest_count > 1) {
		memmove(manager->guests + 1, manager->guests,
			(manager->guest_count - 1) * sizeof(manager->guests[0]));
		manager->guests[0] = guest;
	}
	return 0;
}

static int define_new(struct manager *manager, struct guest_definition *definition, struct error *err)
{
	AUTO_FREE char *file = NULL;
	int code = store_write(manager->settings, definition, &file, err);

	if (code == 0)
		code = add_guest(manager, definition, TAKE_PTR(file), err);
	return code;
}

int manager_define(struct manager *manager, struct guest_definition *definition, bool replace,
		   struct error *err)
{
	struct managed_guest *guest = manager_find(manager, definition->name);
	char name[DEFINITION_NAME_MAX + 1];
	int code = check_among_others(manager, definition, err);

	if (code < 0)
		return code;
	if (guest && !replace)
		return error_set(err, -EEXIST,
				 "guest %s: the name is taken; undefine that guest first, or take "
				 "another name",
				 definition->name);
	if (!mode_runs(manager->mode, definition))
		return error_set(err, -EINVAL,
				 "guest %s: role: desktop guests are for mode desktop, the mode is %s",
				 definition->name, mode_name(manager->mode));
	if (definition->autostart && (code = division_check(manager, definition, err)) < 0)
		return code;
	if (!guest && manager->guest_count == MANAGER_GUESTS_MAX)
		return error_set(err, -E2BIG, "guest %s: there are %d guests already, which is the most",
				 definition->name, MANAGER_GUESTS_MAX);
	snprintf(name, sizeof(name), "%s", definition->name);
	if (guest) {
		code = store_write(manager->settings, definition, &guest->file, err);
		if (code == 0)
			code = guest_redefine(guest, definition, err);
	} else {
		code = define_new(manager, definition, err);
	}
	if (code == 0) {
		events_add(&manager->events, "defined", name, "");
		manager_changed(manager);
	}
	return code;
}

int manager_undefine(struct managed_guest *guest, struct error *err)
{
	struct manager *manager = guest->manager;
	unsigned place = 0;
	int code;

	if (guest->state != LIFE_OFF && guest->state != LIFE_FAILED)
		return error_set(err, -EBUSY, "guest %s: is %s; shut it down first", guest->definition->name,
				 life_state_name(guest->state));
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (depends_on(manager->guests[i], guest->definition->name))
			return error_set(err, -EBUSY, "guest %s: guest %s depends on it",
					 guest->definition->name, manager->guests[i]->definition->name);
	}
	code = store_remove(guest->file, err);
	if (code < 0)
		return code;
	while (manager->guests[place] != guest)
		place++;
	manager->guest_count--;
	memmove(&manager->guests[place], &manager->guests[place + 1],
		(manager->guest_count - place) * sizeof(manager->guests[0]));
	events_add(&manager->events, "undefined", guest->definition->name, "");
	guest_remove_folder(guest);
	guest_destroy(guest);
	manager_changed(manager);
	return 0;
}

cJSON *manager_describe(const struct managed_guest *guest)
{
	const struct guest_definition *definition = guest->definition;
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", definition->name);
	cJSON_AddStringToObject(json, "role", guest_role_name(definition->role));
	cJSON_AddStringToObject(json, "state", life_state_name(guest->state));
	cJSON_AddNumberToObject(json, "vcpus", topology_vcpus(&definition->topology));
	cJSON_AddNumberToObject(json, "memory_mib", (double)definition->memory_mib);
	if (guest_alive(guest))
		plan_describe_placement(json, definition);
	cJSON_AddBoolToObject(json, "autostart", definition->autostart);
	if (guest_alive(guest)) {
		cJSON_AddNumberToObject(json, "pid", guest->record.process.pid);
		cJSON_AddNumberToObject(json, "uptime_s",
					(double)((now_ns() - guest->record.started_ns) / NS_PER_SECOND));
	}
	if (guest->record.restarts)
		cJSON_AddNumberToObject(json, "restarts", guest->record.restarts);
	if (guest->status[0])
		cJSON_AddStringToObject(json, "status", guest->status);
	if (guest->why[0])
		cJSON_AddStringToObject(json, "why", guest->why);
	return json;
}

/* --- Opening and closing --- */

static int read_guests(struct manager *manager, struct error *err)
{
	struct stored_definition *items = NULL;
	unsigned count = 0;
	int code = store_read(manager->settings, &items, &count, err);

	for (unsigned i = 0; i < count && code == 0; i++) {
		if (!mode_runs(manager->mode, items[i].definition))
			continue;
		code = check_among_others(manager, items[i].definition, err);
		if (code == 0)
			code = add_guest(manager, TAKE_PTR(items[i].definition), TAKE_PTR(items[i].file),
					 err);
	}
	store_free(items, count);
	return code;
}

/* The record that a former manager left for the guest, followed. */
static void take_over(struct managed_guest *guest)
{
	struct error err;

	guest->recorded = record_read(guest->folder, &guest->record, &err) == 0;
	if (guest->recorded)
		guest_adopt(guest);
}

static int keep_names(const struct dirent *entry)
{
	return definition_name_valid(entry->d_name);
}

/* A guest that runs although no definition is on the disk any more: the record has what it was started with.
 */
static void take_over_undefined(struct manager *manager, const char *name)
{
	AUTO_FREE char *folder = NULL;
	AUTO_FREE char *text = NULL;
	struct guest_definition *definition = NULL;
	struct guest_record record = {0};
	struct error err;

	if (asprintf(&folder, "%s/guests/%s", manager->settings->runtime_dir, name) < 0 ||
	    record_read(folder, &record, &err) < 0)
		return;
	text = record.definition ? cJSON_PrintUnformatted(record.definition) : NULL;
	cJSON_Delete(record.definition);
	free(record.cgroup);
	if (record.process.pid == 0 || !text)
		return;
	if (definition_parse(folder, "/", text, &definition, &err) < 0 ||
	    add_guest(manager, definition, NULL, &err) < 0)
		log_error("%s", err.text);
}

static void take_over_all(struct manager *manager)
{
	AUTO_FREE char *folder = file_path_join(manager->settings->runtime_dir, "guests");
	struct dirent **entries = NULL;
	int count = folder ? scandir(folder, &entries, keep_names, alphasort) : 0;

	for (int i = 0; i < count; i++) {
		if (!manager_find(manager, entries[i]->d_name))
			take_over_undefined(manager, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	for (unsigned i = 0; i < manager->guest_count; i++)
		take_over(manager->guests[i]);
}

static bool guest_runs(void *owner, const char *name)
{
	const struct managed_guest *guest = manager_find(owner, name);

	return guest && guest_alive(guest);
}

int manager_open(struct manager *manager, struct settings *settings, const char *mode_word, struct loop *loop,
		 struct error *err)
{
	int code;

	*manager = (struct manager){.settings = settings, .loop = loop};
	code = mode_word ? mode_parse("--mode", mode_word, &manager->mode, err)
			 : mode_read(settings->mode_file, &manager->mode, err);
	if (code == 0)
		code = networks_open(settings, loop, &manager->networks, err);
	if (code == 0)
		code = read_guests(manager, err);
	if (code < 0) {
		manager_close(manager);
		return code;
	}
	cgroups_open(&manager->cgroups);
	events_add(&manager->events, "manager-started", "", mode_name(manager->mode));
	take_over_all(manager);
	networks_adopt(manager->networks, guest_runs, manager);
	return 0;
}

void manager_close(struct manager *manager)
{
	for (unsigned i = 0; i < manager->guest_count; i++)
		guest_destroy(manager->guests[i]);
	manager->guest_count = 0;
	cgroups_close(&manager->cgroups);
	networks_close(manager->networks);
	manager->networks = NULL;
}
