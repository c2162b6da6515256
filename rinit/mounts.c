#include "rinit/mounts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "rinit/fstab.h"
#include "rinit/helper.h"
#include "rinit/mount_helper.h"
#include "rinit/path_escape.h"
#include "rinit/spawn.h"
#include "rinit/specifier.h"
#include "rinit/unit_builtin.h"

static bool is_swap(const struct unit_config *config)
{
	return !strcmp(strrchr(config->name, '.'), ".swap");
}

/* ---- [Mount] and [Swap] ---- */

/* The first four are struct mount_config's strings in their order; the others are the helper's to use. */
enum { STRINGS = 4, TIMEOUT = STRINGS, DIRECTORY_MODE, PRIORITY };

static const char mount_keys[] =
	"What\0Where\0Type\0Options\0TimeoutSec\0DirectoryMode\0Priority\0SloppyOptions\0"
	"LazyUnmount\0ForceUnmount\0ReadWriteOnly\0";

#define SWAP_KEYS  0x59u /* a bit for each of the above */
#define MOUNT_KEYS 0x7bfu

/* Checked here, where file and line are known. */
static int read_for_helper(struct unit_reader *reader, const struct unit_key *key, const char *value)
{
	char text[64], *end = NULL;
	uint64_t ms;
	bool flag;
	int rc = 0;

	if (key->at == TIMEOUT)
		rc = parse_timespan(value, &ms);
	else if (key->at > PRIORITY)
		rc = parse_bool(value, &flag);
	else if (strtoul(value, &end, key->at == PRIORITY ? 10 : 8) > (key->at == PRIORITY ? 32767 : 07777) ||
		 *value < '0' || *value > '9' || *end)
		rc = -EINVAL;
	if (rc || (size_t)snprintf(text, sizeof(text), "%s=%s", key->key, value) >= sizeof(text))
		return -EINVAL;
	return string_list_add(&reader->config->mount.others, text);
}

const struct unit_key *mount_key_find(struct unit_reader *reader, const struct ini_entry *entry)
{
	bool swap = is_swap(reader->config);
	unsigned int keys = swap ? SWAP_KEYS : MOUNT_KEYS;
	size_t at = 0;

	if (strcmp(entry->section, swap ? "Swap" : "Mount") != 0)
		return NULL;
	for (const char *key = mount_keys; *key; key += strlen(key) + 1, at++) {
		if (strcmp(key, entry->key) != 0 || !(keys >> at & 1))
			continue;
		reader->found = (struct unit_key){.key = key, .read = read_for_helper, .at = at};
		if (at < STRINGS) {
			reader->found.read = read_string;
			reader->found.at = offsetof(struct unit_config, mount.what) + at * sizeof(char *);
		}
		return &reader->found;
	}
	return NULL;
}

/* ---- what it runs ---- */

/* The helper keeps the time itself: a check of a file system takes as long as it takes. */
static int helper_run(struct unit_config *config, const char *const *argv)
{
	struct service_config *service = &config->service;
	int rc = service_config_command(service, HELPER_PROGRAM, argv, false);

	if (rc)
		return rc;
	service->commands[COMMAND_START].items[0].verbatim = true;
	service->type = TYPE_ONESHOT;
	service->remain_after_exit = true;
	service->start_timeout_ms = service->stop_timeout_ms = TIMESPAN_INFINITY;
	service->kill_mode = KILL_PROCESS; /* a file system in user space lives on in what mounted it */
	config->kind = UNIT_MOUNT;
	config->default_dependencies = false;
	return 0;
}

static int commands_set(struct unit_config *config, const char *path)
{
	const struct mount_config *mount = &config->mount;
	const char *const first[] = {MOUNT_HELPER_NAME,
				     "umount",
				     mount->what,
				     mount->where ? mount->where : "none",
				     is_swap(config)               ? "swap"
				     : mount->type && *mount->type ? mount->type
								   : "auto",
				     mount->options ? mount->options : "",
				     path};
	struct command_list *commands = config->service.commands;
	struct string_list words = {0};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(first) && !rc; i++)
		rc = string_list_add(&words, first[i]);
	for (size_t i = 0; i < mount->others.count && !rc; i++)
		rc = string_list_add(&words, mount->others.items[i]);
	if (!rc)
		rc = helper_run(config, (const char *const *)words.items);
	if (!rc) {
		commands[COMMAND_STOP] = commands[COMMAND_START];
		commands[COMMAND_START] = (struct command_list){0};
		rc = string_set(&words.items[1], "mount");
	}
	if (!rc)
		rc = helper_run(config, (const char *const *)words.items);
	string_list_clear(&words);
	return rc;
}

