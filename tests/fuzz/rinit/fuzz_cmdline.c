/* The kernel's command line and what is read from it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/cmdline.h"
#include "rinit/notify.h"
#include "rinit/root.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notify_address address;
	struct root_request request;
	struct error err;
	char value[64];
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	root_request_parse(&request, text, &err);
	if (cmdline_get(text, "rastos.notify", value, sizeof(value)))
		notify_address_parse(value, &address);
	free(text);
	return 0;
}
