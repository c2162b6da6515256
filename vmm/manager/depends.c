#include "vmm/manager/depends.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

struct search {
	const struct guest_definition *const *definitions;
	unsigned count;
	unsigned *from; /* for each that was reached, whose dependency it is */
	bool *seen;
};

static unsigned find(const struct search *search, const char *name)
{
	unsigned i = 0;

	while (i < search->count && strcmp(search->definitions[i]->name, name) != 0)
		i++;
	return i;
}

/* Reaches what this one depends on; a stack of places would do no more than this recursion, which marks each
 * once. */
static bool reaches(struct search *search, unsigned place, unsigned goal)
{
	const struct guest_definition *definition = search->definitions[place];

	for (unsigned i = 0; i < definition->depends_count; i++) {
		unsigned next = find(search, definition->depends_on[i]);

		if (next == search->count || search->seen[next])
			continue;
		search->seen[next] = true;
		search->from[next] = place;
		if (next == goal || reaches(search, next, goal))
			return true;
	}
	return false;
}

/* "a -> b -> a" */
static void show_circle(const struct search *search, unsigned goal, char *text, size_t size)
{
	AUTO_FREE unsigned *path = calloc(search->count + 1, sizeof(*path));
	unsigned len = 0;
	size_t used = 0;
	unsigned place = goal;

	*text = '\0';
	if (!path)
		return;
	do {
		path[len++] = place;
		place = search->from[place];
	} while (place != goal);
	used += (size_t)snprintf(text, size, "%s", search->definitions[goal]->name);
	while (len-- > 0 && used < size)
		used += (size_t)snprintf(text + used, size - used, " -> %s",
					 search->definitions[path[len]]->name);
}

int depends_check(const struct guest_definition *const *definitions, unsigned count, struct error *err)
{
	AUTO_FREE unsigned *from = calloc(count, sizeof(*from));
	AUTO_FREE bool *seen = calloc(count, sizeof(*seen));
	struct search search = {.definitions = definitions, .count = count, .from = from, .seen = seen};
	char circle[256];

	if (!from || !seen)
		return error_set(err, -ENOMEM, "dependencies: out of memory");
	if (!reaches(&search, count - 1, count - 1))
		return 0;
	show_circle(&search, count - 1, circle, sizeof(circle));
	return error_set(err, -ELOOP, "guest %s: depends_on: makes a circle: %s",
			 definitions[count - 1]->name, circle);
}
