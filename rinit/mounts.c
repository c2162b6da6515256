#include "rinit/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/file.h"
#include "rinit/fstab.h"
#include "rinit/helper.h"
#include "rinit/ini.h"
#include "rinit/log.h"
#include "rinit/mount_helper.h"
#include "rinit/path_escape.h"

#define FSTAB_MAX 65536

struct mount_entry {
	struct unit *unit;
	char *what, *where;
	unsigned int pass;
	bool swap, noauto;
};

struct mounts_reader {
	struct manager *manager;
	const char *path;
	struct mount_entry *entries;
	size_t count;
};

static void fault(void *context, unsigned int line, const char *why)
{
	const struct mounts_reader *reader = context;

	log_warning("%s:%u: this line %s and has no effect", reader->path, line, why);
}

/* What udev would link to it: so does systemd name the units of swap. */
static int swap_unit_name(const char *what, char *name, size_t size)
{
	static const char *const tags[][2] = {
		{"UUID=", "/dev/disk/by-uuid/"},
		{"LABEL=", "/dev/disk/by-label/"},
		{"PARTUUID=", "/dev/disk/by-partuuid/"},
		{"PARTLABEL=", "/dev/disk/by-partlabel/"},
	};
	char path[UNIT_NAME_MAX];

	snprintf(path, sizeof(path), "%s", what);
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!strncmp(what, tags[i][0], strlen(tags[i][0])))
			snprintf(path, sizeof(path), "%s%s", tags[i][1], what + strlen(tags[i][0]));
	return path_to_unit_name(path, ".swap", name, size);
}

static struct unit *unit_make(struct mounts_reader *reader, const struct fstab_entry *entry)
{
	char name[UNIT_NAME_MAX], description[256];
	bool swap = fstab_is_swap(entry);
	int rc = swap ? swap_unit_name(entry->what, name, sizeof(name))
		      : path_to_unit_name(entry->where, ".mount", name, sizeof(name));
	struct unit *unit;

	if (rc || unit_set_find(&reader->manager->units, name)) {
		fault(reader, entry->line, rc ? "has too long a path" : "is about what has a line already");
		return NULL;
	}
	snprintf(description, sizeof(description), swap ? "swap on %s" : "%s from %s",
		 swap ? entry->what : entry->where, entry->what);
	unit = manager_add_service(reader->manager, name, description);
	if (unit)
		unit->config.kind = UNIT_MOUNT;
	return unit;
}

/* The helper keeps the time itself: a check of a file system takes as long as it takes. */
static int unit_fill(struct unit *unit, const struct fstab_entry *entry, const char *path)
{
	struct unit_config *config = &unit->config;
	char pass[16], from[128];

	snprintf(pass, sizeof(pass), "%u", entry->pass);
	snprintf(from, sizeof(from), "%s:%u", path, entry->line);
	config->service.type = TYPE_ONESHOT;
	config->service.remain_after_exit = true;
	config->default_dependencies = false;
	config->service.start_timeout_ms = TIMESPAN_INFINITY;
	config->service.kill_mode = KILL_NONE; /* a file system in user space lives on in what mounted it */
	return service_config_command(&config->service, HELPER_PROGRAM,
				      (const char *[]){MOUNT_HELPER_NAME, entry->what, entry->where,
						       entry->type, entry->options, pass, from, NULL},
				      false);
}

static void list_add(void *context, const char *value)
{
	string_list_add(context, value);
}

static void target_requires(struct manager *manager, const char *target, const struct unit *unit)
{
	struct unit *by = unit_set_find(&manager->units, target);

	if (!by || string_list_add(&by->config.after, unit->config.name))
		return;
	if (strcmp(target, "swap.target") != 0)
		string_list_add(&by->config.requires, unit->config.name);
}

