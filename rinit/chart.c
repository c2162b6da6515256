#include "rinit/chart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/text.h"

#define NAME_COLUMNS 26
#define TIME_COLUMNS 9
#define BAR_LEAST    16

/* In the SVG, in its units */
#define ROW       18
#define BAR       12
#define LEFT      220
#define TIMELINE  800
#define RIGHT     80
#define HEAD      40
#define GRIDLINES 10

size_t chart_critical_path(const struct plan *plan, const struct plan_unit *last,
			   const struct plan_unit **path)
{
	size_t count = 0;

	while (last && count < plan->count) {
		path[count++] = last;
		last = plan_waited_for(plan, last);
		for (size_t i = 0; last && i < count; i++)
			if (path[i] == last)
				last = NULL;
	}
	for (size_t i = 0; i < count / 2; i++) {
		const struct plan_unit *swap = path[i];

		path[i] = path[count - 1 - i];
		path[count - 1 - i] = swap;
	}
	return count;
}

static int64_t unit_end(const struct plan_unit *unit)
{
	return unit->ready >= 0 ? unit->ready : unit->started;
}

const struct plan_unit *chart_last(const struct plan *plan)
{
	const struct plan_unit *last = NULL;

	if (plan->default_target && plan->default_target->ready >= 0)
		return plan->default_target;
	for (size_t i = 0; i < plan->count; i++)
		if (plan->units[i].started >= 0 && (!last || unit_end(&plan->units[i]) > unit_end(last)))
			last = &plan->units[i];
	return last;
}

static int compare_started(const void *left, const void *right)
{
	const struct plan_unit *a = *(const struct plan_unit *const *)left;
	const struct plan_unit *b = *(const struct plan_unit *const *)right;

	if (a->started != b->started)
		return a->started < b->started ? -1 : 1;
	if (unit_end(a) != unit_end(b))
		return unit_end(a) < unit_end(b) ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int compare_took(const void *left, const void *right)
{
	const struct plan_unit *a = *(const struct plan_unit *const *)left;
	const struct plan_unit *b = *(const struct plan_unit *const *)right;
	int64_t took_a = unit_end(a) - a->started, took_b = unit_end(b) - b->started;

	if (took_a != took_b)
		return took_a > took_b ? -1 : 1;
	return strcmp(a->name, b->name);
}

size_t chart_order(const struct plan *plan, const struct plan_unit **units)
{
	const struct plan_unit *last = chart_last(plan);
	size_t count = 0;

	for (size_t i = 0; last && i < plan->count; i++)
		if (plan->units[i].started >= 0 && plan->units[i].started <= unit_end(last))
			units[count++] = &plan->units[i];
	if (count)
		qsort(units, count, sizeof(*units), compare_started);
	return count;
}

size_t chart_blame(const struct plan *plan, const struct plan_unit **units)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (!plan->units[i].target && !plan->units[i].skipped && plan->units[i].started >= 0 &&
		    plan->units[i].ready >= 0)
			units[count++] = &plan->units[i];
	if (count)
		qsort(units, count, sizeof(*units), compare_took);
	return count;
}

/* Everything that a chart is drawn from. */
struct chart {
	const struct plan *plan;
	const struct plan_unit **units, **path;
	size_t count, path_count;
	int64_t end; /* ms; at least 1 */
};

static int chart_make(const struct plan *plan, struct chart *chart)
{
	const struct plan_unit *last = chart_last(plan);

	*chart = (struct chart){.plan = plan,
				.units = calloc(plan->count + 1, sizeof(*chart->units)),
				.path = calloc(plan->count + 1, sizeof(*chart->path))};
	if (!chart->units || !chart->path)
		return -ENOMEM;
	chart->count = chart_order(plan, chart->units);
	chart->path_count = chart_critical_path(plan, last, chart->path);
	chart->end = last ? MAX(unit_end(last), INT64_C(1)) : 1;
	return 0;
}

static void chart_free(struct chart *chart)
{
	free(chart->units);
	free(chart->path);
}

static bool is_critical(const struct chart *chart, const struct plan_unit *unit)
{
	for (size_t i = 0; i < chart->path_count; i++)
		if (chart->path[i] == unit)
			return true;
	return false;
}

/* Its end in the chart: what is not ready yet goes on to the right edge. */
static int64_t bar_end(const struct chart *chart, const struct plan_unit *unit)
{
	int64_t end = unit->ready >= 0 ? unit->ready : chart->end;

	return MIN(end, chart->end);
}

static int64_t scaled(const struct chart *chart, int64_t ms, int64_t size)
{
	return MAX(MIN(ms, chart->end), INT64_C(0)) * size / chart->end;
}

static void row_text(const struct chart *chart, const struct plan_unit *unit, FILE *stream, int columns)
{
	bool critical = is_critical(chart, unit);
	int64_t queued = scaled(chart, unit->queued, columns - 1),
		from = scaled(chart, unit->started, columns - 1);
	int64_t to = scaled(chart, bar_end(chart, unit), columns - 1);

	fprintf(stream, "%c %-*.*s ", critical ? '*' : ' ', NAME_COLUMNS, NAME_COLUMNS, unit->name);
	for (int64_t i = 0; i < columns; i++)
		fputc(i >= from && i <= to      ? (critical ? '#' : '=')
		      : i >= queued && i < from ? '.'
						: ' ',
		      stream);
	fprintf(stream, " %*.3f\n", TIME_COLUMNS - 1, (double)plan_took(chart->plan, unit) / 1000);
}

