#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rinit/unit_graph.h"

static char warnings_seen[4096];

static void on_warning(void *context, const char *sentence)
{
	size_t used = strlen(warnings_seen);

	(void)context;
	snprintf(warnings_seen + used, sizeof(warnings_seen) - used, "%s\n", sentence);
}

static const struct unit_warnings warnings = {.warn = on_warning};
static struct unit_set set;

static struct unit *add(const char *name)
{
	struct unit *unit = unit_set_add(&set, name);

	unit->run.wanted = true;
	return unit;
}

static struct unit *target(const char *name)
{
	struct unit *unit = add(name);

	unit->config.kind = UNIT_TARGET;
	return unit;
}

static void after(struct unit *unit, const char *name)
{
	string_list_add(&unit->config.after, name);
}

static void before(struct unit *unit, const char *name)
{
	string_list_add(&unit->config.before, name);
}

static void resolve(const struct unit *default_target)
{
	warnings_seen[0] = '\0';
	cr_assert_eq(graph_resolve(&set, default_target, &warnings), 0);
}

Test(graph, after_and_before_say_the_same)
{
	struct unit *a = add("a"), *b = add("b"), *c = add("c");

	after(b, "a");
	before(b, "c");
	resolve(NULL);
	cr_assert_eq(b->after_count, 1);
	cr_assert_eq(b->after[0], 0);
	cr_assert_eq(a->before_count, 1);
	cr_assert_eq(a->before[0], 1);
	cr_assert_eq(c->after_count, 1);
	cr_assert_eq(c->after[0], 1);
	cr_assert_str_eq(warnings_seen, "");
}

Test(graph, names_that_are_not_there_and_itself_do_not_matter)
{
	struct unit *a = add("a");

	after(a, "nothing");
	after(a, "a");
	resolve(NULL);
	cr_assert_eq(a->after_count, 0);
	cr_assert_str_eq(warnings_seen, "");
}

Test(graph, an_edge_said_twice_is_one)
{
	struct unit *a = add("a"), *b = add("b");

	after(b, "a");
	after(b, "a");
	before(a, "b");
	resolve(NULL);
	cr_assert_eq(b->after_count, 1);
	cr_assert_eq(a->before_count, 1);
}

Test(graph, services_come_after_sysinit_unless_they_say_no)
{
	struct unit *a, *b;

	target("sysinit.target");
	a = add("a");
	b = add("b");
	b->config.default_dependencies = false;
	resolve(NULL);
	cr_assert_eq(a->after_count, 1);
	cr_assert_eq(b->after_count, 0);
}

Test(graph, default_target_waits_for_all_that_is_wanted)
{
	struct unit *last = target("last"), *a = add("a"), *b = add("b"), *late = add("late");

	b->run.wanted = false;
	after(late, "last");
	resolve(last);
	cr_assert_eq(last->after_count, 1);
	cr_assert_eq(last->after[0], 1);
	cr_assert_eq(a->before_count, 1);
	cr_assert_eq(late->after_count, 1);
}

Test(graph, cycle_is_named_whole_and_broken_once)
{
	struct unit *a = add("a"), *b = add("b"), *c = add("c");

	after(a, "b");
	after(b, "c");
	after(c, "a");
	resolve(NULL);
	cr_assert_eq(a->after_count + b->after_count + c->after_count, 2);
	cr_assert_not_null(strstr(warnings_seen, "a after b after c after a; "), "%s", warnings_seen);
}

Test(graph, cycle_is_broken_at_its_weakest_edge)
{
	struct unit *a = add("a"), *b = add("b"), *c = add("c");

	after(a, "b");
	string_list_add(&a->config.requires, "b");
	after(b, "c");
	string_list_add(&b->config.requires, "c");
	after(c, "a");
	resolve(NULL);
	cr_assert_eq(a->after_count, 1);
	cr_assert_eq(b->after_count, 1);
	cr_assert_eq(c->after_count, 0);
	cr_assert_not_null(strstr(warnings_seen, "c no longer waits for a"));
}

Test(graph, two_cycles_through_one_unit_are_both_broken)
{
	struct unit *a = add("a"), *b = add("b"), *c = add("c");

	after(a, "b");
	after(b, "a");
	after(a, "c");
	after(c, "a");
	resolve(NULL);
	cr_assert_eq(a->after_count + b->after_count + c->after_count, 2);
}

/* Units in an order of their own: everybody comes after at most everybody earlier. */
static void assert_acyclic(void)
{
	size_t started = 0;
	bool progress = true;

	while (progress) {
		progress = false;
		for (size_t i = 0; i < set.count; i++) {
			struct unit *unit = set.items[i];

			if (unit->run.state == STATE_INACTIVE)
				unit->run.state = STATE_WAITING;
			if (unit->run.state == STATE_WAITING && graph_may_start(&set, unit)) {
				unit->run.state = STATE_RUNNING;
				started++;
				progress = true;
			}
		}
	}
	cr_assert_eq(started, set.count, "%zu of %zu started", started, set.count);
}

Test(graph, random_graphs_always_end_without_cycles)
{
	unsigned int seed = 1;

	for (int round = 0; round < 200; round++) {
		char name[16], other[16];

		for (int i = 0; i < 12; i++) {
			snprintf(name, sizeof(name), "u%d", i);
			add(name);
		}
		for (int i = 0; i < 30; i++) {
			seed = seed * 1103515245 + 12345;
			snprintf(other, sizeof(other), "u%u", seed / 65536 % 12);
			seed = seed * 1103515245 + 12345;
			after(set.items[seed / 65536 % 12], other);
		}
		resolve(set.items[0]);
		for (size_t i = 0; i < set.count; i++)
			set.items[i]->run.state = STATE_WAITING;
		assert_acyclic();
		unit_set_clear(&set);
	}
}