/* Its place among the targets. */
static void unit_order(struct manager *manager, struct unit *unit, const struct fstab_entry *entry,
		       bool network)
{
	struct unit_config *config = &unit->config;
	const char *target = fstab_is_swap(entry) ? "swap.target"
			     : network            ? "remote-fs.target"
						  : "local-fs.target";

	if (network) {
		string_list_add(&config->after, "network-online.target");
		string_list_add(&config->wants, "network-online.target");
		string_list_add(&config->after, "local-fs.target");
	}
	if (fstab_option_has(entry->options, "x-rinit.no-wait"))
		string_list_add(&config->after, "modules.target");
	fstab_option_each(entry->options, "x-systemd.after", &config->after, list_add);
	fstab_option_each(entry->options, "x-systemd.before", &config->before, list_add);
	fstab_option_each(entry->options, "x-systemd.requires", &config->after, list_add);
	fstab_option_each(entry->options, "x-systemd.requires", &config->requires, list_add);
	if (fstab_option_has(entry->options, "noauto"))
		config->boot = BOOT_ON_DEMAND;
	else if (fstab_option_has(entry->options, "nofail"))
		config->boot = BOOT_BACKGROUND;
	if (config->boot == BOOT_NORMAL)
		target_requires(manager, target, unit);
}

static bool entry_keep(struct mounts_reader *reader, const struct fstab_entry *entry, struct unit *unit)
{
	struct mount_entry *entries = realloc(reader->entries, (reader->count + 1) * sizeof(*entries));
	struct mount_entry *kept;

	if (!entries)
		return false;
	reader->entries = entries;
	kept = &entries[reader->count++];
	*kept = (struct mount_entry){.unit = unit,
				     .what = strdup(entry->what),
				     .where = strdup(entry->where),
				     .pass = entry->pass,
				     .swap = fstab_is_swap(entry),
				     .noauto = unit->config.boot == BOOT_ON_DEMAND};
	return kept->what && kept->where;
}

static void entry_add(void *context, const struct fstab_entry *entry)
{
	struct mounts_reader *reader = context;
	bool network = fstab_type_needs_network(entry->type) || fstab_option_has(entry->options, "_netdev");
	struct unit *unit;

	if (!strcmp(entry->type, "ignore"))
		return;
	unit = unit_make(reader, entry);
	if (!unit)
		return;
	unit_order(reader->manager, unit, entry, network);
	if (unit_fill(unit, entry, reader->path) || !entry_keep(reader, entry, unit))
		log_warning("%s: out of memory", unit->config.name);
}

/* Does what one mounts, or where, lie on the other? */
static bool entry_needs(const struct mount_entry *entry, const struct mount_entry *other)
{
	if (other->swap)
		return false;
	if (!entry->swap && path_is_below(entry->where, other->where))
		return true;
	return *entry->what == '/' && strncmp(entry->what, "/dev/", 5) != 0 &&
	       path_is_below(entry->what, other->where);
}

static void entries_order(const struct mount_entry *entry, const struct mount_entry *other)
{
	struct unit_config *config = &entry->unit->config;
	const char *name = other->unit->config.name;

	if (entry_needs(entry, other)) {
		string_list_add(&config->after, name);
		if (!other->noauto)
			string_list_add(&config->requires, name);
	} else if (other->pass == 1 && entry->pass > 1) {
		string_list_add(&config->after, name);
	}
}

void mounts_add(struct manager *manager, const char *path)
{
	struct mounts_reader reader = {.manager = manager, .path = path};
	AUTO_FREE char *text = NULL;
	size_t length;
	int rc = file_load(path, FSTAB_MAX, &text, &length);

	if (rc && rc != -ENOENT)
		log_warning("%s: cannot read: %s: only the root file system is mounted", path, strerror(-rc));
	if (rc)
		return;
	fstab_parse(text, length,
		    &(struct fstab_reader){.context = &reader, .entry = entry_add, .fault = fault});
	for (size_t i = 0; i < reader.count; i++)
		for (size_t j = 0; j < reader.count; j++)
			if (i != j)
				entries_order(&reader.entries[i], &reader.entries[j]);
	for (size_t i = 0; i < reader.count; i++) {
		free(reader.entries[i].what);
		free(reader.entries[i].where);
	}
	free(reader.entries);
}

bool mount_is_vital(const struct unit *unit)
{
	const struct unit *local =
		unit->manager ? unit_set_find(&unit->manager->units, "local-fs.target") : NULL;

	return local && string_list_has(&local->config.requires, unit->config.name);
}
