/* Guest definitions: any text is either read or refused with one sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_definition *definition = NULL;
	struct error err = {0};
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (definition_parse("fuzz.json", "/guests", text, &definition, &err) < 0 &&
	    (!err.text[0] || definition))
		abort();
	definition_free(definition);
	free(text);
	return 0;
}