/* ---- its order ---- */

int mounts_for(struct unit_config *config, struct string_list *needs, const char *path)
{
	char prefix[PATH_MAX], name[UNIT_NAME_MAX];

	for (size_t end = 0;; end += 1 + strcspn(path + end + 1, "/")) {
		if ((size_t)snprintf(prefix, sizeof(prefix), "%.*s", (int)end, path) >= sizeof(prefix) ||
		    path_to_unit_name(prefix, ".mount", name, sizeof(name)))
			return 0; /* no unit is called that */
		if (strcmp(name, config->name) != 0 && !string_list_has(needs, name) &&
		    (string_list_add(needs, name) || string_list_add(&config->after, name)))
			return -ENOMEM;
		if (!path[end])
			return 0;
	}
}

int mounts_implied(struct unit_config *config)
{
	const struct service_config *service = &config->service;
	const char *const paths[] = {service->directory, service->root,
				     service->private_tmp ? "/var/tmp" : NULL};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i] && *paths[i] == '/')
			rc |= mounts_for(config, &config->mounts_for, paths[i]);
	for (enum directory_kind kind = DIRECTORY_STATE; kind <= DIRECTORY_LOGS; kind++)
		for (size_t i = 0; i < service->directories[kind].count; i++) {
			char path[PATH_MAX];

			snprintf(path, sizeof(path), "%s/%s", directory_base(kind),
				 service->directories[kind].items[i]);
			rc |= mounts_for(config, &config->mounts_for, path);
		}
	return rc;
}

static int order_set(struct unit_config *config)
{
	static const struct {
		const char *after, *wants, *before;
	} places[] = {
		{"local-fs-pre.target", "", "local-fs.target"},
		{"network-online.target remote-fs-pre.target", "network-online.target", "remote-fs.target"},
		{"", "", "swap.target"},
	};
	const struct mount_config *mount = &config->mount;
	bool network = fstab_option_has(mount->options, "_netdev") ||
		       (mount->type && fstab_type_needs_network(mount->type));
	size_t place = is_swap(config) ? 2 : network;
	int rc = 0;

	if (mount->where)
		rc |= mounts_for(config, &config->mounts_for, mount->where);
	if (*mount->what == '/' && strncmp(mount->what, "/dev/", 5) != 0)
		rc |= mounts_for(config, &config->mounts_for, mount->what);
	if (config->default_dependencies) {
		rc |= words_add(&config->after, places[place].after);
		rc |= words_add(&config->wants, places[place].wants);
	}
	if (fstab_option_has(mount->options, "nofail"))
		config->boot = BOOT_BACKGROUND;
	else if (config->default_dependencies)
		rc |= words_add(&config->before, places[place].before);
	return rc;
}

int mount_check(struct unit_config *config, const char *path, struct error *err)
{
	const struct mount_config *mount = &config->mount;
	const char *key = is_swap(config) ? "What" : "Where";
	const char *named = is_swap(config) ? mount->what : mount->where;
	char name[UNIT_NAME_MAX];

	if (!mount->what || !*mount->what)
		return error_set(err, -EINVAL, "%s: no What=: nothing to mount", path);
	if (!named || *named != '/' || strstr(named, "/../") ||
	    path_to_unit_name(named, strrchr(config->name, '.'), name, sizeof(name)))
		return error_set(err, -EINVAL, "%s: %s= has to be an absolute path, free of ..", path, key);
	if (strcmp(name, config->name) != 0)
		return error_set(err, -EINVAL, "%s: %s=%s wants a unit that is called %s", path, key, named,
				 name);
	if (order_set(config) || commands_set(config, path))
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	return 0;
}

int device_fill(struct unit_config *config)
{
	char path[UNIT_NAME_MAX + 1] = "/";

	config->boot = BOOT_BACKGROUND;
	*strrchr(strcpy(path + 1, config->name), '.') = '\0';
	unit_name_unescape(path + 1, path + 1); /* never longer */
	return helper_run(config, (const char *const[]){MOUNT_HELPER_NAME, "wait", path, NULL});
}

bool mount_is_vital(const struct unit *unit)
{
	const struct unit *local =
		unit->manager ? unit_set_find(&unit->manager->units, "local-fs.target") : NULL;

	return local && string_list_has(&local->config.requires, unit->config.name);
}

bool mount_needs_network(const struct unit *unit)
{
	return string_list_has(&unit->config.after, "network-online.target");
}
