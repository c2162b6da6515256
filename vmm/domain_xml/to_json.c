#include "vmm/domain_xml/to_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/nearest.h"
#include "vmm/domain_xml/json_key.h"
#include "vmm/domain_xml/metadata.h"
#include "vmm/domain_xml/read_end.h"
#include "vmm/domain_xml/xml.h"

#define NEAREST_MAX 64
#define BLANKS      " \t\r\n"

/* --- What was left out --- */

int reader_ignore(struct reader *reader, const char *why, const struct rule *rule, const xmlNode *node)
{
	char place[REFUSAL_PLACE_MAX];
	cJSON *entry;

	for (unsigned i = 0; i < reader->ignored_count; i++) {
		if (reader->ignored_rules[i] == rule) {
			cJSON *count = cJSON_GetObjectItemCaseSensitive(
				cJSON_GetArrayItem(reader->ignored, (int)i), "count");

			cJSON_SetNumberValue(count, count->valuedouble + 1);
			return 0;
		}
	}
	if (reader->ignored_count == READER_IGNORED_MAX)
		return refuse(reader->refusal, -E2BIG, node, "too much has no meaning here");
	xml_place(node, place, sizeof(place));
	entry = cJSON_CreateObject();
	reader->ignored_rules[reader->ignored_count++] = rule;
	if (!cJSON_AddItemToArray(reader->ignored, entry) ||
	    !cJSON_AddStringToObject(entry, "xpath", place) || !cJSON_AddNumberToObject(entry, "count", 1) ||
	    !cJSON_AddStringToObject(entry, "why", why))
		return refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
	return 0;
}

/* --- Single values --- */

int reader_set(struct reader *reader, const xmlNode *node, cJSON *object, const char *key, cJSON *value)
{
	int code = json_key_set(object, key, value);

	if (code == -EEXIST)
		return refuse(reader->refusal, -EINVAL, node, "says again what was said before (%s)", key);
	return code < 0 ? refuse(reader->refusal, code, NULL, "out of memory") : 0;
}

static int read_value(struct reader *reader, const struct rule *rule, const xmlNode *node, cJSON *object)
{
	AUTO_FREE char *text = xml_text(node);
	struct error why = {0};
	cJSON *value = NULL;
	int code = text ? rule->conversion->read(rule->conversion, text, &value, &why) : -ENOMEM;

	if (code == -ENOMEM)
		return refuse(reader->refusal, code, NULL, "out of memory");
	if (code < 0)
		return refuse(reader->refusal, code, node, "%s", why.text);
	return reader_set(reader, node, object, rule->key, value);
}

/* --- What has no rule --- */

/* The names that have a rule where this node is. */
static const char *nearest_name(const char *parent, const char *name)
{
	const char *names[NEAREST_MAX + 1] = {NULL};
	size_t len = strlen(parent);
	unsigned count = 0;

	for (unsigned g = 0; rule_groups[g]; g++) {
		const struct rule_group *group = rule_groups[g];

		for (size_t i = 0; i < group->count && count < NEAREST_MAX; i++) {
			const char *path = group->rules[i].path;

			if (len && (strncmp(path, parent, len) != 0 || path[len] != '/'))
				continue;
			path += len ? len + 1 : 0;
			if (!strchr(path, '/'))
				names[count++] = path;
		}
	}
	return nearest_word(name, names);
}

static int no_rule(struct reader *reader, size_t parent_len, const xmlNode *node)
{
	const char *kind = node->type == XML_ATTRIBUTE_NODE ? "attribute" : "element";
	char parent[READER_PATH_MAX];
	const char *nearest;

	if (rule_known(&reader->index, reader->path)) {
		AUTO_FREE char *text = xml_text(node);

		return refuse(reader->refusal, -EINVAL, node, "is not supported with this value: %.60s",
			      text ? text : "");
	}
	snprintf(parent, sizeof(parent), "%.*s", (int)parent_len, reader->path);
	nearest = nearest_name(parent, reader->path + parent_len + (parent_len > 0));
	if (nearest)
		return refuse(reader->refusal, -EINVAL, node,
			      "is an %s that is not supported, did you mean %s?", kind,
			      nearest + (*nearest == '@'));
	return refuse(reader->refusal, -EINVAL, node, "is an %s that is not supported", kind);
}

