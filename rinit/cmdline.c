#include "rinit/cmdline.h"

#include <string.h>

struct word {
	const char *text;
	size_t length; /* with the quotes that are in it */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Takes the next word and moves *at behind it. */
static bool word_next(const char **at, struct word *word)
{
	const char *p = *at;
	bool quoted = false;

	while (is_blank(*p))
		p++;
	word->text = p;
	for (; *p && (quoted || !is_blank(*p)); p++)
		if (*p == '"')
			quoted = !quoted;
	word->length = (size_t)(p - word->text);
	*at = p;
	return word->length > 0;
}

/* The characters without quotes; returns how many there are, size or more when they did not fit. */
static size_t word_copy(const struct word *word, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < word->length; i++) {
		if (word->text[i] == '"')
			continue;
		if (used + 1 < size)
			out[used] = word->text[i];
		used++;
	}
	out[used < size ? used : size - 1] = '\0';
	return used;
}

/* The word's value after "key=", "" when it is the key alone, NULL when it is another word. */
static const char *word_value(const char *word, const char *key)
{
	size_t length = strlen(key);

	if (strncmp(word, key, length) || (word[length] && word[length] != '='))
		return NULL;
	return word[length] ? word + length + 1 : word + length;
}

bool cmdline_has(const char *cmdline, const char *word)
{
	char text[CMDLINE_MAX];
	struct word next;

	while (word_next(&cmdline, &next))
		if (word_copy(&next, text, sizeof(text)) < sizeof(text) && word_value(text, word))
			return true;
	return false;
}

bool cmdline_get(const char *cmdline, const char *key, char *value, size_t size)
{
	char text[CMDLINE_MAX];
	struct word next;
	bool found = false;

	value[0] = '\0';
	while (word_next(&cmdline, &next)) {
		const char *is;

		if (word_copy(&next, text, sizeof(text)) >= sizeof(text))
			continue;
		is = word_value(text, key);
		if (!is || !strchr(text, '='))
			continue;
		found = strlen(is) < size;
		memcpy(value, is, found ? strlen(is) + 1 : 0);
	}
	if (!found)
		value[0] = '\0';
	return found;
}

void cmdline_each(const char *cmdline, const char *key, void *context,
		  void (*each)(void *context, const char *value))
{
	char text[CMDLINE_MAX];
	struct word next;

	while (word_next(&cmdline, &next)) {
		const char *is;

		if (word_copy(&next, text, sizeof(text)) >= sizeof(text))
			continue;
		is = word_value(text, key);
		if (is && strchr(text, '='))
			each(context, is);
	}
}
