/* The values of headers that we read ourselves: Accept, If-Match, Content-Type. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/api/etag.h"
#include "vmm/api/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"application/json", "application/xml", NULL};
	char *value = malloc(size + 1);
	int form;

	memcpy(value, data, size);
	value[size] = '\0';
	form = negotiate(value, types);
	if (form < -1 || form > 1)
		abort();
	/* What names it as a strong one names it as a weak one. */
	if (etag_listed(value, "\"0123456789abcdef\"", false) &&
	    !etag_listed(value, "\"0123456789abcdef\"", true))
		abort();
	/* A list has a tag in quotes, or is the star. */
	if (etag_list_valid(value) && !strchr(value, '"') && !strchr(value, '*'))
		abort();
	media_type_is(value, types[0]);
	free(value);
	return 0;
}
