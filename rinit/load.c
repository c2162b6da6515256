#include "rinit/socket.h"
#include "rinit/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/file.h"
#include "rinit/log.h"
#include "rinit/mounts.h"
#include "rinit/specifier.h"
#include "rinit/unit_builtin.h"
#include "rinit/unit_graph.h"
#include "rinit/unit_path.h"

#define UNIT_FILE_MAX (256 * 1024)
#define TEXTS_MAX     64   /* a file and its drop-ins */
#define TOLD_MAX      1000 /* sentences that are not said again until a reload */

/* A unit that many want is looked at many times; what is wrong with it is said once. */
static void warn_once(void *context, const char *sentence)
{
	struct manager *manager = context;

	if (string_list_has(&manager->told, sentence))
		return;
	if (manager->told.count >= TOLD_MAX)
		string_list_clear(&manager->told);
	string_list_add(&manager->told, sentence);
	log_warning("%s", sentence);
}

static void warn_about(struct manager *manager, const char *format, const char *name, const char *what)
{
	char sentence[512];

	snprintf(sentence, sizeof(sentence), format, name, what);
	warn_once(manager, sentence);
}

static struct unit_warnings warnings_of(struct manager *manager)
{
	return (struct unit_warnings){.context = manager, .warn = warn_once};
}

/* The folders as they are now; NULL when there are none to be read. */
static struct unit_paths *paths_get(struct manager *manager)
{
	if (!manager->paths && manager->root) {
		manager->paths = malloc(sizeof(*manager->paths));
		if (!manager->paths || unit_paths_open(manager->paths, manager->root))
			log_warning("out of memory while looking for units");
	}
	return manager->paths;
}

static void paths_drop(struct manager *manager)
{
	if (manager->paths)
		unit_paths_close(manager->paths);
	free(manager->paths);
	manager->paths = NULL;
}

/* ---- one unit ---- */

static int text_load(struct manager *manager, const char *path, struct unit_text *text)
{
	int rc = file_load(path, UNIT_FILE_MAX, &text->text, &text->length);

	if (rc)
		warn_about(manager, "%s: cannot read: %s", path, strerror(-rc));
	else if (!(text->path = strdup(path)))
		rc = -ENOMEM;
	return rc;
}

static void texts_free(struct unit_text *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(texts[i].path);
		free(texts[i].text);
	}
}

/* The file, unless path is empty, and the drop-ins of the config's name. */
static int config_read_files(struct manager *manager, struct unit_config *config, const char *path)
{
	const struct unit_warnings warnings = warnings_of(manager);
	struct unit_text texts[TEXTS_MAX] = {0};
	struct string_list files = {0};
	struct error err;
	size_t count = 0;
	int rc = unit_paths_drop_ins(paths_get(manager), config->name, &files);

	if (*path && !rc)
		rc = text_load(manager, path, &texts[count++]);
	for (size_t i = 0; i < files.count && !rc; i++)
		if (count == TEXTS_MAX)
			warn_about(manager, "%s: more drop-ins than %s", config->name,
				   "63: the rest is left out");
		else if (!text_load(manager, files.items[i], &texts[count]))
			count++;
	if (!rc && count) {
		rc = unit_parse_texts(config, texts, count, &warnings, &err);
		if (rc)
			warn_once(manager, err.text);
	}
	if (!rc && config->kind == UNIT_SOCKET)
		rc = socket_relations(config);
	texts_free(texts, TEXTS_MAX);
	string_list_clear(&files);
	return rc;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length > tail && !strcmp(name + length - tail, suffix);
}

