/* Domain XML of anybody: it is read or refused; what is read can be printed, and comes back from that as it
 * was. */
#include <cjson/cJSON.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/domain_xml/document.h"
#include "vmm/domain_xml/to_json.h"
#include "vmm/domain_xml/to_xml.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_nothing(void *context, const char *format, ...)
{
	(void)context;
	(void)format;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	xmlSetGenericErrorFunc(NULL, say_nothing);
	return 0;
}

static void give_up(const char *what, const struct refusal *refusal)
{
	fprintf(stderr, "%s: %s %s\n", what, refusal->place, refusal->err.text);
	abort();
}

/* What is in other programs' metadata is kept as XML; its text may differ. */
static void forget_metadata(cJSON *definition)
{
	cJSON_DeleteItemFromObjectCaseSensitive(definition, "metadata");
}

/* By bytes, as the program does it. */
static cJSON *read_again(xmlDoc *document)
{
	struct refusal refusal = {.place = ""};
	xmlDoc *copy = NULL;
	xmlChar *text = NULL;
	cJSON *definition = NULL;
	cJSON *ignored = NULL;
	int size = 0;

	if (document_indent(document, &refusal) < 0)
		give_up("cannot indent", &refusal);
	xmlDocDumpMemoryEnc(document, &text, &size, "UTF-8");
	/* Metadata in metadata may have made it too large to be read. */
	if (size <= (int)DOCUMENT_BYTES_MAX) {
		if (document_parse((const char *)text, (size_t)size, &copy, &refusal) < 0 ||
		    domain_to_json(copy, &definition, &ignored, &refusal) < 0)
			give_up("cannot read what was printed", &refusal);
	}
	if (ignored && cJSON_GetArraySize(ignored) > 0)
		give_up("what was printed is not all meant", &refusal);
	cJSON_Delete(ignored);
	xmlFreeDoc(copy);
	xmlFree(text);
	return definition;
}

static void print_and_compare(cJSON *definition)
{
	struct refusal refusal = {.place = ""};
	xmlDoc *document = NULL;
	cJSON *again;

	if (domain_to_xml(definition, &document, &refusal) < 0) {
		/* Only what XML cannot hold, or too deep. */
		if (!*refusal.place)
			give_up("cannot print what was read", &refusal);
		return;
	}
	again = read_again(document);
	forget_metadata(definition);
	forget_metadata(again);
	if (again && !cJSON_Compare(definition, again, true)) {
		fprintf(stderr, "%s\n%s\n", cJSON_Print(definition), cJSON_Print(again));
		give_up("it came back changed", &refusal);
	}
	cJSON_Delete(again);
	xmlFreeDoc(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusal refusal = {.place = ""};
	xmlDoc *document = NULL;
	cJSON *definition = NULL;
	cJSON *ignored = NULL;

	if (document_parse((const char *)data, size, &document, &refusal) == 0 &&
	    domain_to_json(document, &definition, &ignored, &refusal) == 0)
		print_and_compare(definition);
	cJSON_Delete(definition);
	cJSON_Delete(ignored);
	xmlFreeDoc(document);
	return 0;
}
