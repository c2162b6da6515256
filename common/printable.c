#include "common/printable.h"

#include <stdbool.h>
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
