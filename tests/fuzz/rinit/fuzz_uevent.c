/* What the kernel says of devices: any bytes, with and without a zero at their end. */
#include <stdlib.h>
#include <string.h>

#include "rinit/uevent.h"

/* In the message, and ended in it. */
static void check(const char *value, const char *message, size_t length)
{
	if (*value && (value < message || value + strlen(value) >= message + length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *message = malloc(size + 1);
	struct uevent event;

	memcpy(message, data, size);
	message[size] = '\0';
	for (size_t length = size; length <= size + 1; length++) {
		if (!uevent_parse(message, length, &event))
			continue;
		check(event.action, message, length);
		check(event.subsystem, message, length);
		check(event.modalias, message, length);
		check(event.devname, message, length);
		if (!*event.action)
			abort();
	}
	free(message);
	return 0;
}
