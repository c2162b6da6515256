#include "vmm/image/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"

/* The bytes that one printable UTF-8 character takes at text, 0 when there is none (RFC 3629, 4). */
static size_t character_length(const unsigned char *text)
{
	static const struct {
		unsigned char mask;
		unsigned char lead;
		uint32_t lowest; /* shorter forms exist below */
	} forms[] = {{0xe0, 0xc0, 0xa0 /* no C1 controls */}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	if (*text < 0x80)
		return *text >= ' ' && *text < 0x7f;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t code = *text & (unsigned char)~forms[i].mask;

		if ((*text & forms[i].mask) != forms[i].lead)
			continue;
		for (size_t more = 1; more <= i + 1; more++) {
			if ((text[more] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[more] & 0x3f);
		}
		if (code < forms[i].lowest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return 0;
		return i + 2;
	}
	return 0;
}

void text_printable(char *into, size_t size, const char *text)
{
	size_t used = 0;

	while (*text) {
		size_t length = character_length((const unsigned char *)text);

		if (used + MAX(length, (size_t)1) >= size)
			break;
		if (length == 0)
			into[used++] = '?';
		memcpy(into + used, text, length);
		used += length;
		text += length ? length : 1;
	}
	into[used] = '\0';
}

void text_size(char *into, size_t room, size_t size)
{
	if (size < KIB(1))
		snprintf(into, room, "%zu bytes", size);
	else if (size < MIB(1))
		snprintf(into, room, "%.1f KiB", (double)size / (double)KIB(1));
	else
		snprintf(into, room, "%.1f MiB", (double)size / (double)MIB(1));
}
