#include "rinit/pattern.h"

#include <string.h>

/* The closing bracket of the set that begins at pattern; NULL: none. The first character may be one itself.
 */
static const char *set_end(const char *pattern)
{
	const char *at = pattern + 1;

	at += *at == '!' || *at == '^';
	return *at ? strchr(at + 1, ']') : NULL;
}

static bool set_has(const char *at, const char *end, unsigned char byte)
{
	bool negated = *++at == '!' || *at == '^', found = false;

	for (at += negated; at < end; at++) {
		unsigned char first = (unsigned char)*at, last = first;

		if (at[1] == '-' && at + 2 < end)
			last = (unsigned char)*(at += 2);
		found |= first <= byte && byte <= last;
	}
	return found != negated;
}

/* How much of the pattern stands for this one character, which is not the end of the text; 0: it doesn't fit.
 */
static size_t one_matches(const char *pattern, char byte)
{
	const char *end;

	switch (*pattern) {
	case '\0':
		return 0;
	case '?':
		return 1;
	case '[':
		end = set_end(pattern);
		if (end)
			return set_has(pattern, end, (unsigned char)byte) ? (size_t)(end - pattern) + 1 : 0;
		break;
	case '\\':
		return pattern[1] == byte ? 2 : 0;
	default:
		break;
	}
	return *pattern == byte;
}

/* Only the last `*` is ever tried again: what the earlier ones took need not be longer. */
bool pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *star_text = NULL;

	while (*text) {
		size_t used = one_matches(pattern, *text);

		if (*pattern == '*') {
			star = ++pattern;
			star_text = text;
		} else if (used) {
			pattern += used;
			text++;
		} else if (star) {
			pattern = star;
			text = ++star_text;
		} else {
			return false;
		}
	}
	return !pattern[strspn(pattern, "*")];
}
