#include "rinit/unit_graph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/unit_builtin.h"

enum edge_strength { EDGE_IMPLICIT, EDGE_ORDER, EDGE_REQUIREMENT };

/* A unit comes after another one. */
struct edge {
	uint32_t unit, after;
	enum edge_strength strength;
	bool broken;
};

struct graph {
	struct unit_set *set;
	struct edge *edges;
	size_t count, capacity;
	size_t *first; /* edges sorted by unit: those of unit u are first[u] .. first[u + 1] */
};

static ssize_t index_of(const struct unit_set *set, const char *name)
{
	const struct unit *unit = unit_set_find(set, name);

	return unit ? (ssize_t)unit->index : -1;
}

static int edge_add(struct graph *graph, size_t unit, size_t after, enum edge_strength strength)
{
	if (graph->count == graph->capacity) {
		size_t capacity = graph->capacity ? graph->capacity * 2 : 64;
		struct edge *edges = realloc(graph->edges, capacity * sizeof(*edges));

		if (!edges)
			return -ENOMEM;
		graph->edges = edges;
		graph->capacity = capacity;
	}
	graph->edges[graph->count++] =
		(struct edge){.unit = (uint32_t)unit, .after = (uint32_t)after, .strength = strength};
	return 0;
}

static int edges_of_unit(struct graph *graph, size_t self)
{
	const struct unit_config *config = &graph->set->items[self]->config;
	int rc = 0;

	for (size_t i = 0; i < config->after.count && !rc; i++) {
		const char *name = config->after.items[i];
		ssize_t other = index_of(graph->set, name);
		bool required = string_list_has(&config->requires, name) ||
				string_list_has(&config->binds_to, name) ||
				string_list_has(&config->requisite, name);

		if (other >= 0 && (size_t)other != self)
			rc = edge_add(graph, self, (size_t)other, required ? EDGE_REQUIREMENT : EDGE_ORDER);
	}
	for (size_t i = 0; i < config->before.count && !rc; i++) {
		ssize_t other = index_of(graph->set, config->before.items[i]);

		if (other >= 0 && (size_t)other != self)
			rc = edge_add(graph, (size_t)other, self, EDGE_ORDER);
	}
	return rc;
}

/* A target is reached once what it needs is up, unless one of them says otherwise (systemd.target(5)). */
static int target_edges(struct graph *graph, const struct unit *target)
{
	const struct string_list *needs[] = {&target->config.requires, &target->config.binds_to,
					     &target->config.wants};
	int rc = 0;

	for (size_t l = 0; l < ARRAY_SIZE(needs); l++)
		for (size_t i = 0; i < needs[l]->count && !rc; i++) {
			const struct unit *need = unit_set_find(graph->set, needs[l]->items[i]);

			if (need && need != target && need->config.default_dependencies &&
			    !string_list_has(&need->config.after, target->config.name))
				rc = edge_add(graph, target->index, need->index, EDGE_IMPLICIT);
		}
	return rc;
}

static int implicit_edges(struct graph *graph, const struct unit *target)
{
	ssize_t sysinit = index_of(graph->set, "sysinit.target");
	ssize_t last = target ? (ssize_t)target->index : -1;
	int rc = 0;

	for (size_t i = 0; i < graph->set->count && !rc; i++) {
		const struct unit *unit = graph->set->items[i];

		if (sysinit >= 0 && unit->config.kind == UNIT_SERVICE && unit->config.default_dependencies &&
		    !string_list_has(&unit->config.before, "sysinit.target"))
			rc = edge_add(graph, i, (size_t)sysinit, EDGE_IMPLICIT);
		if (!rc && unit->config.kind == UNIT_TARGET && unit->config.default_dependencies)
			rc = target_edges(graph, unit);
		if (!rc && last >= 0 && unit != target && unit->run.wanted &&
		    unit->config.boot != BOOT_BACKGROUND &&
		    !string_list_has(&unit->config.after, target->config.name))
			rc = edge_add(graph, (size_t)last, i, EDGE_IMPLICIT);
	}
	return rc;
}

/* By unit, then by what it is after, the strongest first. */
static int edge_compare(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	if (a->unit != b->unit)
		return a->unit < b->unit ? -1 : 1;
	if (a->after != b->after)
		return a->after < b->after ? -1 : 1;
	return (int)b->strength - (int)a->strength;
}

