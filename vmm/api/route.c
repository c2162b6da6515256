#include "vmm/api/route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "vmm/config/nearest.h"

#define WORDS_MAX 64

/* The template's next segment, *len bytes; *rest moves behind it. NULL at its end. */
static const char *next_segment(const char **rest, size_t *len)
{
	const char *segment = *rest;

	if (*segment != '/')
		return NULL;
	segment++;
	*len = strcspn(segment, "/");
	*rest = segment + *len;
	return segment;
}

static bool segment_matches(const char *segment, size_t len, const char *word)
{
	if (*segment == '{')
		return *word != '\0';
	return strlen(word) == len && memcmp(segment, word, len) == 0;
}

/* How many of the path's segments the template begins with. *whole: it is the path. */
static unsigned match(const char *template, const struct path *path, bool *whole)
{
	const char *segment;
	unsigned count = 0;
	size_t len;

	while (count < path->count) {
		segment = next_segment(&template, &len);
		if (!segment || !segment_matches(segment, len, path->segments[count]))
			break;
		count++;
	}
	*whole = count == path->count && *template == '\0';
	return count;
}

static void allow_add(char allow[ROUTE_ALLOW_MAX], const char *method)
{
	size_t used = strlen(allow);

	snprintf(allow + used, ROUTE_ALLOW_MAX - used, "%s%s%s", used ? ", " : "", method,
		 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* No path is like this: what could follow the part that is. */
static void say_nearest(const struct path *path, unsigned known, struct error *err)
{
	const char *words[WORDS_MAX + 1] = {NULL};
	char texts[WORDS_MAX][32];
	const char *word = path->segments[known < path->count ? known : path->count - 1];
	const char *nearest;
	unsigned count = 0;

	for (size_t i = 0; i < route_count && count < WORDS_MAX; i++) {
		const char *rest = routes[i].path;
		const char *segment = NULL;
		bool whole;
		size_t len = 0;

		if (known < path->count && match(routes[i].path, path, &whole) == known) {
			for (unsigned skipped = 0; skipped <= known; skipped++)
				segment = next_segment(&rest, &len);
		}
		if (segment && *segment != '{' && len < sizeof(texts[0])) {
			snprintf(texts[count], sizeof(texts[0]), "%.*s", (int)len, segment);
			words[count] = texts[count];
			count++;
		}
	}
	nearest = nearest_word(word, words);
	if (nearest)
		error_set(err, -ENOENT, "no such path: %.64s in it is not known, did you mean %s?", word,
			  nearest);
	else if (known < path->count && *word)
		error_set(err, -ENOENT, "no such path: %.64s in it is not known; /openapi.json tells what is",
			  word);
	else
		error_set(err, -ENOENT,
			  "no such path: there is more, or less, behind it; /openapi.json tells what is");
}

const struct route *route_find(const char *method, const struct path *path, char allow[ROUTE_ALLOW_MAX],
			       struct error *err)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	unsigned known = 0;

	*allow = '\0';
	for (size_t i = 0; i < route_count; i++) {
		bool whole;
		unsigned count = match(routes[i].path, path, &whole);

		known = MAX(known, count);
		if (whole && strcmp(routes[i].method, wanted) == 0)
			return &routes[i];
		if (whole)
			allow_add(allow, routes[i].method);
	}
	if (*allow)
		error_set(err, -EOPNOTSUPP, "%.16s is not what this path takes: it takes %s", method, allow);
	else
		say_nearest(path, known, err);
	return NULL;
}

const char *route_variable(const struct route *route, const struct path *path, const char *name)
{
	const char *rest = route->path;
	const char *segment;
	size_t len;

	for (unsigned i = 0; (segment = next_segment(&rest, &len)); i++) {
		if (*segment == '{' && len == strlen(name) + 2 && memcmp(segment + 1, name, len - 2) == 0)
			return path->segments[i];
	}
	return NULL;
}
