#include "vmm/manager/manager.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/file.h"
#include "vmm/manager/crash.h"
#include "vmm/manager/depends.h"
#include "vmm/manager/division.h"
#include "vmm/manager/guest_display.h"
#include "vmm/manager/guest_jail.h"
#include "vmm/manager/guest_vcpus.h"
#include "vmm/manager/store.h"
#include "vmm/manager/task_process.h"
#include "vmm/plan/report.h"

#define NS_PER_SECOND 1000000000ULL
#define HUSH_NS       50000000ULL
#define LEAVING_NS    100000000ULL

bool manager_all_off(const struct manager *manager)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (guest_active(manager->guests[i]) || manager->guests[i]->leaving)
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

void manager_reap(struct manager *manager)
{
	for (unsigned i = 0; i < manager->guest_count; i++)
		guest_process_reap(manager->guests[i]);
}

static void leaving_look(struct loop_timer *timer)
{
	struct manager *manager = CONTAINER_OF(timer, struct manager, leaving);
	bool leaving = false;

	for (unsigned i = 0; i < manager->guest_count; i++) {
		guest_process_hurry(manager->guests[i]);
		leaving = leaving || manager->guests[i]->leaving;
	}
	if (!leaving)
		loop_timer_clear(timer);
}

void manager_guest_leaves(struct managed_guest *guest)
{
	loop_timer_set(&guest->manager->leaving, LEAVING_NS, LEAVING_NS);
}

void manager_hush(struct manager *manager, struct loop_source *source)
{
	loop_modify(manager->loop, source, 0);
	loop_timer_set(&manager->hush, HUSH_NS, 0);
}

bool manager_hears(struct manager *manager, struct loop_source *source, struct guest_talk *talk,
		   unsigned most)
{
	uint64_t now = monotonic_ns();

	if (now - talk->since_ns >= HUSH_NS)
		*talk = (struct guest_talk){.since_ns = now};
	if (talk->count++ < most)
		return true;
	manager_hush(manager, source);
	return false;
}

static void hush_over(struct loop_timer *timer)
{
	struct manager *manager = CONTAINER_OF(timer, struct manager, hush);

	for (unsigned i = 0; i < manager->guest_count; i++) {
		struct managed_guest *guest = manager->guests[i];

		if (guest->control.fd >= 0)
			loop_modify(manager->loop, &guest->control, EPOLLIN);
		if (guest->broker.fd >= 0)
			loop_modify(manager->loop, &guest->broker, EPOLLIN);
		guest_errors_resume(guest);
	}
}

/* What holds from the guest's next start on. */
static const struct guest_definition *next_definition(const struct managed_guest *guest)
{
	return guest->fresh ? guest->fresh : guest->definition;
}

static int check_roles(const struct manager *manager, const struct guest_definition *definition,
		       struct error *err)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		const struct guest_definition *other = next_definition(manager->guests[i]);

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
			all[count++] = next_definition(manager->guests[i]);
	}
	for (unsigned i = 0; code == 0 && *definition->uuid && i < count; i++) {
		if (strcmp(all[i]->uuid, definition->uuid) == 0)
			code = error_set(err, -EEXIST,
					 "guest %s: its uuid is guest %s's; leave it out for a new one",
					 definition->name, all[i]->name);
	}
	all[count++] = definition;
	return code < 0 ? code : depends_check(all, count, err);
}

