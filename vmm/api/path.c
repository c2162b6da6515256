#include "vmm/api/path.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/printable.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place; plus: a + is a space. */
static int decode(char *text, bool plus, struct error *err)
{
	const char *from = text;
	char *to = text;

	while (*from) {
		char c = *from++;

		if (c == '%') {
			int high = hex_digit(from[0]);
			int low = high < 0 ? -1 : hex_digit(from[1]);

			if (low < 0)
				return error_set(
					err, -EINVAL,
					"request: a %% in its target is not followed by two hexadecimal "
					"digits");
			c = (char)(high << 4 | low);
			from += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		*to++ = c;
		if ((unsigned char)c < ' ' || c == 0x7f)
			return error_set(err, -EINVAL, "request: its target has a control character");
	}
	*to = '\0';
	return text_is_utf8(text) ? 0 : error_set(err, -EINVAL, "request: its target is not UTF-8");
}

static int path_parse(char *text, struct path *path, struct error *err)
{
	char *rest = text + 1; /* behind the first slash */
	char *segment;
	int code = 0;

	while (code == 0 && (segment = strsep(&rest, "/"))) {
		if (path->count == PATH_SEGMENTS_MAX)
			return error_set(err, -E2BIG,
					 "request: its path has more than %d parts, which none has",
					 PATH_SEGMENTS_MAX);
		code = decode(segment, false, err);
		path->segments[path->count++] = segment;
	}
	return code;
}

static int query_parse(char *text, struct query *query, struct error *err)
{
	char *argument;

	while ((argument = strsep(&text, "&"))) {
		char *value = argument;
		char *name = strsep(&value, "=");
		int code = decode(name, true, err);

		if (code == 0 && value)
			code = decode(value, true, err);
		if (code < 0)
			return code;
		if (!*name && !value)
			continue; /* && and an & at the end mean nothing */
		if (query_get(query, name)) {
			query->wrong = name;
			return error_set(err, -EINVAL, "parameter %.64s: is given twice", name);
		}
		if (query->count == QUERY_ARGUMENTS_MAX)
			return error_set(err, -E2BIG, "request: it has more than %d parameters",
					 QUERY_ARGUMENTS_MAX);
		query->arguments[query->count++] =
			(struct query_argument){.name = name, .value = value ? value : ""};
	}
	return 0;
}

/* "http://host/v1" is "/v1": who asks through a proxy says so (RFC 9112, 3.2.2). */
static char *skip_authority(char *target)
{
	char *authority = strncmp(target, "http://", 7) == 0 ? target + 7 : NULL;

	if (strncmp(target, "https://", 8) == 0)
		authority = target + 8;
	return authority ? authority + strcspn(authority, "/?#") : target;
}

int target_parse(char *target, struct path *path, struct query *query, struct error *err)
{
	char *query_text = skip_authority(target);
	char *path_text = strsep(&query_text, "?");
	int code;

	*path = (struct path){0};
	*query = (struct query){0};
	if (*path_text != '/')
		return error_set(err, -EINVAL, "request: its target must be a path that begins with /");
	code = path_parse(path_text, path, err);
	if (code == 0 && query_text)
		code = query_parse(query_text, query, err);
	return code;
}

const char *query_get(const struct query *query, const char *name)
{
	for (unsigned i = 0; i < query->count; i++) {
		if (strcmp(query->arguments[i].name, name) == 0)
			return query->arguments[i].value;
	}
	return NULL;
}