/* --- The walk --- */

/* Behind the parent's path; false: longer than any rule's. */
static bool push_name(struct reader *reader, const xmlNode *node)
{
	size_t used = strlen(reader->path);
	int len = snprintf(reader->path + used, sizeof(reader->path) - used, "%s%s%s%s", used ? "/" : "",
			   node->type == XML_ATTRIBUTE_NODE ? "@" : "",
			   xml_is_ours(node) ? RASTOS_PREFIX ":" : "", xml_chars(node->name));

	return (size_t)len < sizeof(reader->path) - used;
}

static int apply_rule(struct reader *reader, const struct rule *rule, const xmlNode *node, cJSON *object)
{
	switch (rule->verdict) {
	case RULE_MAP:
		return read_value(reader, rule, node, object);
	case RULE_SPECIAL:
		return rule->special->read ? rule->special->read(reader, node, object) : 0;
	case RULE_IGNORE:
		return reader_ignore(reader, rule->why, rule, node);
	case RULE_REFUSE:
		return refuse(reader->refusal, -EINVAL, node, "is not supported: %s", rule->why);
	default:
		return 0;
	}
}

static int read_attribute(struct reader *reader, const xmlAttr *attribute, cJSON *object)
{
	const xmlNode *node = (const xmlNode *)attribute;
	size_t used = strlen(reader->path);
	const struct rule *rule;
	int code;

	if (attribute->ns)
		return refuse(reader->refusal, -EINVAL, node,
			      "is of another namespace, %s, which has no meaning here",
			      xml_chars(attribute->ns->href));
	rule = push_name(reader, node) ? rule_find(&reader->index, reader->path, node) : NULL;
	code = rule ? apply_rule(reader, rule, node, object) : no_rule(reader, used, node);
	reader->path[used] = '\0';
	return code;
}

/* An item of a list: what is below it is the item's. */
static int open_item(struct reader *reader, const struct rule *rule, const xmlNode *element, cJSON **object)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(reader->definition, rule->key);
	cJSON *item = cJSON_CreateObject();

	if (!list)
		list = cJSON_AddArrayToObject(reader->definition, rule->key);
	if ((unsigned)cJSON_GetArraySize(list) >= rule->max) {
		cJSON_Delete(item);
		return refuse(reader->refusal, -EINVAL, element, "is one too many: at most %u are possible",
			      rule->max);
	}
	if (!cJSON_AddItemToArray(list, item))
		return refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
	*object = item;
	return 0;
}

static bool is_blank(const xmlNode *node)
{
	return !node->content || !node->content[strspn(xml_chars(node->content), BLANKS)];
}

/* Whether one like it came before, in the same parent. */
static bool comes_again(const xmlNode *element)
{
	for (const xmlNode *other = element->prev; other; other = other->prev) {
		if (other->type == XML_ELEMENT_NODE && xmlStrEqual(other->name, element->name) &&
		    xml_is_ours(other) == xml_is_ours(element))
			return true;
	}
	return false;
}

static int read_element(struct reader *reader, const xmlNode *element, cJSON *object);

/* Text is for rules that take it. */
static bool has_text_of_its_own(const struct rule *rule)
{
	return rule->verdict != RULE_HOLD && rule->verdict != RULE_LIST;
}

static int refuse_text(struct reader *reader, const xmlNode *element, const char *text)
{
	text += strspn(text, BLANKS);
	return refuse(reader->refusal, -EINVAL, element, "holds elements only, not text: %.*s",
		      (int)MIN(strcspn(text, "\r\n"), (size_t)40), text);
}

static int read_children(struct reader *reader, const struct rule *rule, const xmlNode *element,
			 cJSON *object)
{
	int code = 0;

	for (const xmlNode *child = element->children; child && code == 0; child = child->next) {
		if (child->type == XML_ELEMENT_NODE)
			code = read_element(reader, child, object);
		else if (child->type == XML_TEXT_NODE && !is_blank(child) && !has_text_of_its_own(rule))
			code = refuse_text(reader, element, xml_chars(child->content));
	}
	return code;
}

