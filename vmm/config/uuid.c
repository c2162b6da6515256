#include "vmm/config/uuid.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define UUID_ZEROS "00000000-0000-0000-0000-000000000000"

bool uuid_valid(const char *text)
{
	if (strlen(text) != UUID_TEXT_SIZE - 1)
		return false;
	for (unsigned i = 0; text[i]; i++) {
		if (UUID_ZEROS[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return strcmp(text, UUID_ZEROS) != 0;
}

void uuid_bytes(const char *uuid, uint8_t bytes[UUID_BYTES])
{
	for (unsigned i = 0; i < UUID_BYTES; i++) {
		if (*uuid == '-')
			uuid++;
		sscanf(uuid, "%2hhx", &bytes[i]);
		uuid += 2;
	}
}

int uuid_make(char uuid[UUID_TEXT_SIZE], struct error *err)
{
	uint8_t bytes[UUID_BYTES];
	unsigned at = 0;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return error_set(err, -errno, "a UUID: the kernel gives no random bytes: %m");
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 ... */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* ... of the RFC's variant */
	for (unsigned i = 0; i < UUID_BYTES; i++) {
		if (UUID_ZEROS[at] == '-')
			uuid[at++] = '-';
		at += (unsigned)snprintf(uuid + at, UUID_TEXT_SIZE - at, "%02x", bytes[i]);
	}
	return 0;
}
