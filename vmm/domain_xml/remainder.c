#include "vmm/domain_xml/remainder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/json_key.h"
#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/xml.h"

#define VALUES_MAX 1024
#define HOLDER     "metadata/" RASTOS_PREFIX ":guest"

/* --- Writing --- */

/* Where the comparison is. */
struct spot {
	struct writer *writer;
	xmlNode *domain;
	const char *list;    /* the list's key, or NULL */
	const char *key;     /* dotted, in the domain or the list's item; "" at their root */
	const char *pointer; /* the whole way */
};

/* In the order of their pointers, so that the same definition is always printed alike. */
static void move_to_its_place(xmlNode *element, const char *pointer)
{
	xmlNode *before = element;

	while (before->prev && before->prev->type == XML_ELEMENT_NODE) {
		const char *other = xml_attribute(before->prev, "pointer");

		if (!other || strcmp(other, pointer) < 0)
			break;
		before = before->prev;
	}
	if (before != element)
		xmlAddPrevSibling(before, element);
}

static int add(const struct spot *spot, const char *name, const char *text)
{
	xmlNode *holder = writer_element(spot->writer, spot->domain, HOLDER);
	xmlNode *element = holder ? writer_add(spot->writer, holder, name) : NULL;
	int code = element ? writer_set(spot->writer, element, "@pointer", spot->pointer) : -ENOMEM;

	if (code == 0)
		move_to_its_place(element, spot->pointer);
	return code == 0 && text ? writer_set(spot->writer, element, "", text) : code;
}

static int add_value(const struct spot *spot, const cJSON *value)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(value);

	if (!text)
		return refuse(spot->writer->refusal, -ENOMEM, NULL, "out of memory");
	if (!xml_can_hold(text) || !xml_can_hold(spot->pointer)) {
		refuse(spot->writer->refusal, -EINVAL, NULL, "has characters that XML cannot hold");
		snprintf(spot->writer->refusal->place, REFUSAL_PLACE_MAX, "%s", spot->pointer);
		return -EINVAL;
	}
	return add(spot, RASTOS_PREFIX ":value", text);
}

/* Whether the value is what holds when nothing is said. */
static bool is_default(const struct spot *spot, const cJSON *value)
{
	const struct rule *rule = rule_of_key(spot->list, spot->key);
	cJSON *fallback = rule && rule->fallback ? cJSON_Parse(rule->fallback) : NULL;
	bool same = fallback && cJSON_Compare(fallback, value, true);

	cJSON_Delete(fallback);
	return same;
}

static int compare(const struct spot *spot, const cJSON *said, const cJSON *back);

/* The spot of a member; the caller frees both texts. */
static int enter(const struct spot *spot, const char *name, struct spot *inner, char **key, char **pointer)
{
	AUTO_FREE char *escaped = malloc(2 * strlen(name) + 1);
	char *to = escaped;

	*key = NULL;
	*pointer = NULL;
	if (!escaped)
		return -ENOMEM;
	for (; *name; name++) {
		if (*name == '~' || *name == '/')
			*to++ = '~';
		*to++ = *name == '~' ? '0' : *name == '/' ? '1' : *name;
	}
	*to = '\0';
	if (asprintf(pointer, "%s/%s", spot->pointer, escaped) < 0)
		*pointer = NULL;
	if (asprintf(key, "%s%s%s", spot->key, *spot->key ? "." : "", escaped) < 0)
		*key = NULL;
	*inner = *spot;
	inner->key = *key;
	inner->pointer = *pointer;
	return *key && *pointer ? 0 : -ENOMEM;
}

static int compare_member(const struct spot *spot, const char *name, const cJSON *said, const cJSON *back)
{
	AUTO_FREE char *key = NULL;
	AUTO_FREE char *pointer = NULL;
	struct spot inner;

	if (enter(spot, name, &inner, &key, &pointer) < 0)
		return refuse(spot->writer->refusal, -ENOMEM, NULL, "out of memory");
	return compare(&inner, said, back);
}

static int compare_objects(const struct spot *spot, const cJSON *said, const cJSON *back)
{
	const cJSON *item;
	int code = 0;

	cJSON_ArrayForEach(item, said)
	{
		if (code == 0)
			code = compare_member(spot, item->string, item,
					      cJSON_GetObjectItemCaseSensitive(back, item->string));
	}
	cJSON_ArrayForEach(item, back)
	{
		if (code == 0 && !cJSON_GetObjectItemCaseSensitive(said, item->string))
			code = compare_member(spot, item->string, NULL, item);
	}
	return code;
}

