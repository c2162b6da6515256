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

/* The validator says more the further out it is; the first word is where the fault is. */
struct complaint {
	const xmlNode *node;
	char text[256];
};

static void take_complaint(void *context, xmlError *error)
{
	struct complaint *complaint = context;

	if (complaint->text[0] || !error->message)
		return;
	complaint->node = error->node;
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
	if (metadata)
		metadata->children = others;
	if (code == 0)
		return 0;
	if (code == -ENOMEM)
		return refuse(refusal, code, NULL, "out of memory");
	return refuse(refusal, code, complaint.node, "is not as libvirt's schema wants it: %s",
		      complaint.text);
}
