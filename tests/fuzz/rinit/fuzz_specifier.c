/* Unit names and values with specifiers: the first line is the name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/condition.h"
#include "rinit/specifier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *value, out[512], unknown;
	struct specifiers values = {.host = "box"};

	memcpy(text, data, size);
	text[size] = '\0';
	value = strchr(text, '\n');
	if (value)
		*value++ = '\0';
	values.unit = text;
	for (int quoted = 0; quoted < 2; quoted++)
		if (!specifiers_expand(&values, value ? value : "%n%N%p%P%i%I%j%J%f", quoted, out,
				       sizeof(out), &unknown) &&
		    strlen(out) >= sizeof(out))
			abort();
	unit_name_template(text, out, sizeof(out));
	unit_name_instantiate(text, "instance", 8, out, sizeof(out));
	condition_check("PathExists", text);
	free(text);
	return 0;
}