static void path_text(const struct chart *chart, FILE *stream)
{
	fputs("\nThe critical path (ready at, and its own part):\n", stream);
	for (size_t i = 0; i < chart->path_count; i++)
		fprintf(stream, "%9.3f s %+9.3f s  %s\n", (double)unit_end(chart->path[i]) / 1000,
			(double)plan_took(chart->plan, chart->path[i]) / 1000, chart->path[i]->name);
}

int chart_text(const struct plan *plan, FILE *stream, int width)
{
	int columns = MAX(width - NAME_COLUMNS - TIME_COLUMNS - 4, BAR_LEAST);
	struct chart chart;
	int rc = chart_make(plan, &chart);

	if (!rc) {
		fprintf(stream, "  %-*s 0%*.3f s\n", NAME_COLUMNS, "UNIT", columns + TIME_COLUMNS - 2,
			(double)chart.end / 1000);
		for (size_t i = 0; i < chart.count; i++)
			row_text(&chart, chart.units[i], stream, columns);
		fputs("\n  . waits for others   = starts   # starts, on the critical path (*)\n", stream);
		path_text(&chart, stream);
	}
	chart_free(&chart);
	return rc;
}

static void gridlines_svg(const struct chart *chart, FILE *stream, int height)
{
	for (int i = 0; i <= GRIDLINES; i++) {
		int x = LEFT + TIMELINE * i / GRIDLINES;

		fprintf(stream,
			"<line class=\"g\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%.3f s</text>\n",
			x, HEAD - 6, x, height, x, HEAD - 12, (double)chart->end * i / GRIDLINES / 1000);
	}
}

static void row_svg(const struct chart *chart, const struct plan_unit *unit, FILE *stream, int y)
{
	const char *class = is_critical(chart, unit) ? "c" : !strcmp(unit->state, "failed") ? "f" : "b";
	int queued = (int)scaled(chart, MAX(unit->queued, INT64_C(0)), TIMELINE);
	int from = (int)scaled(chart, unit->started, TIMELINE);
	int to = (int)scaled(chart, bar_end(chart, unit), TIMELINE);

	fprintf(stream, "<g><title>");
	xml_text(stream, unit->name);
	fprintf(stream, ": %.3f s</title>", (double)plan_took(chart->plan, unit) / 1000);
	fprintf(stream, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 6, y + BAR - 2);
	xml_text(stream, unit->name);
	fprintf(stream,
		"</text><rect class=\"w\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
		"<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
		LEFT + queued, y, MAX(from - queued, 0), BAR, class, LEFT + from, y, MAX(to - from, 1), BAR);
	fprintf(stream, "<text x=\"%d\" y=\"%d\">%.3f s</text></g>\n", LEFT + MAX(to, from + 1) + 4,
		y + BAR - 2, (double)plan_took(chart->plan, unit) / 1000);
}

int chart_svg(const struct plan *plan, FILE *stream)
{
	struct chart chart;
	int rc = chart_make(plan, &chart);
	int height = HEAD + (int)chart.count * ROW + 10;

	if (!rc) {
		fprintf(stream,
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
			"viewBox=\"0 0 %d %d\">\n"
			"<style>text{font:11px sans-serif;fill:#222}.g{stroke:#ddd}.w{fill:#ddd}.b{fill:#5b8cc9}"
			".c{fill:#d0563a}.f{fill:#8a1c1c}</style>\n"
			"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
			"<text x=\"6\" y=\"16\">boot: %.3f s; grey: waits for others; red: the critical path</text>\n",
			LEFT + TIMELINE + RIGHT, height, LEFT + TIMELINE + RIGHT, height,
			(double)chart.end / 1000);
		gridlines_svg(&chart, stream, height);
		for (size_t i = 0; i < chart.count; i++)
			row_svg(&chart, chart.units[i], stream, HEAD + (int)i * ROW);
		fputs("</svg>\n", stream);
	}
	chart_free(&chart);
	return rc;
}

static void row_json(const struct chart *chart, const struct plan_unit *unit, FILE *stream)
{
	const char *comma = "";

	fputc('{', stream);
	json_field(stream, &comma, "name", unit->name);
	json_field(stream, &comma, "state", unit->state);
	if (unit->queued >= 0)
		json_number(stream, &comma, "queued_ms", unit->queued);
	json_number(stream, &comma, "started_ms", unit->started);
	if (unit->ready >= 0)
		json_number(stream, &comma, "ready_ms", unit->ready);
	fprintf(stream, ",\"critical\":%s}", is_critical(chart, unit) ? "true" : "false");
}

int chart_json(const struct plan *plan, FILE *stream)
{
	struct chart chart;
	int rc = chart_make(plan, &chart);

	if (!rc) {
		fprintf(stream, "{\"boot_ms\":%lld,\"units\":[", (long long)chart.end);
		for (size_t i = 0; i < chart.count; i++) {
			fputs(i ? ",\n " : "", stream);
			row_json(&chart, chart.units[i], stream);
		}
		fputs("],\"critical_path\":[", stream);
		for (size_t i = 0; i < chart.path_count; i++) {
			fputs(i ? "," : "", stream);
			json_string(stream, chart.path[i]->name);
		}
		fputs("]}\n", stream);
	}
	chart_free(&chart);
	return rc;
}
