#include "rinit/text.h"

#include <string.h>

/* The length of the character that text begins with, 0 when these bytes are none (RFC 3629). */
static size_t utf8_length(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t length = *c < 0x80 ? 1 : *c < 0xc2 ? 0 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : *c < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] >= 0xa0) || (*c == 0xf0 && c[1] < 0x90) ||
	    (*c == 0xf4 && c[1] >= 0x90))
		return 0;
	return length;
}

void json_string(FILE *stream, const char *text)
{
	fputc('"', stream);
	while (*text) {
		unsigned char c = (unsigned char)*text;
		size_t length = utf8_length(text);

		if (c == '"' || c == '\\')
			fprintf(stream, "\\%c", c);
		else if (c < ' ')
			fprintf(stream, "\\u%04x", c);
		else if (!length)
			fputs("\\ufffd", stream);
		else
			fwrite(text, 1, length, stream);
		text += length ? length : 1;
	}
	fputc('"', stream);
}

void json_field(FILE *stream, const char **comma, const char *key, const char *text)
{
	fputs(*comma, stream);
	json_string(stream, key);
	fputc(':', stream);
	json_string(stream, text);
	*comma = ",";
}

void json_number(FILE *stream, const char **comma, const char *key, long long number)
{
	fputs(*comma, stream);
	json_string(stream, key);
	fprintf(stream, ":%lld", number);
	*comma = ",";
}

void xml_text(FILE *stream, const char *text)
{
	while (*text) {
		unsigned char c = (unsigned char)*text;
		size_t length = utf8_length(text);

		if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
			fprintf(stream, "&#%d;", c);
		else if (!length || c < ' ' || c == 0x7f ||
			 (c == 0xef && (text[1] & 0xff) == 0xbf && (text[2] & 0xff) >= 0xbe))
			fputc('?', stream); /* the last: U+FFFE and U+FFFF */
		else
			fwrite(text, 1, length, stream);
		text += length ? length : 1;
	}
}
