/* Messages of a bus that lies. */
#include <stdlib.h>
#include <string.h>

#include "rinit/bus_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bus_message message;
	const char *text;
	uint32_t number;
	uint8_t *copy;
	size_t at = 0;

	if (size < BUS_HEADER_SIZE || bus_message_length(data) != size)
		return 0;
	copy = malloc(size); /* so that a byte behind the end is noticed */
	memcpy(copy, data, size);
	if (!bus_message_parse(copy, size, &message)) {
		const char *parts[] = {message.sender, message.interface, message.member, message.error,
				       message.signature};

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			if (strlen(parts[i]) >= size)
				abort();
		while (!bus_body_string(&message, &at, &text))
			if (strlen(text) >= size || at > message.body_length)
				abort();
		at = 0;
		while (!bus_body_u32(&message, &at, &number))
			if (at > message.body_length)
				abort();
	}
	free(copy);
	return 0;
}
