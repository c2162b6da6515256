/* A definition of anybody on its way to domain XML: whatever JSON it is, there is XML or a refusal. */
#include <cjson/cJSON.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <stddef.h>
#include <stdint.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *definition = cJSON_ParseWithLength((const char *)data, size);
	struct refusal refusal = {.place = ""};
	xmlDoc *document = NULL;

	if (cJSON_IsObject(definition))
		domain_to_xml(definition, &document, &refusal);
	xmlFreeDoc(document);
	cJSON_Delete(definition);
	return 0;
}
