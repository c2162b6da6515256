#include "vmm/domain_xml/rule.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/domain_xml/xml.h"

/* --- The index: open addressing, rules of one path behind each other in the table's order --- */

static uint32_t path_hash(const char *path)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *path; path++)
		hash = (hash ^ (uint8_t)*path) * 16777619U;
	return hash;
}

static unsigned next_slot(unsigned slot)
{
	return (slot + 1) & (RULE_INDEX_SLOTS - 1);
}

static unsigned first_slot(const char *path)
{
	return path_hash(path) & (RULE_INDEX_SLOTS - 1);
}

void rule_index_fill(struct rule_index *index)
{
	*index = (struct rule_index){0};
	for (unsigned g = 0; rule_groups[g]; g++) {
		const struct rule_group *group = rule_groups[g];

		for (size_t i = 0; i < group->count; i++) {
			unsigned slot = first_slot(group->rules[i].path);

			while (index->rules[slot])
				slot = next_slot(slot);
			index->rules[slot] = &group->rules[i];
		}
	}
}

bool rule_known(const struct rule_index *index, const char *path)
{
	for (unsigned slot = first_slot(path); index->rules[slot]; slot = next_slot(slot)) {
		if (strcmp(index->rules[slot]->path, path) == 0)
			return true;
	}
	return false;
}

/* --- Conditions --- */

/* Whether text is one of the words in [words, end). */
static bool is_one_of(const char *text, const char *words, const char *end)
{
	if (words == end)
		return !*text;
	while (words < end) {
		const char *bar = memchr(words, '|', (size_t)(end - words));
		size_t len = (size_t)((bar ? bar : end) - words);

		if (len && words[len - 1] == '*' ? strncmp(text, words, len - 1) == 0
						 : strlen(text) == len && memcmp(text, words, len) == 0)
			return true;
		words += len + 1;
	}
	return false;
}

/* Goes one step of a clause's path down or up. */
static const xmlNode *step(const xmlNode *element, const char *name, size_t len)
{
	char text[32];

	if (len == 2 && memcmp(name, "..", 2) == 0)
		return element->parent && element->parent->type == XML_ELEMENT_NODE ? element->parent : NULL;
	if (len >= sizeof(text))
		return NULL;
	memcpy(text, name, len);
	text[len] = '\0';
	return xml_child_named(element, text);
}

/* Whether the value is there and, with words, one of them. */
static bool value_holds(const char *value, const char *words, const char *end)
{
	return value && (!words || is_one_of(value, words, end));
}

static bool own_text_holds(const xmlNode *node, const char *words, const char *end)
{
	char *text = xml_text(node);
	bool holds = value_holds(text, words, end);

	free(text);
	return holds;
}

/* The clause [clause, end) for an element, or for an attribute's element. */
static bool path_holds(const xmlNode *node, const char *clause, const char *end)
{
	const xmlNode *element = node->type == XML_ATTRIBUTE_NODE ? node->parent : node;
	const char *equals = memchr(clause, '=', (size_t)(end - clause));
	const char *path_end = equals ? equals : end;
	const char *words = equals ? equals + 1 : NULL;

	if (path_end - clause == 1 && *clause == '.')
		return own_text_holds(node, words, end);
	while (element && clause < path_end) {
		const char *slash = memchr(clause, '/', (size_t)(path_end - clause));
		size_t len = (size_t)((slash ? slash : path_end) - clause);

		if (*clause == '@') {
			char name[32] = "";

			if (len < sizeof(name))
				memcpy(name, clause + 1, len - 1);
			return value_holds(xml_attribute(element, name), words, end);
		}
		element = step(element, clause, len);
		clause += len + 1;
	}
	if (!element || !words)
		return element != NULL;
	return own_text_holds(element, words, end);
}

static bool when_holds(const char *when, const xmlNode *node)
{
	while (when && *when) {
		const char *end = strchrnul(when, '&');
		bool negated = *when == '!';

		if (path_holds(node, when + negated, end) == negated)
			return false;
		when = *end ? end + 1 : end;
	}
	return true;
}

static bool rule_counts(const struct rule *rule, const xmlNode *node)
{
	if (rule->verdict == RULE_FIXED && rule->value &&
	    !own_text_holds(node, rule->value, rule->value + strlen(rule->value)))
		return false;
	return when_holds(rule->when, node);
}

const struct rule *rule_find(const struct rule_index *index, const char *path, const xmlNode *node)
{
	for (unsigned slot = first_slot(path); index->rules[slot]; slot = next_slot(slot)) {
		const struct rule *rule = index->rules[slot];

		if (strcmp(rule->path, path) == 0 && rule_counts(rule, node))
			return rule;
	}
	return NULL;
}

/* --- By key --- */

static bool is_below(const char *path, const char *above)
{
	size_t len = strlen(above);

	return strncmp(path, above, len) == 0 && path[len] == '/';
}

/* The list that a path is in: its rule's path, or NULL. */
static const struct rule *list_of(const char *path)
{
	for (unsigned g = 0; rule_groups[g]; g++) {
		const struct rule_group *group = rule_groups[g];

		for (size_t i = 0; i < group->count; i++) {
			if (group->rules[i].verdict == RULE_LIST && is_below(path, group->rules[i].path))
				return &group->rules[i];
		}
	}
	return NULL;
}

const struct rule *rule_of_key(const char *list, const char *key)
{
	for (unsigned g = 0; rule_groups[g]; g++) {
		const struct rule_group *group = rule_groups[g];

		for (size_t i = 0; i < group->count; i++) {
			const struct rule *rule = &group->rules[i];
			const struct rule *outer;

			if (!rule->key || strcmp(rule->key, key) != 0 || rule->verdict == RULE_FIXED)
				continue;
			outer = list_of(rule->path);
			if (list ? outer && strcmp(outer->key, list) == 0 : !outer)
				return rule;
		}
	}
	return NULL;
}
