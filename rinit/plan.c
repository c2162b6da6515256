#include "rinit/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#define TIME_MOST (1LL << 42) /* ms: a century */

enum column {
	NAME,
	STATE,
	PROCESS,
	EXIT_STATUS,
	FLAGS,
	QUEUED,
	STARTED,
	READY,
	AFTER,
	REQUIRES,
	WANTS,
	CONDITIONS,
	DESCRIPTION,
	COLUMNS,
};

/* Ends it with a zero and returns what follows; NULL at the end. */
static char *piece_end(char *text, char end)
{
	char *at = strchr(text, end);

	if (at)
		*at++ = '\0';
	return at;
}

/* The last column has the rest; -EPROTO when there are too few. */
static int columns_split(char *line, char *columns[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		if (!line)
			return -EPROTO;
		columns[i] = line;
		line = i + 1 < COLUMNS ? piece_end(line, '\t') : NULL;
	}
	return 0;
}

/* Bounded, so that it can be calculated with. */
static int64_t time_parse(const char *text)
{
	return *text == '-' ? PLAN_NEVER : MIN(MAX(strtoll(text, NULL, 10), 0LL), TIME_MOST);
}

static size_t words_count(const char *text)
{
	size_t count = *text != '\0';

	for (; *text; text++)
		count += *text == ' ';
	return count;
}

/* Numbers of units with blanks between; numbers that are none are left out. */
static int indices_parse(const struct plan *plan, char *text, uint32_t **indices, size_t *count)
{
	*count = 0;
	*indices = calloc(words_count(text) + 1, sizeof(**indices));
	if (!*indices)
		return -ENOMEM;
	for (char *next; text && *text; text = next) {
		unsigned long index = strtoul(text, &next, 10);

		if (*text < '0' || *text > '9' || (*next && *next != ' ')) /* strtoul takes more than that */
			return -EPROTO;
		if (index < plan->count)
			(*indices)[(*count)++] = (uint32_t)index;
		next += *next == ' ';
	}
	return 0;
}

static int names_parse(const struct plan *plan, char *text, uint32_t **indices, size_t *count)
{
	*count = 0;
	*indices = calloc(words_count(text) + 1, sizeof(**indices));
	if (!*indices)
		return -ENOMEM;
	while (text && *text) {
		char *next = piece_end(text, ' ');

		for (size_t i = 0; i < plan->count; i++)
			if (!strcmp(plan->units[i].name, text)) {
				(*indices)[(*count)++] = (uint32_t)i;
				break;
			}
		text = next;
	}
	return 0;
}

/* Everything but what needs the other units; their columns are kept in `lists`. */
static int unit_parse_line(struct plan_unit *unit, char *line, char *lists[3])
{
	char *columns[COLUMNS];

	if (columns_split(line, columns))
		return -EPROTO;
	*unit = (struct plan_unit){
		.name = columns[NAME],
		.state = columns[STATE],
		.description = columns[DESCRIPTION],
		.conditions = columns[CONDITIONS],
		.pid = atoi(columns[PROCESS]),
		.exit_status = atoi(columns[EXIT_STATUS]),
		.target = strchr(columns[FLAGS], 't'),
		.wanted = strchr(columns[FLAGS], 'w'),
		.skipped = strchr(columns[FLAGS], 's'),
		.gave_up = strchr(columns[FLAGS], 'g'),
		.held = strchr(columns[FLAGS], 'h'),
		.asked = strchr(columns[FLAGS], 'a'),
		.masked = strchr(columns[FLAGS], 'm'),
		.queued = time_parse(columns[QUEUED]),
		.started = time_parse(columns[STARTED]),
		.ready = time_parse(columns[READY]),
	};
	lists[0] = columns[AFTER];
	lists[1] = columns[REQUIRES];
	lists[2] = columns[WANTS];
	return 0;
}

static int lists_parse(struct plan *plan, char *(*lists)[3])
{
	int rc = 0;

	for (size_t i = 0; i < plan->count && !rc; i++) {
		struct plan_unit *unit = &plan->units[i];

		rc = indices_parse(plan, lists[i][0], &unit->after, &unit->after_count);
		if (!rc)
			rc = indices_parse(plan, lists[i][1], &unit->requires, &unit->require_count);
		if (!rc)
			rc = names_parse(plan, lists[i][2], &unit->wants, &unit->want_count);
	}
	return rc;
}

static size_t lines_count(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

int plan_parse(struct plan *plan, char *text)
{
	size_t most = lines_count(text) + 1;
	char *next = piece_end(text, '\n'), *target = piece_end(text, '\t');
	char *(*lists)[3] = calloc(most, sizeof(*lists));
	int rc = 0;

	*plan = (struct plan){.now = time_parse(text), .units = calloc(most, sizeof(*plan->units))};
	if (!lists || !plan->units)
		rc = -ENOMEM;
	else if (!target)
		rc = -EPROTO;
	for (char *line = next; !rc && line && *line; line = next) {
		next = piece_end(line, '\n');
		rc = unit_parse_line(&plan->units[plan->count], line, lists[plan->count]);
		plan->count += !rc;
	}
	if (!rc)
		rc = lists_parse(plan, lists);
	free(lists);
	if (rc)
		plan_clear(plan);
	else
		plan->default_target = plan_find(plan, target);
	return rc;
}

void plan_clear(struct plan *plan)
{
	for (size_t i = 0; plan->units && i < plan->count; i++) {
		free(plan->units[i].after);
		free(plan->units[i].requires);
		free(plan->units[i].wants);
	}
	free(plan->units);
	*plan = (struct plan){0};
}

const struct plan_unit *plan_find(const struct plan *plan, const char *name)
{
	size_t length = strlen(name);
	const struct plan_unit *found = NULL;

	for (size_t i = 0; i < plan->count; i++) {
		if (!strcmp(plan->units[i].name, name))
			return &plan->units[i];
		if (!strncmp(plan->units[i].name, name, length) &&
		    !strcmp(plan->units[i].name + length, ".service"))
			found = &plan->units[i];
	}
	return found;
}

bool plan_is_settled(const struct plan_unit *unit)
{
	static const char *const settled[] = {"inactive", "running", "active", "restarting", "failed"};

	for (size_t i = 0; i < ARRAY_SIZE(settled); i++)
		if (!strcmp(unit->state, settled[i]))
			return true;
	return false;
}

int64_t plan_took(const struct plan *plan, const struct plan_unit *unit)
{
	int64_t end = unit->ready >= 0 ? unit->ready : plan->now;

	return unit->started < 0 ? PLAN_NEVER : MAX(end - unit->started, INT64_C(0));
}

const struct plan_unit *plan_waited_for(const struct plan *plan, const struct plan_unit *unit)
{
	const struct plan_unit *last = NULL;

	for (size_t i = 0; i < unit->after_count; i++) {
		const struct plan_unit *other = &plan->units[unit->after[i]];

		if (other->ready < 0 || unit->started < 0 || other->ready > unit->started ||
		    other->ready < unit->queued || other == unit)
			continue;
		if (!last || other->ready > last->ready)
			last = other;
	}
	return last;
}
