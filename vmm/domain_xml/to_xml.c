#include "vmm/domain_xml/to_xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/json_key.h"
#include "vmm/domain_xml/remainder.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/xml.h"

#define NAME_MAX_LEN 64

static int out_of_memory(struct writer *writer)
{
	return refuse(writer->refusal, -ENOMEM, NULL, "out of memory");
}

/* --- Elements --- */

static bool is_ours_by_name(const char **name)
{
	size_t len = strlen(RASTOS_PREFIX ":");
	bool ours = strncmp(*name, RASTOS_PREFIX ":", len) == 0;

	*name += ours ? len : 0;
	return ours;
}

xmlNode *writer_add(struct writer *writer, xmlNode *element, const char *name)
{
	bool ours = is_ours_by_name(&name);
	xmlNode *child = xmlNewChild(element, NULL, xml_bytes(name), NULL);

	if (!child) {
		out_of_memory(writer);
		return NULL;
	}
	/* Else a child would be of its parent's namespace. */
	xmlSetNs(child, NULL);
	if (ours && !writer->rastos)
		writer->rastos = xmlNewNs(child, xml_bytes(RASTOS_NAMESPACE), xml_bytes(RASTOS_PREFIX));
	if (ours)
		xmlSetNs(child, writer->rastos);
	return child;
}

static xmlNode *last_child(const xmlNode *element, const char *name)
{
	bool ours = is_ours_by_name(&name);

	for (xmlNode *child = element->last; child; child = child->prev) {
		if (child->type == XML_ELEMENT_NODE && xml_is_ours(child) == ours &&
		    strcmp(xml_chars(child->name), name) == 0)
			return child;
	}
	return NULL;
}

/* Goes down [path, end). */
static xmlNode *descend(struct writer *writer, xmlNode *element, const char *path, const char *end)
{
	while (element && path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		const char *name_end = slash ? slash : end;
		char name[NAME_MAX_LEN];
		xmlNode *child;

		snprintf(name, sizeof(name), "%.*s", (int)(name_end - path), path);
		child = last_child(element, name);
		element = child ? child : writer_add(writer, element, name);
		path = name_end + 1;
	}
	return element;
}

xmlNode *writer_element(struct writer *writer, xmlNode *element, const char *path)
{
	return descend(writer, element, path, path + strlen(path));
}

int writer_set(struct writer *writer, xmlNode *element, const char *path, const char *text)
{
	const char *at = strchr(path, '@');
	const char *end = at ? at - (at > path) : path + strlen(path);
	xmlNode *holder = descend(writer, element, path, end);
	xmlNode *child;

	if (!holder)
		return -ENOMEM;
	if (at)
		return xmlNewProp(holder, xml_bytes(at + 1), xml_bytes(text)) ? 0 : out_of_memory(writer);
	if (!*text)
		return 0;
	child = xmlNewDocText(holder->doc, xml_bytes(text));
	return child && xmlAddChild(holder, child) ? 0 : out_of_memory(writer);
}

/* --- Rules --- */

static int write_fallback(struct writer *writer, const struct rule *rule, const char *path, xmlNode *element)
{
	cJSON *fallback = cJSON_Parse(rule->fallback);
	AUTO_FREE char *text = fallback ? rule->conversion->write(rule->conversion, fallback) : NULL;

	cJSON_Delete(fallback);
	return text ? writer_set(writer, element, path, text) : out_of_memory(writer);
}

static int write_value(struct writer *writer, const struct rule *rule, const char *path, xmlNode *element,
		       const cJSON *object)
{
	const cJSON *value = json_key_get(object, rule->key);
	AUTO_FREE char *text = NULL;

	if (!value && rule->with && json_key_get(object, rule->with))
		return write_fallback(writer, rule, path, element);
	if (value && (!rule->beside || json_key_get(object, rule->beside)))
		text = rule->conversion->write(rule->conversion, value);
	return text ? writer_set(writer, element, path, text) : 0;
}

static int write_rule(struct writer *writer, const struct rule *rule, const char *path, xmlNode *element,
		      const cJSON *object)
{
	switch (rule->verdict) {
	case RULE_MAP:
		return write_value(writer, rule, path, element, object);
	case RULE_FIXED:
		return rule->key && !json_key_get(object, rule->key)
			       ? 0
			       : writer_set(writer, element, path, rule->value);
	case RULE_SPECIAL:
		return rule->special->write ? rule->special->write(writer, element, object) : 0;
	default:
		return 0;
	}
}

