/*
 * A guest's definition -> domain XML, by the same table (rule.h), in its order. Then the XML is read back:
 * what did not come back as it was goes into the metadata, as <rastos:value
 * pointer="/disks/0/id">"a:b"</rastos:value>, and what came back without having been there as <rastos:absent
 * pointer="/vcpus"/>. So nothing is lost that a definition can say, keys that the table does not know
 * included; only defaults that are said or left out are not told apart.
 */
#pragma once

#include <cjson/cJSON.h>
#include <libxml/tree.h>

#include "vmm/domain_xml/refusal.h"
#include "vmm/domain_xml/rule.h"

struct writer {
	struct refusal *refusal;
	xmlNs *rastos;
	const cJSON *definition;
	unsigned item; /* its index in its list */
};

/* 0 and the document is the caller's (xmlFreeDoc); else a negative errno and the refusal, whose place is a
 * JSON pointer. */
int domain_to_xml(const cJSON *definition, xmlDoc **document, struct refusal *refusal);

/* For the functions of special rules: all of them NULL or -ENOMEM with the sentence when out of memory. */

/* The last element at path ("a/b") below element; made when there is none. */
xmlNode *writer_element(struct writer *writer, xmlNode *element, const char *path);
/* Another one of this name. */
xmlNode *writer_add(struct writer *writer, xmlNode *element, const char *name);
/* Sets an attribute ("a/@b") or the text of an element ("a/b"). */
int writer_set(struct writer *writer, xmlNode *element, const char *path, const char *text);
