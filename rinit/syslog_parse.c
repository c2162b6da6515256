#include "rinit/syslog_parse.h"

#include <string.h>

#include "common/util.h"

#define PRIORITY_DEFAULT (PRIORITY_USER | PRIORITY_NOTICE)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "<13>", one to three digits; returns its length, 0 when there is none. */
static size_t priority_length(const char *data, size_t size, uint8_t *priority)
{
	unsigned int value = 0;
	size_t at = 1;

	*priority = PRIORITY_DEFAULT;
	if (!size || *data != '<')
		return 0;
	while (at < size && at < 4 && is_digit(data[at]))
		value = value * 10 + (unsigned int)(data[at++] - '0');
	if (at == 1 || at >= size || data[at] != '>' || value > PRIORITY_MAX)
		return 0;
	*priority = (uint8_t)(value < PRIORITY_USER ? value | PRIORITY_USER : value);
	return at + 1;
}

/* "Nov 23 10:00:00 ": a day below ten has a blank in front. */
static size_t time_length(const char *data, size_t size)
{
	static const char pattern[] = "aaa d0 00:00:00 ";
	const size_t length = sizeof(pattern) - 1;

	if (size < length)
		return 0;
	for (size_t i = 0; i < length; i++) {
		bool letter = (data[i] | 0x20) >= 'a' && (data[i] | 0x20) <= 'z';
		bool fits = pattern[i] == 'a'   ? letter
			    : pattern[i] == '0' ? is_digit(data[i])
			    : pattern[i] == 'd' ? data[i] == ' ' || is_digit(data[i])
						: data[i] == pattern[i];

		if (!fits)
			return 0;
	}
	return length;
}

/* Up to ":" or "[", without blanks. */
static void tag_read(const char *text, size_t size, char *tag)
{
	size_t length = 0;

	while (length < size && text[length] > ' ' && text[length] != ':' && text[length] != '[')
		length++;
	if (!length || length == size || length > LOG_WHO_MAX || text[length] <= ' ')
		length = 0;
	memcpy(tag, text, length);
	tag[length] = '\0';
}

void syslog_parse(const char *data, size_t size, struct syslog_message *message)
{
	size_t skip = priority_length(data, size, &message->priority);

	skip += time_length(data + skip, size - skip);
	message->text = data + skip;
	message->length = size - skip;
	while (message->length && memchr("\n\r\0 ", message->text[message->length - 1], 4))
		message->length--;
	tag_read(message->text, message->length, message->tag);
}