static int read_inside(struct reader *reader, const struct rule *rule, const xmlNode *element, cJSON *object)
{
	int code = 0;

	if (rule->verdict == RULE_LIST)
		code = open_item(reader, rule, element, &object);
	if (code == 0 && rule->verdict == RULE_LIST && rule->special)
		code = rule->special->read(reader, element, object);
	for (const xmlAttr *attribute = element->properties; attribute && code == 0;
	     attribute = attribute->next)
		code = read_attribute(reader, attribute, object);
	return code == 0 ? read_children(reader, rule, element, object) : code;
}

static int read_known(struct reader *reader, const struct rule *rule, const xmlNode *element, cJSON *object)
{
	int code;

	if (!rule->many && comes_again(element))
		return refuse(reader->refusal, -EINVAL, element, "is given twice");
	code = apply_rule(reader, rule, element, object);
	if (code < 0 || rule->verdict == RULE_IGNORE)
		return code;
	return read_inside(reader, rule, element, object);
}

static int read_element(struct reader *reader, const xmlNode *element, cJSON *object)
{
	size_t used = strlen(reader->path);
	const struct rule *rule;
	int code;

	if (strcmp(reader->path, "metadata") == 0 && !xml_is_ours(element))
		return metadata_read(reader, element);
	if (element->ns && !xml_is_ours(element))
		return refuse(reader->refusal, -EINVAL, element,
			      "is of another namespace, %s, which has no meaning here",
			      xml_chars(element->ns->href));
	rule = push_name(reader, element) ? rule_find(&reader->index, reader->path, element) : NULL;
	code = rule ? read_known(reader, rule, element, object) : no_rule(reader, used, element);
	reader->path[used] = '\0';
	return code;
}

/* --- The whole --- */

static int read_domain(struct reader *reader, const xmlDoc *document)
{
	static const struct rule domain = {.path = "", .verdict = RULE_HOLD};
	const xmlNode *root = xmlDocGetRootElement(document);
	int code;

	if (!root || strcmp(xml_chars(root->name), "domain") != 0)
		return refuse(reader->refusal, -EINVAL, root,
			      "must be <domain>: this is no libvirt domain XML");
	if (root->ns)
		return refuse(reader->refusal, -EINVAL, root,
			      "is of the namespace %s: libvirt's elements are of none",
			      xml_chars(root->ns->href));
	reader->domain = root;
	code = read_inside(reader, &domain, root, reader->definition);
	return code == 0 ? read_end(reader) : code;
}

static int read_document(const xmlDoc *document, bool partial, cJSON **definition, cJSON **ignored,
			 struct refusal *refusal)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int code = -ENOMEM;

	if (!reader)
		return refuse(refusal, code, NULL, "out of memory");
	rule_index_fill(&reader->index);
	reader->refusal = refusal;
	reader->partial = partial;
	reader->definition = cJSON_CreateObject();
	reader->ignored = cJSON_CreateArray();
	reader->values = cJSON_CreateArray();
	if (reader->definition && reader->ignored && reader->values)
		code = read_domain(reader, document);
	else
		refuse(refusal, code, NULL, "out of memory");
	if (code == 0) {
		*definition = TAKE_PTR(reader->definition);
		*ignored = TAKE_PTR(reader->ignored);
	}
	cJSON_Delete(reader->definition);
	cJSON_Delete(reader->ignored);
	cJSON_Delete(reader->values);
	free(reader);
	return code;
}

int domain_to_json(const xmlDoc *document, cJSON **definition, cJSON **ignored, struct refusal *refusal)
{
	return read_document(document, false, definition, ignored, refusal);
}

int domain_to_json_partial(const xmlDoc *document, cJSON **definition, struct refusal *refusal)
{
	cJSON *ignored = NULL;
	int code = read_document(document, true, definition, &ignored, refusal);

	cJSON_Delete(ignored);
	return code;
}
