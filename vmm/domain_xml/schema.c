#include "vmm/domain_xml/schema.h"

#include <errno.h>
#include <libxml/relaxng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/domain_xml/xml.h"

#define SCHEMA_FILE SCHEMA_FOLDER "/domain.rng"

struct schema {
	xmlRelaxNG *grammar;
};

static void say_nothing(void *context, xmlError *error)
{
	(void)context;
	(void)error;
}

struct schema *schema_read(struct refusal *refusal)
{
	struct schema *schema = calloc(1, sizeof(*schema));
	xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt(SCHEMA_FILE);

	if (schema && parser) {
		xmlRelaxNGSetParserStructuredErrors(parser, say_nothing, NULL);
		schema->grammar = xmlRelaxNGParse(parser);
	}
	xmlRelaxNGFreeParserCtxt(parser);
	if (schema && schema->grammar)
		return schema;
	free(schema);
	if (access(SCHEMA_FILE, R_OK) < 0)
		refuse(refusal, -ENOENT, NULL,
		       "%s: cannot read libvirt's schema: %m (apt-get install libvirt0, or --no-validate)",
		       SCHEMA_FILE);
	else
		refuse(refusal, -EIO, NULL, "%s: is no schema (RELAX NG)", SCHEMA_FILE);
	return NULL;
}

void schema_free(struct schema *schema)
{
	if (!schema)
		return;
	xmlRelaxNGFree(schema->grammar);
	free(schema);
}

#define NARROW_CHILDREN 64
#define NARROW_DEPTH    6

/* The validator says more the further out it is: its first word is nearest to the fault, its first element
 * too. */
struct complaint {
	xmlNode *node;
	char text[256];
};

static void take_complaint(void *context, xmlError *error)
{
	struct complaint *complaint = context;

	if (!complaint->node)
		complaint->node = error->node;
	if (!complaint->text[0] && error->message)
		snprintf(complaint->text, sizeof(complaint->text), "%.*s", (int)strcspn(error->message, "\n"),
			 error->message);
}

static int check(const struct schema *schema, xmlDoc *document, struct complaint *complaint)
{
	xmlRelaxNGValidCtxt *validator = xmlRelaxNGNewValidCtxt(schema->grammar);
	int code;

	if (!validator)
		return -ENOMEM;
	xmlRelaxNGSetValidStructuredErrors(validator, take_complaint, complaint);
	code = xmlRelaxNGValidateDoc(validator, document);
	xmlRelaxNGFreeValidCtxt(validator);
	return code == 0 ? 0 : -EINVAL;
}

/* Whether the document would be as the schema wants it without the element. */
static bool is_to_blame(const struct schema *schema, xmlNode *element)
{
	struct complaint complaint = {0};
	xmlDoc *document = element->doc;
	xmlNode *parent = element->parent;
	xmlNode *next = element->next;
	int code;

	xmlUnlinkNode(element);
	code = check(schema, document, &complaint);
	if (next)
		xmlAddPrevSibling(next, element);
	else
		xmlAddChild(parent, element);
	return code == 0;
}

/* Of an interleave the validator names the element that holds it all: which of those inside is it? */
static xmlNode *narrow(const struct schema *schema, xmlNode *element)
{
	for (unsigned depth = 0; depth < NARROW_DEPTH; depth++) {
		unsigned count = 0;
		xmlNode *child = element->children;

		while (child && count < NARROW_CHILDREN) {
			if (child->type == XML_ELEMENT_NODE && ++count && is_to_blame(schema, child))
				break;
			child = child->next;
		}
		if (!child || count == NARROW_CHILDREN)
			return element;
		element = child;
	}
	return element;
}

static int complain(const struct schema *schema, const struct complaint *complaint, struct refusal *refusal)
{
	xmlNode *node = complaint->node ? narrow(schema, complaint->node) : NULL;

	if (node != complaint->node)
		return refuse(refusal, -EINVAL, node, "is not as libvirt's schema wants it");
	return refuse(refusal, -EINVAL, node, "is not as libvirt's schema wants it: %s", complaint->text);
}

int schema_check(const struct schema *schema, xmlDoc *document, struct refusal *refusal)
{
	xmlNode *root = xmlDocGetRootElement(document);
	xmlNode *metadata = root ? xml_child(root, "metadata") : NULL;
	xmlNode *others = metadata ? metadata->children : NULL;
	struct complaint complaint = {0};
	int code;

	/* They may be large, and any element may be in them. */
	if (metadata)
		metadata->children = NULL;
	code = check(schema, document, &complaint);
	if (code == -ENOMEM)
		refuse(refusal, code, NULL, "out of memory");
	else if (code < 0)
		code = complain(schema, &complaint, refusal);
	if (metadata)
		metadata->children = others;
	return code;
}
