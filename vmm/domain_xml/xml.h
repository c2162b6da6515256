/* Small things that libxml2 lacks: its text as C has it, and elements by their names. */
#pragma once

#include <libxml/tree.h>
#include <stdbool.h>

static inline const char *xml_chars(const xmlChar *text)
{
	return (const char *)text;
}

static inline const xmlChar *xml_bytes(const char *text)
{
	return (const xmlChar *)text;
}

/* NULL-safe; the first at or behind node that is an element of this name, of no namespace. */
xmlNode *xml_element_from(xmlNode *node, const char *name);
/* The first child of this name; NULL: none. */
xmlNode *xml_child(const xmlNode *element, const char *name);
/* The same, by the name that rules have for it: one of ours begins with "rastos:". */
xmlNode *xml_child_named(const xmlNode *element, const char *name);
/* An attribute's value, when it is there and of no namespace; the node's own, not copied. "" for an empty
 * one. */
const char *xml_attribute(const xmlNode *element, const char *name);
/* An attribute's, or an element's text when it has no elements; the caller frees it (free). NULL: out of
 * memory. */
char *xml_text(const xmlNode *node);
/* Whether it is of our own namespace. */
bool xml_is_ours(const xmlNode *node);
/* The place of a node: an XPath. */
void xml_place(const xmlNode *node, char *place, size_t size);
/* Whether XML can hold these characters: valid UTF-8 without control characters. */
bool xml_can_hold(const char *text);
