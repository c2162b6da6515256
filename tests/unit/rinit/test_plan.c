#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rinit/chart.h"
#include "rinit/draw.h"
#include "rinit/plan.h"
#include "rinit/why.h"

/* name, state, process, exit status, flags, queued, started, ready, after, requires, wants, conditions,
 * description
 */
static const char boot_text[] =
	"9000\tmulti-user.target\n"
	"sysinit.target\tactive\t0\t0\ttw\t10\t20\t20\t\t\t\t\t\n"
	"slow.service\texited\t0\t0\tw\t10\t20\t1020\t0\t\t\t\tslow one\n"
	"quick.service\trunning\t7\t0\tw\t10\t20\t30\t0\t\t\t\t\n"
	"last.service\trunning\t8\t0\tw\t10\t1020\t1500\t0 1 2\t1\tquick.service\t\t\n"
	"multi-user.target\tactive\t0\t0\ttw\t10\t1500\t1500\t0 1 2 3\t\t\t\t\n"
	"bad.service\tfailed\t0\t1792\tw\t10\t20\t40\t0\t\t\t\t\n"
	"middle.service\tfailed\t0\t0\tw\t10\t40\t40\t5\t5\t\t\t\n"
	"top.service\tfailed\t0\t0\tw\t10\t40\t40\t6\t6\t\t\t\n"
	"off.service\tinactive\t0\t0\t\t-\t-\t-\t0\t\t\t\t\n"
	"picky.service\tinactive\t0\t0\tws\t10\t20\t20\t0\t\t\tConditionPathExists=/nowhere\t\n"
	"busy.service\tstarting\t9\t0\tw\t10\t20\t-\t0\t\t\t\t\n"
	"later.service\twaiting\t0\t0\tw\t10\t-\t-\t10\t\t\t\t\n"
	"latest.service\twaiting\t0\t0\tw\t10\t-\t-\t11\t\t\t\t\n"
	"asked.service\trunning\t11\t0\twa\t5000\t5000\t5000\t0\t\t\t\t\n";

static struct plan plan;
static char *text;

static void parse(const char *from)
{
	text = strdup(from);
	cr_assert_eq(plan_parse(&plan, text), 0);
}

static void set_up(void)
{
	parse(boot_text);
}

static void tear_down(void)
{
	plan_clear(&plan);
	free(text);
}

TestSuite(plan, .init = set_up, .fini = tear_down);

static char said[4096];

static void hear(void *context, const char *sentence)
{
	(void)context;
	strcat(said, sentence);
	strcat(said, "\n");
}

static void assert_why(const char *name, const char *sentence)
{
	*said = '\0';
	why_explain(&plan, plan_find(&plan, name), NULL, hear);
	cr_assert_not_null(strstr(said, sentence), "\"%s\" is not in: %s", sentence, said);
}

Test(plan, is_taken_apart)
{
	const struct plan_unit *unit = plan_find(&plan, "last");

	cr_assert_eq(plan.count, 14);
	cr_assert_eq(plan.now, 9000);
	cr_assert_str_eq(plan.default_target->name, "multi-user.target");
	cr_assert_str_eq(unit->name, "last.service");
	cr_assert_eq(unit->after_count, 3);
	cr_assert_eq(unit->requires[0], 1);
	cr_assert_eq(unit->wants[0], 2);
	cr_assert_eq(unit->started, 1020);
	cr_assert_eq(plan_find(&plan, "off")->queued, PLAN_NEVER);
	cr_assert_null(plan_find(&plan, "nothing"));
	cr_assert_eq(plan_took(&plan, plan_find(&plan, "slow")), 1000);
	cr_assert_eq(plan_took(&plan, plan_find(&plan, "busy")), 8980);
	cr_assert_eq(plan_took(&plan, plan_find(&plan, "off")), PLAN_NEVER);
}

Test(plan, nonsense_is_refused)
{
	static const char *const bad[] = {"", "9000", "9\t\nonly a name\n",
					  "9\t\na\ts\t0\t0\t\t-\t-\t-\tx\t\t\t\t\n"};
	struct plan none;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *copy = strdup(bad[i]);

		cr_assert_neq(plan_parse(&none, copy), 0, "%zu", i);
		free(copy);
	}
}

Test(plan, index_that_is_no_unit_is_left_out)
{
	tear_down();
	parse("9\t\na\tactive\t0\t0\t\t-\t-\t-\t7 0 99999999999\t\t\t\t\n");
	cr_assert_eq(plan.units[0].after_count, 1);
	cr_assert_null(plan.default_target);
}

Test(plan, critical_path_goes_through_what_was_waited_for)
{
	const struct plan_unit *path[16];
	size_t count = chart_critical_path(&plan, chart_last(&plan), path);

	cr_assert_eq(count, 4);
	cr_assert_str_eq(path[0]->name, "sysinit.target");
	cr_assert_str_eq(path[1]->name, "slow.service");
	cr_assert_str_eq(path[2]->name, "last.service");
	cr_assert_str_eq(path[3]->name, "multi-user.target");
}

