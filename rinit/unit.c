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

void unit_config_init(struct unit_config *config, const char *name)
{
	*config = (struct unit_config){
		.default_dependencies = true,
	};
	service_config_init(&config->service);
	snprintf(config->name, sizeof(config->name), "%s", name);
}

void unit_config_clear(struct unit_config *config)
{
	struct string_list *const lists[] = {&config->after, &config->before,    &config->requires,
					     &config->wants, &config->wanted_by, &config->conditions};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		string_list_clear(lists[i]);
	service_config_clear(&config->service);
	free(config->description);
	unit_config_init(config, "");
}

struct unit *unit_set_add(struct unit_set *set, const char *name)
{
	struct unit **items = realloc(set->items, (set->count + 1) * sizeof(*items));
	struct unit *unit = calloc(1, sizeof(*unit));

	if (items)
		set->items = items;
	if (!items || !unit) {
		free(unit);
		return NULL;
	}
	unit_config_init(&unit->config, name);
	unit->run.output.fd = -1;
	set->items[set->count++] = unit;
	return unit;
}

struct unit *unit_set_find(const struct unit_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->items[i]->config.name, name))
			return set->items[i];
	return NULL;
}

void unit_set_clear(struct unit_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct unit *unit = set->items[i];

		unit_config_clear(&unit->config);
		free(unit->after);
		free(unit->before);
		free(unit->requires);
		free(unit->run.line);
		free(unit);
	}
	free(set->items);
	*set = (struct unit_set){0};
}
