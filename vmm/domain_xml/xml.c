#include "vmm/domain_xml/xml.h"

#include <libxml/xmlstring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/domain_xml/rule.h"

xmlNode *xml_element_from(xmlNode *node, const char *name)
{
	for (; node; node = node->next) {
		if (node->type == XML_ELEMENT_NODE && !node->ns && strcmp(xml_chars(node->name), name) == 0)
			return node;
	}
	return NULL;
}

xmlNode *xml_child(const xmlNode *element, const char *name)
{
	return xml_element_from(element->children, name);
}

xmlNode *xml_child_named(const xmlNode *element, const char *name)
{
	static const char prefix[] = RASTOS_PREFIX ":";
	bool ours = strncmp(name, prefix, strlen(prefix)) == 0;
	xmlNode *child = element->children;

	if (!ours)
		return xml_child(element, name);
	name += strlen(prefix);
	while (child && !(child->type == XML_ELEMENT_NODE && xml_is_ours(child) &&
			  strcmp(xml_chars(child->name), name) == 0))
		child = child->next;
	return child;
}

const char *xml_attribute(const xmlNode *element, const char *name)
{
	for (const xmlAttr *attribute = element->properties; attribute; attribute = attribute->next) {
		if (attribute->ns || strcmp(xml_chars(attribute->name), name) != 0)
			continue;
		/* One text, as there are no entities. */
		return attribute->children && attribute->children->content
			       ? xml_chars(attribute->children->content)
			       : "";
	}
	return NULL;
}

char *xml_text(const xmlNode *node)
{
	xmlChar *content = xmlNodeGetContent(node);
	char *text = strdup(content ? xml_chars(content) : "");

	xmlFree(content);
	return text;
}

bool xml_is_ours(const xmlNode *node)
{
	return node->ns && node->ns->href && strcmp(xml_chars(node->ns->href), RASTOS_NAMESPACE) == 0;
}

void xml_place(const xmlNode *node, char *place, size_t size)
{
	xmlChar *path = node ? xmlGetNodePath(node) : NULL;

	snprintf(place, size, "%s", path ? xml_chars(path) : "");
	xmlFree(path);
}

bool xml_can_hold(const char *text)
{
	if (!xmlCheckUTF8(xml_bytes(text)))
		return false;
	while (*text) {
		int len = 4;
		int point = xmlGetUTF8Char(xml_bytes(text), &len);

		/* XML 1.0, 2.2: Char; a carriage return would be read as a newline where no one escapes it.
		 */
		if (point < 0 || (point < 0x20 && point != '\t' && point != '\n') || point == 0xfffe ||
		    point == 0xffff || (point >= 0xd800 && point < 0xe000))
			return false;
		text += len;
	}
	return true;
}