/* Items of a list of the table are domains of their own to it. */
static int compare_items(const struct spot *spot, const cJSON *said, const cJSON *back)
{
	const cJSON *other = back->child;
	const cJSON *item;
	unsigned index = 0;
	int code = 0;

	cJSON_ArrayForEach(item, said)
	{
		AUTO_FREE char *pointer = NULL;
		struct spot inner = *spot;

		if (asprintf(&pointer, "%s/%u", spot->pointer, index++) < 0) {
			pointer = NULL;
			return refuse(spot->writer->refusal, -ENOMEM, NULL, "out of memory");
		}
		inner.pointer = pointer;
		if (!spot->list) {
			inner.list = spot->key;
			inner.key = "";
		}
		code = compare(&inner, item, other);
		if (code < 0)
			break;
		other = other->next;
	}
	return code;
}

/* Everything else: equal, a default, or to be kept. Other programs' elements are compared as XML by nobody:
 * that they are there is enough. */
static int compare_values(const struct spot *spot, const cJSON *said, const cJSON *back)
{
	if (said && back && (cJSON_Compare(said, back, true) || strncmp(spot->key, "metadata.", 9) == 0))
		return 0;
	if (said && !back)
		return is_default(spot, said) ? 0 : add_value(spot, said);
	if (!said)
		return is_default(spot, back) ? 0 : add(spot, RASTOS_PREFIX ":absent", NULL);
	return add_value(spot, said);
}

/* An object that was not there, of defaults only. */
static bool is_all_default(const struct spot *spot, const cJSON *back)
{
	const cJSON *item;

	if (!cJSON_IsObject(back))
		return false;
	cJSON_ArrayForEach(item, back)
	{
		AUTO_FREE char *key = NULL;
		AUTO_FREE char *pointer = NULL;
		struct spot inner;

		if (enter(spot, item->string, &inner, &key, &pointer) < 0 || !is_default(&inner, item))
			return false;
	}
	return true;
}

static int compare(const struct spot *spot, const cJSON *said, const cJSON *back)
{
	if (cJSON_IsObject(said) && cJSON_IsObject(back))
		return compare_objects(spot, said, back);
	if (cJSON_IsArray(said) && cJSON_IsArray(back) &&
	    cJSON_GetArraySize(said) == cJSON_GetArraySize(back))
		return compare_items(spot, said, back);
	if ((!said && is_all_default(spot, back)) ||
	    (!back && cJSON_GetArraySize(said) && is_all_default(spot, said)))
		return 0;
	return compare_values(spot, said, back);
}

int remainder_write(struct writer *writer, xmlNode *domain, const cJSON *back)
{
	struct spot spot = {.writer = writer, .domain = domain, .key = "", .pointer = ""};

	return compare(&spot, writer->definition, back);
}

/* --- Reading --- */

static int keep(struct reader *reader, const xmlNode *node, cJSON *value)
{
	const char *pointer = xml_attribute(node, "pointer");

	if (!pointer || *pointer != '/' || !value) {
		cJSON_Delete(value);
		return refuse(
			reader->refusal, -EINVAL, node,
			"must have a pointer, and (value) hold JSON: the metadata of rastOS was changed");
	}
	if (cJSON_GetArraySize(reader->values) >= 2 * VALUES_MAX) {
		cJSON_Delete(value);
		return refuse(reader->refusal, -EINVAL, node, "is one too many: at most %u are possible",
			      VALUES_MAX);
	}
	cJSON_AddItemToArray(reader->values, cJSON_CreateString(pointer));
	return cJSON_AddItemToArray(reader->values, value)
		       ? 0
		       : refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
}

static int value_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	AUTO_FREE char *text = xml_text(node);

	(void)object;
	return keep(reader, node, text ? cJSON_ParseWithOpts(text, NULL, true) : NULL);
}

/* A raw item stands for absence: no JSON text is parsed as one. */
static int absent_read(struct reader *reader, const xmlNode *node, cJSON *object)
{
	(void)object;
	return keep(reader, node, cJSON_CreateRaw(""));
}

const struct special special_remainder_value = {.read = value_read};
const struct special special_remainder_absent = {.read = absent_read};

int remainder_apply(struct reader *reader)
{
	while (cJSON_GetArraySize(reader->values) >= 2) {
		cJSON *pointer = cJSON_DetachItemFromArray(reader->values, 0);
		cJSON *value = cJSON_DetachItemFromArray(reader->values, 0);
		bool absent = cJSON_IsRaw(value);
		int code;

		if (absent)
			cJSON_Delete(value);
		code = json_pointer_set(reader->definition, pointer->valuestring, absent ? NULL : value);
		/* What was removed from the XML by hand need not be said to be absent. */
		if (code < 0 && !(absent && code == -ENOENT)) {
			code = code == -ENOMEM ? code : -EINVAL;
			refuse(reader->refusal, code, xml_child(reader->domain, "metadata"),
			       "the metadata of rastOS says something of %.100s, which is not there",
			       pointer->valuestring);
			cJSON_Delete(pointer);
			return code;
		}
		cJSON_Delete(pointer);
	}
	return 0;
}
