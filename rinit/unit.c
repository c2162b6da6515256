#include "rinit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int string_set(char **string, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*string);
	*string = copy;
	return 0;
}

int string_list_add(struct string_list *list, const char *item)
{
	char **items = realloc(list->items, (list->count + 2) * sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->count + 1] = NULL;
	items[list->count] = strdup(item);
	if (!items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

bool string_list_has(const struct string_list *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i], item))
			return true;
	return false;
}

void string_list_clear(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct string_list){0};
}

void string_list_cut(struct string_list *list, size_t count)
{
	while (list->count > count) {
		free(list->items[--list->count]);
		list->items[list->count] = NULL;
	}
}

bool unit_name_is_valid(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot != name && strlen(name) < UNIT_NAME_MAX &&
	       !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@")] &&
	       words_have(" service socket target mount swap timer path slice device automount scope ",
			  dot + 1);
}

void unit_config_init(struct unit_config *config, const char *name)
{
	const char *suffix;

	*config = (struct unit_config){
		.default_dependencies = true,
		.socket = {.mode = 0666,
			   .directory_mode = 0755,
			   .max_connections = 64,
			   .trigger_burst = -1,
			   .trigger_ms = 2000}, /* systemd.socket(5)'s defaults */
	};
	service_config_init(&config->service);
	snprintf(config->name, sizeof(config->name), "%s", name);
	suffix = strrchr(config->name, '.');
	if (suffix && !strcmp(suffix, ".target"))
		config->kind = UNIT_TARGET;
	else if (suffix && !strcmp(suffix, ".socket"))
		config->kind = UNIT_SOCKET;
	else if (suffix && (!strcmp(suffix, ".mount") || !strcmp(suffix, ".swap")))
		config->kind = UNIT_MOUNT;
}

void unit_config_clear(struct unit_config *config)
{
	struct string_list *const lists[] = {
		&config->after,           &config->before,       &config->requires,   &config->wants,
		&config->wanted_by,       &config->conditions,   &config->asserts,    &config->requisite,
		&config->binds_to,        &config->part_of,      &config->conflicts,  &config->on_failure,
		&config->required_by,     &config->alias,        &config->also,       &config->socket.listen,
		&config->socket.symlinks, &config->mount.others, &config->mounts_for,
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		string_list_clear(lists[i]);
	service_config_clear(&config->service);
	free(config->socket.service);
	free(config->socket.user);
	free(config->socket.group);
	free(config->socket.name);
	free(config->socket.options);
	free(config->mount.what);
	free(config->mount.where);
	free(config->mount.type);
	free(config->mount.options);
	free(config->description);
	free(config->default_instance);
	unit_config_init(config, "");
}

/* ---- names ---- */

/* FNV-1a */
static uint32_t name_hash(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash;
}

/* The name's place: where it is, or a free one. There is one, since half of them are free. */
static struct unit_name *name_slot(const struct unit_set *set, const char *name, uint32_t hash)
{
	for (size_t at = hash;; at++) {
		struct unit_name *slot = &set->names[at & (set->name_room - 1)];

		if (!slot->name || (slot->hash == hash && !strcmp(slot->name, name)))
			return slot;
	}
}

static int names_grow(struct unit_set *set)
{
	struct unit_set bigger = {.name_room = set->name_room ? set->name_room * 2 : 64};

	if (set->name_count * 2 < set->name_room)
		return 0;
	bigger.names = calloc(bigger.name_room, sizeof(*bigger.names));
	if (!bigger.names)
		return -ENOMEM;
	for (size_t i = 0; i < set->name_room; i++)
		if (set->names[i].name)
			*name_slot(&bigger, set->names[i].name, set->names[i].hash) = set->names[i];
	free(set->names);
	set->names = bigger.names;
	set->name_room = bigger.name_room;
	return 0;
}

static int name_add(struct unit_set *set, const char *name, uint32_t index)
{
	uint32_t hash = name_hash(name);
	struct unit_name *slot;

	if (names_grow(set))
		return -ENOMEM;
	slot = name_slot(set, name, hash);
	if (slot->name)
		return slot->index == index ? 0 : -EEXIST;
	*slot = (struct unit_name){.name = strdup(name), .hash = hash, .index = index};
	if (!slot->name)
		return -ENOMEM;
	set->name_count++;
	return 0;
}

int unit_set_alias(struct unit_set *set, const char *alias, const struct unit *unit)
{
	return name_add(set, alias, unit->index);
}

struct unit *unit_set_find(const struct unit_set *set, const char *name)
{
	const struct unit_name *slot = set->name_room ? name_slot(set, name, name_hash(name)) : NULL;

	return slot && slot->name ? set->items[slot->index] : NULL;
}

struct unit *unit_set_add(struct unit_set *set, const char *name)
{
	struct unit **items = realloc(set->items, (set->count + 1) * sizeof(*items));
	struct unit *unit = calloc(1, sizeof(*unit));

	if (items)
		set->items = items;
	if (unit)
		unit_config_init(&unit->config, name);
	if (!items || !unit || name_add(set, unit->config.name, (uint32_t)set->count)) {
		free(unit);
		return NULL;
	}
	unit->index = (uint32_t)set->count;
	unit->run.output.fd = -1;
	unit->run.setup.fd = -1;
	set->items[set->count++] = unit;
	return unit;
}

static void unit_free(struct unit *unit)
{
	unit_config_clear(&unit->config);
	free(unit->after);
	free(unit->before);
	free(unit->requires);
	free(unit->run.line);
	free(unit->run.connection);
	free(unit->path);
	free(unit);
}

/* Of the indices, `gone` is left out and `from` becomes `gone`. */
static void indices_move(uint32_t *indices, size_t *count, uint32_t gone, uint32_t from)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++)
		if (indices[i] != gone)
			indices[kept++] = indices[i] == from ? gone : indices[i];
	*count = kept;
}

/* The last unit takes its place, so that nothing else moves. */
int unit_set_remove(struct unit_set *set, struct unit *unit)
{
	uint32_t gone = unit->index, last = (uint32_t)set->count - 1;
	size_t room = set->name_room;
	struct unit_name *names = set->names, *renewed = calloc(room, sizeof(*names));

	if (!renewed)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		struct unit *other = set->items[i];

		indices_move(other->after, &other->after_count, gone, last);
		indices_move(other->before, &other->before_count, gone, last);
		indices_move(other->requires, &other->require_count, gone, last);
	}
	set->items[gone] = set->items[last];
	set->items[gone]->index = gone;
	set->count--;
	/* Names are found by walking on from their hash: none may be missing on the way. */
	set->names = renewed;
	for (size_t i = 0; i < room; i++) {
		struct unit_name name = names[i];

		if (name.name && name.index == gone) {
			free(name.name);
			set->name_count--;
		} else if (name.name) {
			name.index = name.index == last ? gone : name.index;
			*name_slot(set, name.name, name.hash) = name;
		}
	}
	free(names);
	unit_free(unit);
	return 0;
}

void unit_set_clear(struct unit_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		unit_free(set->items[i]);
	for (size_t i = 0; i < set->name_room; i++)
		free(set->names[i].name);
	free(set->names);
	free(set->items);
	*set = (struct unit_set){0};
}