int manager_add(struct manager *manager, struct guest_definition *definition, char *file, struct error *err)
{
	struct managed_guest *guest;
	int code;

	if (manager->guest_count == MANAGER_GUESTS_MAX)
		return error_set(err, -E2BIG, "guest %s: there are %d guests already, which is the most",
				 definition->name, MANAGER_GUESTS_MAX);
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
	struct error ignored;
	int code = store_write(manager->settings, definition, &file, err);

	if (code < 0)
		return code;
	code = manager_add(manager, definition, file, err);
	if (code < 0 && store_remove(file, &ignored) < 0)
		log_error("%s", ignored.text);
	if (code == 0) {
		TAKE_PTR(file);
		guest_remove_folder(manager_find(manager, definition->name)); /* of one that had its name */
	}
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
	if (definition->autostart && (code = division_check(manager, definition, err)) < 0)
		return code;
	/* One that is defined again stays who it is. */
	code = definition_give_uuid(definition, guest ? next_definition(guest)->uuid : "", err);
	if (code < 0)
		return code;
	if (!guest && manager->guest_count == MANAGER_GUESTS_MAX)
		return error_set(err, -E2BIG, "guest %s: there are %d guests already, which is the most",
				 definition->name, MANAGER_GUESTS_MAX);
	snprintf(name, sizeof(name), "%s", definition->name);
	if (guest) {
		/* On the disk last: what is there must hold. */
		code = guest_give_socket_paths(guest, definition) < 0
			       ? error_set(err, -ENOMEM, "guest %s: out of memory", name)
			       : store_write(manager->settings, definition, &guest->file, err);
		if (code == 0)
			guest_redefine(guest, definition);
	} else {
		code = define_new(manager, definition, err);
	}
	if (code == 0) {
		events_add(manager->events, "defined", name, "");
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
		if (manager_depends_on(manager->guests[i], guest->definition->name))
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
	events_add(manager->events, "undefined", guest->definition->name, "");
	for (unsigned i = 0; i < GUEST_BACKENDS_MAX && guest->leaving; i++)
		disk_backend_kill(&guest->backends[i]);
	guest_jail_close(guest); /* of them, or what a former manager left */
	guest_remove_folder(guest);
	guest_destroy(guest);
	manager_changed(manager);
	return 0;
}

cJSON *manager_describe(const struct managed_guest *guest)
{
	const struct guest_definition *definition = guest->definition;
	cJSON *networks = networks_of_guest(guest->manager->networks, definition->name);
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "name", definition->name);
	cJSON_AddStringToObject(json, "role", guest_role_name(definition->role));
	cJSON_AddStringToObject(json, "state", life_state_name(guest->state));
	cJSON_AddNumberToObject(json, "vcpus", guest_vcpus(guest));
	if (definition->current_vcpus)
		cJSON_AddNumberToObject(json, "max_vcpus", definition->wants.vcpus);
	cJSON_AddNumberToObject(json, "memory_mib", (double)definition->memory_mib);
	if (guest_alive(guest)) {
		memory_share_describe(guest, json);
		plan_describe_placement(json, definition);
	}
	cJSON_AddBoolToObject(json, "autostart", definition->autostart);
	if (guest_alive(guest)) {
		cJSON_AddNumberToObject(json, "pid", guest->record.process.pid);
		cJSON_AddNumberToObject(
			json, "uptime_s",
			(double)((monotonic_ns() - guest->record.started_ns) / NS_PER_SECOND));
	}
	if (networks)
		cJSON_AddItemToObject(json, "networks", networks);
	guest_display_describe(guest, json);
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
		code = check_among_others(manager, items[i].definition, err);
		if (code == 0)
			code = manager_add(manager, items[i].definition, items[i].file, err);
		if (code == 0)
			items[i] = (struct stored_definition){0};
	}
	store_free(items, count);
	return code;
}

static bool guest_runs(void *owner, const char *name)
{
	const struct managed_guest *guest = manager_find(owner, name);

	return guest && guest_alive(guest);
}

static void tasks_changed(void *owner)
{
	manager_changed(owner);
}

/* What a former manager was about to write when it was killed. */
static void sweep_folders(const struct settings *settings)
{
	file_sweep(settings->guests_dir);
	file_sweep(settings->networks_dir);
	crash_reports_sweep(settings);
}

int manager_open(struct manager *manager, struct settings *settings, const char *mode_word, struct loop *loop,
		 struct error *err)
{
	int code;

	*manager = (struct manager){
		.settings = settings,
		.loop = loop,
		.started_ns = monotonic_ns(),
		.local_group = local_group_find(),
		.hush.source.fd = -1,
		.leaving.source.fd = -1,
		.memory_timer.source.fd = -1,
	};
	/* By itself, and never written whole: most of its pages stay untouched. */
	manager->events = calloc(1, sizeof(*manager->events));
	if (!manager->events)
		return error_set(err, -ENOMEM, "cannot keep events: out of memory");
	manager->tasks =
		(struct tasks){.events = manager->events, .changed = tasks_changed, .owner = manager};
	code = loop_timer_init(loop, &manager->hush, hush_over);
	if (code == 0)
		code = loop_timer_init(loop, &manager->leaving, leaving_look);
	if (code == 0)
		code = loop_timer_init(loop, &manager->memory_timer, memory_share_timer);
	if (code < 0)
		return error_set(err, code, "cannot make the manager's timer: %s", strerror(-code));
	code = mode_word ? mode_parse("--mode", mode_word, &manager->mode, err)
			 : mode_read(settings->mode_file, &manager->mode, err);
	if (code == 0)
		code = task_processes_open(settings, loop, &manager->tasks, &manager->task_processes, err);
	if (code == 0)
		sweep_folders(settings);
	if (code == 0)
		code = networks_open(settings, loop, &manager->networks, err);
	if (code == 0)
		code = read_guests(manager, err);
	if (code < 0) {
		manager_close(manager);
		return code;
	}
	cgroups_open(&manager->cgroups, manager->settings->runtime_dir);
	events_add(manager->events, "manager-started", "", mode_name(manager->mode));
	manager_take_over(manager);
	networks_adopt(manager->networks, guest_runs, manager);
	task_processes_sweep(manager->task_processes);
	return 0;
}

void manager_close(struct manager *manager)
{
	tasks_close(&manager->tasks);
	task_processes_close(TAKE_PTR(manager->task_processes));
	for (unsigned i = 0; i < manager->guest_count; i++)
		guest_destroy(manager->guests[i]);
	manager->guest_count = 0;
	cgroups_close(&manager->cgroups);
	networks_close(manager->networks);
	manager->networks = NULL;
	free(TAKE_PTR(manager->host));
	loop_timer_close(manager->loop, &manager->hush);
	loop_timer_close(manager->loop, &manager->leaving);
	loop_timer_close(manager->loop, &manager->memory_timer);
	free(TAKE_PTR(manager->events));
}