static bool is_run(const char *name)
{
	static const char *const suffixes[] = {".service", ".target", ".socket", ".mount", ".swap"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (has_suffix(name, suffixes[i]))
			return true;
	return false;
}

static int found_load(struct manager *manager, const struct unit_found *found, struct unit **out)
{
	struct unit_config config;
	const char *instance;
	struct unit *unit;

	if (!is_run(found->name))
		return -EPROTONOSUPPORT;
	if (!unit_name_instance(found->name, &instance))
		return -EINVAL;
	unit_config_init(&config, found->name);
	config.default_dependencies = !found->masked; /* it has no place in the order */
	if (!found->masked && config_read_files(manager, &config, found->path)) {
		unit_config_clear(&config);
		return -EINVAL;
	}
	unit = manager_add_unit(manager, found->name);
	if (!unit) {
		unit_config_clear(&config);
		return -ENOMEM;
	}
	unit->config = config;
	unit->masked = found->masked;
	unit->enabled = found->enabled && config.kind != UNIT_TARGET;
	string_set(&unit->path, found->path);
	*out = unit;
	return 0;
}

int manager_find(struct manager *manager, const char *name, struct unit **unit)
{
	struct unit_paths *paths;
	struct unit_found found;
	int rc = -ENOENT;

	*unit = unit_set_find(&manager->units, name);
	if (*unit)
		return 0;
	paths = paths_get(manager);
	if (paths)
		rc = unit_paths_find(paths, name, &found);
	if (rc == -ELOOP)
		warn_about(manager, "%s: %s", name, "its links lead in a circle");
	if (paths && unit_is_builtin(name) && (rc || found.vendor)) {
		*unit = manager_add_unit(manager, name);
		return *unit ? 0 : -ENOMEM;
	}
	if (rc == -ENOENT && has_suffix(name, ".device") && unit_name_is_valid(name)) {
		*unit = manager_add_unit(manager, name);
		return *unit ? device_fill(&(*unit)->config) : -ENOMEM;
	}
	if (rc)
		return rc;
	if (!strcmp(found.name, name))
		return found_load(manager, &found, unit);
	rc = manager_find(manager, found.name, unit);
	if (!rc)
		unit_set_alias(&manager->units, name, *unit);
	return rc;
}

int manager_look_up(struct manager *manager, const char *name, struct unit **unit)
{
	int rc = manager_find(manager, name, unit);

	paths_drop(manager);
	return rc;
}

/* ---- what it needs ---- */

static void needs_load(struct manager *manager, struct unit *unit);

/* What an automount would put off is done at once. */
static void automount_replace(struct manager *manager, const struct unit_found *found, char *name)
{
	if (found->masked)
		return;
	strcpy(strrchr(name, '.'), ".mount");
	warn_about(manager, "%s: mounting on first use is not done: %s starts in its place", found->path,
		   name);
}

static void need_load(struct manager *manager, const struct unit *by, char *name)
{
	struct unit_found found;
	struct unit *unit = NULL;
	int rc;

	if (unit_is_rinits_work(name) && !unit_set_find(&manager->units, name) &&
	    (unit_paths_find(paths_get(manager), name, &found) || found.vendor))
		return;
	if (has_suffix(name, ".automount") && !unit_paths_find(paths_get(manager), name, &found))
		automount_replace(manager, &found, name);
	rc = manager_find(manager, name, &unit);
	if (rc == -EPROTONOSUPPORT && !string_list_has(&manager->told, name)) {
		string_list_add(&manager->told, name); /* whoever else wants it */
		log_warning("%s: wanted by %s, but units of this kind are not run: it has no effect", name,
			    by->config.name);
	}
	if (!rc)
		needs_load(manager, unit);
}

/* RequiresMountsFor= is about those that there are, systemd's own among them. */
static void mounts_load(struct manager *manager, struct unit *unit)
{
	struct unit_config *config = &unit->config;

	for (size_t i = 0; i < config->mounts_for.count; i++) {
		const char *name = config->mounts_for.items[i];
		struct unit *mount;

		if (!manager_find(manager, name, &mount) && !mount->masked &&
		    !string_list_has(&config->requires, name))
			string_list_add(&config->requires, name);
	}
}

static void needs_load(struct manager *manager, struct unit *unit)
{
	struct unit_config *config = &unit->config;
	const struct string_list *needs[] = {&config->requires, &config->binds_to, &config->wants,
					     &config->requisite};
	const struct unit_paths *paths = paths_get(manager);

	if (unit->loaded || unit->masked || !paths)
		return;
	unit->loaded = true;
	unit->own_wants = config->wants.count;
	unit->own_requires = config->requires.count;
	if (!unit->path && unit_is_builtin(config->name) &&
	    (unit_builtin_fill(config) || config_read_files(manager, config, "")))
		log_warning("%s: its drop-ins are left out", config->name);
	if (unit_paths_needs(paths, config->name, ".wants", &config->wants) ||
	    unit_paths_needs(paths, config->name, ".requires", &config->requires))
		log_warning("%s: out of memory", config->name);
	mounts_load(manager, unit);
	for (size_t l = 0; l < ARRAY_SIZE(needs); l++)
		for (size_t i = 0; i < needs[l]->count; i++)
			need_load(manager, unit, needs[l]->items[i]);
}

/* ---- other names ---- */

static void link_seen(void *context, const char *alias, const char *name)
{
	struct unit_set *set = context;
	const struct unit *unit = unit_set_find(set, name);

	if (unit && !unit_set_find(set, alias))
		unit_set_alias(set, alias, unit);
}

/* A service in /etc/rinit is enabled by being there, and so are the names that it asks for. */
static void aliases_of(struct manager *manager, const struct unit *unit)
{
	for (size_t i = 0; i < unit->config.alias.count; i++) {
		const char *alias = unit->config.alias.items[i];
		const struct unit *other = unit_set_find(&manager->units, alias);

		if (!other && unit->enabled)
			unit_set_alias(&manager->units, alias, unit);
		if (other && other != unit && string_list_has(&other->config.alias, alias)) {
			char sentence[512];

			snprintf(sentence, sizeof(sentence), "%s: Alias=%s is %s already, which keeps it",
				 unit->config.name, alias, other->config.name);
			warn_once(manager, sentence);
		}
	}
}

static void aliases_load(struct manager *manager)
{
	if (paths_get(manager))
		unit_paths_aliases(manager->paths, link_seen, &manager->units);
	for (size_t i = 0; i < manager->units.count; i++)
		aliases_of(manager, manager->units.items[i]);
}

/* ---- the whole ---- */

static void order(struct manager *manager)
{
	const struct unit_warnings warnings = warnings_of(manager);
	const struct unit *last = manager->default_target;

	aliases_load(manager);
	if (last && service_is_active(last->run.state))
		last = NULL; /* the boot is over: who starts now is not waited for */
	if (graph_resolve(&manager->units, last, &warnings))
		log_warning("out of memory while ordering the units");
	paths_drop(manager);
}

static void enabled_load(struct manager *manager)
{
	const struct unit_paths *paths = paths_get(manager);

	for (size_t i = 0; paths && i < paths->count; i++) {
		const struct unit_entry *entry = &paths->entries[i];
		const char *instance;
		struct unit *unit;

		if (paths->rinits[entry->folder] && !has_suffix(entry->name, ".target") &&
		    is_run(entry->name) && unit_name_instance(entry->name, &instance) != 0)
			manager_find(manager, entry->name, &unit);
	}
}

void manager_load(struct manager *manager, const char *root)
{
	manager->root = root;
	enabled_load(manager);
}

/* A file in /etc/rinit is enabled by being there; WantedBy= only says for which of the modes. */
bool manager_boot_wants(const struct unit *unit, const char *target)
{
	const struct string_list *by = &unit->config.wanted_by;
	bool desktop = !strcmp(target, "graphical.target");

	if (!unit->enabled || !strcmp(unit->config.name, "network-online.target") ||
	    unit->config.boot == BOOT_ON_DEMAND)
		return false; /* unless somebody wants it */
	return !by->count || !string_list_has(by, "graphical.target") || by->count > 1 || desktop;
}

/* What it requires and wants, the boot wants too. */
static void unit_want(struct manager *manager, struct unit *unit)
{
	const struct string_list *needs[] = {&unit->config.requires, &unit->config.binds_to,
					     &unit->config.wants};

	if (unit->run.wanted || unit->masked)
		return;
	unit->run.wanted = true;
	needs_load(manager, unit);
	for (size_t l = 0; l < ARRAY_SIZE(needs); l++)
		for (size_t i = 0; i < needs[l]->count; i++) {
			struct unit *need = unit_set_find(&manager->units, needs[l]->items[i]);

			if (need)
				unit_want(manager, need);
		}
}

void manager_resolve(struct manager *manager, const char *default_target)
{
	struct unit_set *set = &manager->units;
	size_t count;

	if (manager_find(manager, default_target, &manager->default_target) && *default_target)
		log_warning("%s: there is no such unit to boot to", default_target);
	count = set->count;
	for (size_t i = 0; i < count; i++)
		set->items[i]->run.wanted = false;
	for (size_t i = 0; i < count; i++)
		if (set->items[i] == manager->default_target ||
		    manager_boot_wants(set->items[i], default_target))
			unit_want(manager, set->items[i]);
	order(manager);
}

void manager_prepare(struct manager *manager, struct unit *unit)
{
	if (unit->loaded || !manager->root)
		return;
	needs_load(manager, unit);
	order(manager);
}

/* ---- files that have changed ---- */

static void config_replace(struct unit *unit, struct unit_config *config)
{
	unit_config_clear(&unit->config);
	unit->config = *config;
	unit->loaded = false;
}

static void unit_reread(struct unit *unit)
{
	struct manager *manager = unit->manager;
	struct unit_config config;
	struct unit_found found;

	unit->stale = false;
	unit->gone = unit_paths_find(paths_get(manager), unit->config.name, &found) != 0;
	if (unit->gone)
		return; /* it runs to its end as it is, but does not start again */
	unit->masked = found.masked;
	unit->enabled = found.enabled && unit->config.kind != UNIT_TARGET;
	string_set(&unit->path, found.path);
	if (found.masked)
		return;
	unit_config_init(&config, unit->config.name);
	if (config_read_files(manager, &config, found.path))
		unit_config_clear(&config); /* said; the old one goes on */
	else
		config_replace(unit, &config);
}

void manager_refresh(struct unit *unit)
{
	if (!unit->stale)
		return;
	unit_reread(unit);
	needs_load(unit->manager, unit);
	order(unit->manager);
}

static void unit_reload(struct unit *unit)
{
	if (unit->path && service_has_process(unit->run.state)) {
		unit->stale = true;
	} else if (unit->path) {
		unit_reread(unit);
	} else if (unit_is_builtin(unit->config.name)) {
		if (unit->loaded) { /* what links and drop-ins have added */
			string_list_cut(&unit->config.wants, unit->own_wants);
			string_list_cut(&unit->config.requires, unit->own_requires);
		}
		unit->loaded = false;
	}
}

void manager_reload_files(struct manager *manager)
{
	size_t count = manager->units.count;

	paths_drop(manager);
	string_list_clear(&manager->told);
	if (!paths_get(manager))
		return;
	for (size_t i = 0; i < count; i++)
		unit_reload(manager->units.items[i]);
	enabled_load(manager);
	for (size_t i = 0; i < manager->units.count; i++)
		if (manager->units.items[i]->run.wanted)
			needs_load(manager, manager->units.items[i]);
	order(manager);
}