static int edges_sort(struct graph *graph)
{
	size_t kept = 0, at = 0;

	if (graph->count)
		qsort(graph->edges, graph->count, sizeof(*graph->edges), edge_compare);
	for (size_t i = 0; i < graph->count; i++) {
		const struct edge *edge = &graph->edges[i];

		if (kept && graph->edges[kept - 1].unit == edge->unit &&
		    graph->edges[kept - 1].after == edge->after)
			continue;
		graph->edges[kept++] = *edge;
	}
	graph->count = kept;
	graph->first = calloc(graph->set->count + 1, sizeof(*graph->first));
	if (!graph->first)
		return -ENOMEM;
	for (size_t unit = 0; unit <= graph->set->count; unit++) {
		while (at < graph->count && graph->edges[at].unit < unit)
			at++;
		graph->first[unit] = at;
	}
	return 0;
}

/* A walk in depth, without recursion: path[i] is the edge taken from the i-th unit on the way. */
struct walk {
	enum { UNSEEN, ON_PATH, DONE } * seen;
	size_t *path;
	size_t depth;
};

/* Names the cycle: the units of the path from position `from` on. */
static void cycle_tell(const struct graph *graph, const struct walk *walk, size_t from,
		       const struct edge *weakest, const struct unit_warnings *warnings)
{
	struct unit *const *units = graph->set->items;
	char sentence[512];
	int used = snprintf(sentence, sizeof(sentence), "units wait for each other: ");

	for (size_t i = from; i < walk->depth && used > 0 && (size_t)used < sizeof(sentence); i++)
		used += snprintf(sentence + used, sizeof(sentence) - (size_t)used, "%s after ",
				 units[graph->edges[walk->path[i]].unit]->config.name);
	if (used > 0 && (size_t)used < sizeof(sentence))
		snprintf(sentence + used, sizeof(sentence) - (size_t)used, "%s; %s no longer waits for %s",
			 units[graph->edges[walk->path[from]].unit]->config.name,
			 units[weakest->unit]->config.name, units[weakest->after]->config.name);
	warnings->warn(warnings->context, sentence);
}

/* The walk's last edge leads back to a unit on the path. */
static void cycle_break(struct graph *graph, const struct walk *walk, const struct unit_warnings *warnings)
{
	const struct edge *last = &graph->edges[walk->path[walk->depth - 1]];
	struct edge *weakest = NULL;
	size_t from = walk->depth - 1;

	while (graph->edges[walk->path[from]].unit != last->after)
		from--;
	for (size_t i = from; i < walk->depth; i++) {
		struct edge *edge = &graph->edges[walk->path[i]];

		if (!weakest || edge->strength < weakest->strength)
			weakest = edge;
	}
	weakest->broken = true;
	cycle_tell(graph, walk, from, weakest, warnings);
}

/* Walks everything that unit comes after; true when a cycle was found, and broken. */
static bool walk_from(struct graph *graph, struct walk *walk, size_t unit,
		      const struct unit_warnings *warnings)
{
	walk->depth = 0;
	walk->seen[unit] = ON_PATH;
	walk->path[0] = graph->first[unit];
	for (;;) {
		size_t *at = &walk->path[walk->depth];
		const struct edge *edge = graph->edges ? &graph->edges[*at] : NULL; /* there may be none */

		if (*at == graph->first[unit + 1]) { /* all of this unit's edges are walked */
			walk->seen[unit] = DONE;
			if (!walk->depth--)
				return false;
			unit = graph->edges[walk->path[walk->depth]++].unit;
		} else if (edge->broken || walk->seen[edge->after] == DONE) {
			++*at;
		} else if (walk->seen[edge->after] == ON_PATH) {
			walk->depth++;
			cycle_break(graph, walk, warnings);
			return true;
		} else {
			unit = edge->after;
			walk->seen[unit] = ON_PATH;
			walk->path[++walk->depth] = graph->first[unit];
		}
	}
}

static int cycles_break(struct graph *graph, const struct unit_warnings *warnings)
{
	size_t count = graph->set->count;
	AUTO_FREE void *seen = calloc(count + 1, sizeof(*((struct walk *)0)->seen));
	AUTO_FREE size_t *path = calloc(count + 1, sizeof(*path));
	struct walk walk = {.seen = seen, .path = path};

	if (!seen || !path)
		return -ENOMEM;
	for (size_t unit = 0; unit < count; unit++) {
		if (walk.seen[unit] != DONE && walk_from(graph, &walk, unit, warnings)) {
			/* What is done stays done; the path is walked again from here. */
			for (size_t i = 0; i < count; i++)
				if (walk.seen[i] == ON_PATH)
					walk.seen[i] = UNSEEN;
			unit--;
		}
	}
	return 0;
}

