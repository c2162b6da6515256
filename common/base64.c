#include "common/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	char *text = malloc((length + 2) / 3 * 4 + 1);
	char *to = text;

	for (size_t i = 0; text && i < length; i += 3) {
		size_t left = length - i;
		uint32_t group = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
				 (left > 2 ? from[i + 2] : 0);

		*to++ = letters[group >> 18];
		*to++ = letters[group >> 12 & 63];
		*to++ = left > 1 ? letters[group >> 6 & 63] : '=';
		*to++ = left > 2 ? letters[group & 63] : '=';
	}
	if (text)
		*to = '\0';
	return text;
}

ssize_t base64_decode(const char *text, void *bytes)
{
	size_t length = strlen(text), used = 0, digits = 0;
	uint8_t *to = bytes;
	uint32_t group = 0;

	if (length % 4)
		return -1;
	for (unsigned i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
		length--;
	for (; digits < length; digits++) {
		const char *letter = text[digits] ? strchr(letters, text[digits]) : NULL;

		if (!letter)
			return -1;
		group = group << 6 | (uint32_t)(letter - letters);
		if (digits % 4)
			to[used++] = (uint8_t)(group >> (6 - 2 * (digits % 4)));
	}
	return (ssize_t)used;
}