static const char *path_below(const char *path, const char *above)
{
	size_t len = strlen(above);

	return strncmp(path, above, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

/* The rules of a list's items, which follow the list's own rule in its group. */
static int write_item(struct writer *writer, const struct rule_group *group, const struct rule *list,
		      xmlNode *element, const cJSON *item)
{
	int code = 0;

	for (size_t i = 0; i < group->count && code == 0; i++) {
		const char *path = path_below(group->rules[i].path, list->path);

		if (path)
			code = write_rule(writer, &group->rules[i], path, element, item);
	}
	return code;
}

static int write_list(struct writer *writer, const struct rule_group *group, const struct rule *list,
		      xmlNode *root)
{
	const cJSON *items = json_key_get(writer->definition, list->key);
	const char *name = strrchr(list->path, '/') + 1;
	xmlNode *parent = NULL;
	const cJSON *item;
	int code = 0;

	writer->item = 0;
	if (!cJSON_IsArray(items))
		return 0;
	cJSON_ArrayForEach(item, items)
	{
		xmlNode *element;

		/* What is no list of items goes into the metadata as a whole. */
		if (writer->item == list->max || !cJSON_IsObject(item))
			break;
		parent = descend(writer, root, list->path, name - 1);
		element = parent ? writer_add(writer, parent, name) : NULL;
		code = element ? write_item(writer, group, list, element, item) : -ENOMEM;
		if (code < 0)
			break;
		writer->item++;
	}
	return code;
}

static bool is_in_list(const struct rule_group *group, const struct rule *rule)
{
	for (size_t i = 0; i < group->count; i++) {
		if (group->rules[i].verdict == RULE_LIST && path_below(rule->path, group->rules[i].path))
			return true;
	}
	return false;
}

static int write_group(struct writer *writer, const struct rule_group *group, xmlNode *root)
{
	int code = 0;

	for (size_t i = 0; i < group->count && code == 0; i++) {
		const struct rule *rule = &group->rules[i];

		if (rule->verdict == RULE_LIST)
			code = write_list(writer, group, rule, root);
		else if (!is_in_list(group, rule))
			code = write_rule(writer, rule, rule->path, root, writer->definition);
	}
	return code;
}

static int write_domain(struct writer *writer, xmlDoc *document)
{
	xmlNode *root = xmlNewDocNode(document, NULL, xml_bytes("domain"), NULL);
	int code = 0;

	if (!root)
		return out_of_memory(writer);
	xmlDocSetRootElement(document, root);
	for (unsigned i = 0; rule_groups[i] && code == 0; i++)
		code = write_group(writer, rule_groups[i], root);
	return code;
}

/* --- The whole --- */

/* A domain says these, whether the definition does or not: what it does not say means something else in XML.
 */
static int say_defaults(cJSON *definition)
{
	static const struct {
		const char *key;
		const char *value;
	} defaults[] = {{"role", "\"server\""}, {"ready", "\"notify\""}, {"autostart", "true"}};

	for (unsigned i = 0; i < 3; i++) {
		if (!cJSON_GetObjectItemCaseSensitive(definition, defaults[i].key) &&
		    json_key_set(definition, defaults[i].key, cJSON_Parse(defaults[i].value)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_remainder(struct writer *writer, xmlDoc *document)
{
	struct refusal own = {.place = ""};
	cJSON *back = NULL;
	int code = domain_to_json_partial(document, &back, &own);

	/* What cannot be read back cannot be said. */
	if (code < 0)
		refuse(writer->refusal, code, NULL, "cannot be said as domain XML: %s %s", own.place,
		       own.err.text);
	if (code == 0)
		code = remainder_write(writer, xmlDocGetRootElement(document), back);
	cJSON_Delete(back);
	return code;
}

int domain_to_xml(const cJSON *definition, xmlDoc **document, struct refusal *refusal)
{
	cJSON *full = cJSON_Duplicate(definition, true);
	struct writer writer = {.refusal = refusal, .definition = full};
	int code;

	*document = xmlNewDoc(xml_bytes("1.0"));
	if (!full || !*document || say_defaults(full) < 0)
		code = out_of_memory(&writer);
	else
		code = write_domain(&writer, *document);
	if (code == 0)
		code = add_remainder(&writer, *document);
	cJSON_Delete(full);
	if (code < 0) {
		xmlFreeDoc(*document);
		*document = NULL;
	}
	return code;
}
