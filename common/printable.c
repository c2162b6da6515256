#include "common/printable.h"

#include <stdlib.h>
#include <string.h>

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* How many bytes the character at text has; 0: it is none (RFC 3629). */
static unsigned utf8_length(const unsigned char *text)
{
	unsigned char first = text[0];

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4 || !is_continuation(text[1]))
		return 0;
	if (first < 0xe0)
		return 2;
	if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] >= 0xa0) ||
	    !is_continuation(text[2]))
		return 0;
	if (first < 0xf0)
		return 3;
	if ((first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] >= 0x90) ||
	    !is_continuation(text[3]))
		return 0;
	return 4;
}

bool text_is_utf8(const char *text)
{
	unsigned len = 1;

	for (; *text && len; text += len)
		len = utf8_length((const unsigned char *)text);
	return len > 0;
}

void text_make_printable(char *text, const char *kept)
{
	unsigned len;

	for (; *text; text += len) {
		unsigned char byte = (unsigned char)*text;

		len = utf8_length((unsigned char *)text);
		if (len == 0) {
			*text = '?';
			len = 1;
		} else if (byte == 0xc2 && (unsigned char)text[1] < 0xa0) {
			text[0] = text[1] = '.';
		} else if ((byte < ' ' || byte == 0x7f) && !strchr(kept, byte)) {
			*text = '.';
		}
	}
}

char *text_from_bytes(const char *bytes, size_t length)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	char *text = malloc(3 * length + 1);
	char last[4] = "";
	size_t used = 0;
	unsigned len;

	for (size_t i = 0; text && i < length; i += len ? len : 1) {
		const char *at = bytes + i;

		/* A character is looked at as a whole, and behind the bytes there is nothing to look at. */
		if (length - i < sizeof(last)) {
			memset(last, 0, sizeof(last));
			memcpy(last, at, length - i);
			at = last;
		}
		len = *at ? utf8_length((const unsigned char *)at) : 0;
		memcpy(text + used, len ? at : replacement, len ? len : 3);
		used += len ? len : 3;
	}
	if (text)
		text[used] = '\0';
	return text;
}