static int indices_append(uint32_t **indices, size_t *count, uint32_t index)
{
	uint32_t *more = realloc(*indices, (*count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	more[(*count)++] = index;
	*indices = more;
	return 0;
}

static int edges_to_units(const struct graph *graph)
{
	for (size_t i = 0; i < graph->count; i++) {
		const struct edge *edge = &graph->edges[i];
		struct unit *unit = graph->set->items[edge->unit], *other = graph->set->items[edge->after];

		if (edge->broken)
			continue;
		if (indices_append(&unit->after, &unit->after_count, edge->after) ||
		    indices_append(&other->before, &other->before_count, edge->unit))
			return -ENOMEM;
	}
	return 0;
}

static void requirement_missing(const struct unit *unit, const char *name,
				const struct unit_warnings *warnings)
{
	char sentence[512];

	snprintf(sentence, sizeof(sentence), "%s: Requires=%s: there is no such unit; it starts without",
		 unit->config.name, name);
	warnings->warn(warnings->context, sentence);
}

/* Of what was never loaded, since nobody wants the unit, nothing is said. */
static int requirements_of(const struct unit_set *set, struct unit *unit, const struct string_list *names,
			   const struct unit_warnings *warnings)
{
	for (size_t i = 0; i < names->count; i++) {
		ssize_t other = index_of(set, names->items[i]);

		if (other >= 0 && indices_append(&unit->requires, &unit->require_count, (uint32_t)other))
			return -ENOMEM;
		if (other < 0 && (unit->run.wanted || unit->loaded) && !unit_is_rinits_work(names->items[i]))
			requirement_missing(unit, names->items[i], warnings);
	}
	return 0;
}

static int requirements(struct unit_set *set, const struct unit_warnings *warnings)
{
	for (size_t i = 0; i < set->count; i++) {
		struct unit *unit = set->items[i];

		if (requirements_of(set, unit, &unit->config.requires, warnings) ||
		    requirements_of(set, unit, &unit->config.binds_to, warnings))
			return -ENOMEM;
	}
	return 0;
}

int graph_resolve(struct unit_set *set, const struct unit *default_target,
		  const struct unit_warnings *warnings)
{
	struct graph graph = {.set = set};
	int rc = implicit_edges(&graph, default_target);

	for (size_t i = 0; i < set->count; i++) {
		struct unit *unit = set->items[i];

		unit->after_count = unit->before_count = unit->require_count = 0;
		if (!rc)
			rc = edges_of_unit(&graph, i);
	}
	if (!rc)
		rc = edges_sort(&graph);
	if (!rc)
		rc = cycles_break(&graph, warnings);
	if (!rc)
		rc = edges_to_units(&graph);
	if (!rc)
		rc = requirements(set, warnings);
	free(graph.first);
	free(graph.edges);
	return rc;
}

int graph_add_edge(struct unit_set *set, struct unit *earlier, struct unit *later)
{
	ssize_t from = index_of(set, earlier->config.name), to = index_of(set, later->config.name);

	if (from < 0 || to < 0)
		return -ENOENT;
	if (string_list_add(&later->config.after,
			    earlier->config.name) || /* for when all is resolved again */
	    indices_append(&earlier->before, &earlier->before_count, (uint32_t)to))
		return -ENOMEM;
	return indices_append(&later->after, &later->after_count, (uint32_t)from);
}

/* By somebody's wish, not by its own fault: who depends on it restarts along, and waits for it. */
static bool is_restarting(const struct unit *unit)
{
	return unit->run.state == STATE_DELAY && unit->run.again;
}

bool graph_may_start(const struct unit_set *set, const struct unit *unit)
{
	for (size_t i = 0; i < unit->after_count; i++)
		if (!service_is_settled(set->items[unit->after[i]]->run.state) ||
		    is_restarting(set->items[unit->after[i]]))
			return false;
	return true;
}

const struct unit *graph_failed_requirement(const struct unit_set *set, const struct unit *unit)
{
	for (size_t i = 0; i < unit->require_count; i++) {
		const struct unit *required = set->items[unit->requires[i]];
		enum service_state state = required->run.state;

		/* What runs beside it may still come up; a one-shot that has ended well is fine. */
		if (required->masked || state == STATE_FAILED || state == STATE_DELAY ||
		    (state == STATE_INACTIVE && required->run.skipped))
			return required;
	}
	return NULL;
}

bool graph_may_stop(const struct unit_set *set, const struct unit *unit)
{
	for (size_t i = 0; i < unit->before_count; i++) {
		const struct unit_run *later = &set->items[unit->before[i]]->run;

		if (later->stopping || (later->state >= STATE_STOP && later->state <= STATE_STOP_POST))
			return false;
	}
	return true;
}
