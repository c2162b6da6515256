#include "vmm/domain_xml/metadata.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "vmm/domain_xml/document.h"
#include "vmm/domain_xml/special.h"
#include "vmm/domain_xml/to_xml.h"
#include "vmm/domain_xml/xml.h"

#define METADATA_MAX 16 /* elements */
#define DEPENDS_MAX  16

/* A copy has the namespaces that it uses declared in it, wherever they were declared before. */
static char *print_alone(const xmlNode *element)
{
	xmlDoc *document = xmlNewDoc(xml_bytes("1.0"));
	xmlBuffer *buffer = xmlBufferCreate();
	xmlNode *copy = document ? xmlDocCopyNode((xmlNode *)(uintptr_t)element, document, 1) : NULL;
	char *text = NULL;

	if (copy)
		xmlDocSetRootElement(document, copy);
	if (copy && buffer && xmlNodeDump(buffer, document, copy, 0, 0) >= 0)
		text = strdup(xml_chars(xmlBufferContent(buffer)));
	xmlBufferFree(buffer);
	xmlFreeDoc(document);
	return text;
}

int metadata_read(struct reader *reader, const xmlNode *element)
{
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(reader->definition, "metadata");
	AUTO_FREE char *text = NULL;
	const char *space;

	if (!element->ns)
		return refuse(reader->refusal, -EINVAL, element, "must be of a namespace, as all metadata");
	space = xml_chars(element->ns->href);
	if (!metadata)
		metadata = cJSON_AddObjectToObject(reader->definition, "metadata");
	if (cJSON_GetObjectItemCaseSensitive(metadata, space))
		return refuse(reader->refusal, -EINVAL, element, "is the second of its namespace, %s", space);
	if (cJSON_GetArraySize(metadata) >= METADATA_MAX)
		return refuse(reader->refusal, -EINVAL, element, "is one too many: at most %u are possible",
			      METADATA_MAX);
	text = print_alone(element);
	if (!text || !cJSON_AddStringToObject(metadata, space, text))
		return refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
	return 0;
}

/* --- Back --- */

static int not_to_be_written(struct writer *writer, const cJSON *item, const char *why)
{
	refuse(writer->refusal, -EINVAL, NULL, "metadata of %.100s: %s", item->string, why);
	snprintf(writer->refusal->place, REFUSAL_PLACE_MAX, "/metadata");
	return -EINVAL;
}

static int write_one(struct writer *writer, xmlNode *metadata, const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);
	struct refusal why = {.place = ""};
	xmlDoc *document = NULL;
	xmlNode *root;
	int code;

	if (!text)
		return not_to_be_written(writer, item, "must be a string");
	code = document_parse(text, strlen(text), &document, &why);
	if (code < 0)
		return not_to_be_written(writer, item, why.err.text);
	root = xmlDocGetRootElement(document);
	if (!root->ns || strcmp(xml_chars(root->ns->href), item->string) != 0)
		code = not_to_be_written(writer, item, "must be an element of that namespace");
	else if (xml_is_ours(root))
		code = not_to_be_written(writer, item, "is what rastOS keeps there itself");
	else
		root = xmlDocCopyNode(root, metadata->doc, 1);
	if (code == 0 && !(root && xmlAddChild(metadata, root)))
		code = refuse(writer->refusal, -ENOMEM, NULL, "out of memory");
	xmlFreeDoc(document);
	return code;
}

static int write_metadata(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
	const cJSON *item;
	int code = 0;

	if (!cJSON_IsObject(metadata))
		return 0;
	cJSON_ArrayForEach(item, metadata)
	{
		xmlNode *holder = writer_element(writer, element, "metadata");

		code = holder ? write_one(writer, holder, item) : -ENOMEM;
		if (code < 0)
			break;
	}
	return code;
}

/* --- Guests that this one waits for --- */

static int read_depends(struct reader *reader, const xmlNode *node, cJSON *object)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "depends_on");
	AUTO_FREE char *text = xml_text(node);

	if (!text || !*text)
		return refuse(reader->refusal, -EINVAL, node, "must be a guest's name");
	if (!list)
		list = cJSON_AddArrayToObject(object, "depends_on");
	if (cJSON_GetArraySize(list) >= DEPENDS_MAX)
		return refuse(reader->refusal, -EINVAL, node, "is one too many: at most %u are possible",
			      DEPENDS_MAX);
	return cJSON_AddItemToArray(list, cJSON_CreateString(text))
		       ? 0
		       : refuse(reader->refusal, -ENOMEM, NULL, "out of memory");
}

static int write_depends(struct writer *writer, xmlNode *element, const cJSON *object)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, "depends_on");
	const cJSON *item;
	int code = 0;

	if (!cJSON_IsArray(list))
		return 0;
	cJSON_ArrayForEach(item, list)
	{
		xmlNode *holder = writer_element(writer, element, "metadata/" RASTOS_PREFIX ":guest");
		const char *name = cJSON_GetStringValue(item);
		xmlNode *depends;

		if (!name || !*name || !xml_can_hold(name))
			break;
		depends = holder ? writer_add(writer, holder, RASTOS_PREFIX ":depends") : NULL;
		code = depends ? writer_set(writer, depends, "", name) : -ENOMEM;
		if (code < 0)
			break;
	}
	return code;
}

const struct special special_metadata = {.write = write_metadata};
const struct special special_depends = {read_depends, write_depends};