Test(graph, thousand_units_in_a_ring_are_resolved)
{
	char name[16];

	for (int i = 0; i < 1000; i++) {
		struct unit *unit;

		snprintf(name, sizeof(name), "u%d", i);
		unit = add(name);
		snprintf(name, sizeof(name), "u%d", (i + 1) % 1000);
		after(unit, name);
	}
	resolve(NULL);
	for (size_t i = 0; i < set.count; i++)
		set.items[i]->run.state = STATE_WAITING;
	assert_acyclic();
}

Test(graph, unit_starts_once_what_it_comes_after_has_settled)
{
	struct unit *a = add("a"), *b = add("b");

	after(b, "a");
	resolve(NULL);
	a->run.state = STATE_STARTING;
	cr_assert_not(graph_may_start(&set, b));
	a->run.state = STATE_RUNNING;
	cr_assert(graph_may_start(&set, b));
	a->run.state = STATE_FAILED;
	cr_assert(graph_may_start(&set, b));
}

Test(graph, failed_requirement_is_found)
{
	struct unit *a = add("a"), *b = add("b");

	string_list_add(&b->config.requires, "a");
	resolve(NULL);
	a->run.state = STATE_RUNNING;
	cr_assert_null(graph_failed_requirement(&set, b));
	a->run.state = STATE_FAILED;
	cr_assert_eq(graph_failed_requirement(&set, b), a);
	a->run.state = STATE_INACTIVE;
	cr_assert_null(graph_failed_requirement(&set, b));
	a->run.skipped = true;
	cr_assert_eq(graph_failed_requirement(&set, b), a);
}

Test(graph, unit_stops_once_what_comes_after_it_has_stopped)
{
	struct unit *a = add("a"), *b = add("b");

	after(b, "a");
	resolve(NULL);
	a->run.stopping = b->run.stopping = true;
	cr_assert_not(graph_may_stop(&set, a));
	cr_assert(graph_may_stop(&set, b));
	b->run.stopping = false;
	for (int state = STATE_STOP; state <= STATE_STOP_POST; state++) {
		b->run.state = state;
		cr_assert_not(graph_may_stop(&set, a), "%s", service_state_name(state));
	}
	b->run.state = STATE_INACTIVE;
	cr_assert(graph_may_stop(&set, a));
}

Test(graph, requirement_that_does_not_exist_is_named)
{
	struct unit *a = add("a");

	string_list_add(&a->config.requires, "ghost.service");
	resolve(NULL);
	cr_assert_eq(a->require_count, 0);
	cr_assert_str_eq(warnings_seen,
			 "a: Requires=ghost.service: there is no such unit; it starts without\n");
}

Test(graph, edge_can_be_added_later)
{
	struct unit *a = add("a"), *b = add("b");

	resolve(NULL);
	cr_assert_eq(graph_add_edge(&set, a, b), 0);
	a->run.state = STATE_WAITING;
	cr_assert_not(graph_may_start(&set, b));
	b->run.stopping = true;
	cr_assert_not(graph_may_stop(&set, a));
}

/* ---- units that go ---- */

Test(unit_graph, unit_that_is_removed_leaves_names_and_order_right)
{
	struct unit *a = add("a.service"), *gone = add("gone.service"), *b = add("b.service"),
		    *last = add("last.service");

	unit_set_alias(&set, "other.service", gone);
	unit_set_alias(&set, "end.service", last);
	after(gone, "a.service");
	after(last, "gone.service");
	after(last, "a.service");
	after(b, "last.service");
	string_list_add(&last->config.requires, "gone.service");
	string_list_add(&b->config.requires, "last.service");
	cr_assert_eq(graph_resolve(&set, NULL, &warnings), 0);
	cr_assert_eq(unit_set_remove(&set, gone), 0);
	cr_assert_eq(set.count, 3);
	cr_assert_null(unit_set_find(&set, "gone.service"));
	cr_assert_null(unit_set_find(&set, "other.service"));
	cr_assert_eq(unit_set_find(&set, "last.service"), last);
	cr_assert_eq(unit_set_find(&set, "end.service"), last);
	cr_assert_eq(set.items[last->index], last);
	cr_assert_eq(last->after_count, 1);
	cr_assert_eq(set.items[last->after[0]], a);
	cr_assert_eq(last->require_count, 0);
	cr_assert_eq(a->before_count, 1);
	cr_assert_eq(set.items[a->before[0]], last);
	cr_assert_eq(set.items[b->requires[0]], last);
}

Test(unit_graph, units_come_and_go_by_the_thousand)
{
	struct unit *stays = add("stays.service");
	char name[32];

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "x%d.service", i);
		add(name);
		if (i >= 10) {
			snprintf(name, sizeof(name), "x%d.service", i - 10);
			cr_assert_eq(unit_set_remove(&set, unit_set_find(&set, name)), 0);
		}
	}
	cr_assert_eq(set.count, 11);
	cr_assert_eq(set.name_room, 64);
	cr_assert_eq(unit_set_find(&set, "stays.service"), stays);
	cr_assert_not_null(unit_set_find(&set, "x1995.service"));
}