Test(plan, critical_path_of_one_that_waited_for_nothing_is_itself)
{
	const struct plan_unit *path[16];

	cr_assert_eq(chart_critical_path(&plan, plan_find(&plan, "asked"), path), 1);
	cr_assert_eq(chart_critical_path(&plan, NULL, path), 0);
}

Test(plan, critical_path_ends_in_a_circle)
{
	const struct plan_unit *path[4];

	tear_down();
	parse("9\t\na\tactive\t0\t0\t\t1\t5\t5\t1\t\t\t\t\nb\tactive\t0\t0\t\t1\t5\t5\t0\t\t\t\t\n");
	cr_assert_eq(chart_critical_path(&plan, &plan.units[0], path), 2);
}

Test(plan, critical_path_skips_what_was_up_before_it_was_queued)
{
	const struct plan_unit *path[4];

	tear_down();
	parse("9\t\na\tactive\t0\t0\t\t1\t2\t3\t\t\t\t\t\nb\tactive\t0\t0\t\t4\t5\t6\t0\t\t\t\t\n");
	cr_assert_eq(chart_critical_path(&plan, &plan.units[1], path), 1);
}

Test(plan, boot_that_is_not_over_ends_with_what_came_last)
{
	tear_down();
	parse("9\tt\na\tactive\t0\t0\t\t1\t2\t3\t\t\t\t\t\nt\twaiting\t0\t0\t\t1\t-\t-\t0\t\t\t\t\n");
	cr_assert_str_eq(chart_last(&plan)->name, "a");
}

Test(plan, blame_is_slowest_first_and_has_no_targets)
{
	const struct plan_unit *units[16];
	size_t count = chart_blame(&plan, units);

	cr_assert_str_eq(units[0]->name, "slow.service");
	cr_assert_str_eq(units[1]->name, "last.service");
	for (size_t i = 0; i < count; i++)
		cr_assert_not(units[i]->target || units[i]->skipped);
}

Test(plan, ranks_grow_with_the_order)
{
	size_t ranks[16];

	draw_ranks(&plan, ranks);
	cr_assert_eq(ranks[0], 0);
	cr_assert_eq(ranks[1], 1);
	cr_assert_eq(ranks[3], 2);
	cr_assert_eq(ranks[4], 3);
}

Test(plan, why_names_chains)
{
	assert_why("top", "top.service requires middle.service, which is failed\n"
			  "middle.service requires bad.service, which is failed\n"
			  "bad.service: its process ended with exit status 7");
	assert_why("latest", "it waits for later.service (waiting)\n"
			     "later.service waits for busy.service (starting)\n"
			     "busy.service is starting since 8.980 s: process 9");
	assert_why("slow", "slow.service is required by last.service\n"
			   "last.service is enabled: multi-user.target waits for it");
	assert_why("quick", "quick.service is wanted by last.service");
	assert_why("last", "it waited for slow.service until 1.020 s");
	assert_why("off", "nothing has wanted it");
	assert_why("picky",
		   "picky.service was skipped: a condition did not hold: ConditionPathExists=/nowhere");
	assert_why("asked", "asked.service was started by rinitctl");
	assert_why("multi-user.target", "multi-user.target is what the boot is for");
}

static char *drawn(int (*draw)(const struct plan *, FILE *))
{
	char *svg = NULL;
	size_t length;
	FILE *stream = open_memstream(&svg, &length);

	cr_assert_eq(draw(&plan, stream), 0);
	fclose(stream);
	return svg;
}

Test(plan, drawings_escape_names)
{
	char *svg;

	tear_down();
	parse("9\t\n<a&b>\tactive\t0\t0\t\t1\t2\t3\t\t\t\t\t<d>\n");
	svg = drawn(chart_svg);
	cr_assert_not_null(strstr(svg, "&#60;a&#38;b&#62;"));
	cr_assert_null(strstr(svg, "<a&b>"));
	free(svg);
	svg = drawn(draw_svg);
	cr_assert_not_null(strstr(svg, "&#60;d&#62;"));
	cr_assert_null(strstr(svg, "<a&b>"));
	free(svg);
}

Test(plan, nothing_at_all_is_drawn_too)
{
	tear_down();
	parse("9\t\n");
	free(drawn(chart_svg));
	free(drawn(draw_svg));
	free(drawn(chart_json));
	cr_assert_null(chart_last(&plan));
}

Test(plan, text_chart_fits_the_width)
{
	char *chart = NULL;
	size_t length;
	FILE *stream = open_memstream(&chart, &length);

	cr_assert_eq(chart_text(&plan, stream, 80), 0);
	fclose(stream);
	for (char *line = strtok(chart, "\n"); line && strncmp(line, "  . waits", 9);
	     line = strtok(NULL, "\n"))
		cr_assert_leq(strlen(line), 80, "%s", line);
	free(chart);
}
