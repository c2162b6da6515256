#include "rinit/draw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/text.h"

/* In the SVG */
#define BOX_WIDTH   180
#define BOX_HEIGHT  22
#define COLUMN_STEP 240
#define ROW_STEP    32
#define MARGIN      20

void draw_ranks(const struct plan *plan, size_t *ranks)
{
	bool changed = true;

	memset(ranks, 0, plan->count * sizeof(*ranks));
	for (size_t round = 0; changed && round < plan->count; round++) {
		changed = false;
		for (size_t i = 0; i < plan->count; i++)
			for (size_t j = 0; j < plan->units[i].after_count; j++) {
				size_t least = ranks[plan->units[i].after[j]] + 1;

				if (least > ranks[i] && least < plan->count) {
					ranks[i] = least;
					changed = true;
				}
			}
	}
}

static bool has_index(const uint32_t *indices, size_t count, uint32_t index)
{
	for (size_t i = 0; i < count; i++)
		if (indices[i] == index)
			return true;
	return false;
}

/* Calls edge for every pair, with the strongest of what is between the two: r, w or a. */
static void edges_each(const struct plan *plan, void *context,
		       void (*edge)(void *context, size_t from, size_t to, char kind))
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_unit *unit = &plan->units[i];

		for (size_t j = 0; j < unit->require_count; j++)
			edge(context, i, unit->requires[j], 'r');
		for (size_t j = 0; j < unit->want_count; j++)
			if (!has_index(unit->requires, unit->require_count, unit->wants[j]))
				edge(context, i, unit->wants[j], 'w');
		for (size_t j = 0; j < unit->after_count; j++)
			if (!has_index(unit->requires, unit->require_count, unit->after[j]) &&
			    !has_index(unit->wants, unit->want_count, unit->after[j]))
				edge(context, i, unit->after[j], 'a');
	}
}

struct drawing {
	const struct plan *plan;
	FILE *stream;
	const size_t *ranks, *rows;
	const char *comma;
};

/* DOT's strings know no escape but \" and those for layout, which begin with a backslash too. */
static void dot_string(FILE *stream, const char *text)
{
	fputc('"', stream);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', stream);
		fputc((unsigned char)*text < ' ' ? '?' : *text, stream);
	}
	fputc('"', stream);
}

static void edge_dot(void *context, size_t from, size_t to, char kind)
{
	struct drawing *drawing = context;

	fputc('\t', drawing->stream);
	dot_string(drawing->stream, drawing->plan->units[from].name);
	fputs(" -> ", drawing->stream);
	dot_string(drawing->stream, drawing->plan->units[to].name);
	fprintf(drawing->stream, " [%s];\n",
		kind == 'r'   ? "color=red, label=requires"
		: kind == 'w' ? "color=blue, label=wants"
			      : "color=gray, label=after");
}

void draw_dot(const struct plan *plan, FILE *stream)
{
	struct drawing drawing = {.plan = plan, .stream = stream};

	fputs("digraph rinit {\n\trankdir=RL;\n\tnode [shape=box];\n", stream);
	for (size_t i = 0; i < plan->count; i++) {
		fputc('\t', stream);
		dot_string(stream, plan->units[i].name);
		fprintf(stream, "%s;\n", plan->units[i].target ? " [shape=ellipse]" : "");
	}
	edges_each(plan, &drawing, edge_dot);
	fputs("}\n", stream);
}

static void edge_svg(void *context, size_t from, size_t to, char kind)
{
	struct drawing *drawing = context;
	size_t x1 = MARGIN + drawing->ranks[to] * COLUMN_STEP + BOX_WIDTH;
	size_t x2 = MARGIN + drawing->ranks[from] * COLUMN_STEP;
	size_t y1 = MARGIN + drawing->rows[to] * ROW_STEP + BOX_HEIGHT / 2;
	size_t y2 = MARGIN + drawing->rows[from] * ROW_STEP + BOX_HEIGHT / 2;

	fprintf(drawing->stream, "<path class=\"%c\" d=\"M%zu %zu C%zu %zu %zu %zu %zu %zu\"/>\n", kind, x1,
		y1, x1 + (COLUMN_STEP - BOX_WIDTH) / 2, y1,
		x2 > COLUMN_STEP ? x2 - (COLUMN_STEP - BOX_WIDTH) / 2 : 0, y2, x2, y2);
}

static void box_svg(const struct drawing *drawing, size_t i)
{
	const struct plan_unit *unit = &drawing->plan->units[i];
	size_t x = MARGIN + drawing->ranks[i] * COLUMN_STEP, y = MARGIN + drawing->rows[i] * ROW_STEP;

	fprintf(drawing->stream, "<g><title>");
	xml_text(drawing->stream, unit->description);
	fprintf(drawing->stream,
		"</title><rect class=\"%s\" x=\"%zu\" y=\"%zu\" width=\"%d\" height=\"%d\" rx=\"%d\"/>"
		"<text x=\"%zu\" y=\"%zu\">",
		!strcmp(unit->state, "failed") ? "f" : "u", x, y, BOX_WIDTH, BOX_HEIGHT,
		unit->target ? BOX_HEIGHT / 2 : 2, x + 6, y + 15);
	xml_text(drawing->stream, unit->name);
	fputs("</text></g>\n", drawing->stream);
}

int draw_svg(const struct plan *plan, FILE *stream)
{
	AUTO_FREE size_t *ranks = calloc(plan->count + 1, sizeof(*ranks));
	AUTO_FREE size_t *rows = calloc(plan->count + 1, sizeof(*rows));
	AUTO_FREE size_t *used = calloc(plan->count + 1, sizeof(*used));
	struct drawing drawing = {.plan = plan, .stream = stream, .ranks = ranks, .rows = rows};
	size_t columns = 1, most = 1;

	if (!ranks || !rows || !used)
		return -ENOMEM;
	draw_ranks(plan, ranks);
	for (size_t i = 0; i < plan->count; i++) {
		rows[i] = used[ranks[i]]++;
		columns = MAX(columns, ranks[i] + 1);
		most = MAX(most, used[ranks[i]]);
	}
	fprintf(stream,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" height=\"%zu\">\n"
		"<style>text{font:11px sans-serif;fill:#222}rect{fill:#eef3fa;stroke:#5b8cc9}.f{fill:#f3c6bd}"
		"path{fill:none}.r{stroke:#d0563a}.w{stroke:#5b8cc9}.a{stroke:#ccc}</style>\n",
		2 * MARGIN + columns * COLUMN_STEP, 2 * MARGIN + most * ROW_STEP);
	edges_each(plan, &drawing, edge_svg);
	for (size_t i = 0; i < plan->count; i++)
		box_svg(&drawing, i);
	fputs("</svg>\n", stream);
	return 0;
}

static void edge_json(void *context, size_t from, size_t to, char kind)
{
	struct drawing *drawing = context;
	const char *comma = "";

	fprintf(drawing->stream, "%s{", drawing->comma);
	json_field(drawing->stream, &comma, "from", drawing->plan->units[from].name);
	json_field(drawing->stream, &comma, "to", drawing->plan->units[to].name);
	json_field(drawing->stream, &comma, "kind",
		   kind == 'r'   ? "requires"
		   : kind == 'w' ? "wants"
				 : "after");
	fputc('}', drawing->stream);
	drawing->comma = ",\n ";
}

int draw_json(const struct plan *plan, FILE *stream)
{
	struct drawing drawing = {.plan = plan, .stream = stream, .comma = ""};

	fputs("{\"units\":[", stream);
	for (size_t i = 0; i < plan->count; i++) {
		fputs(i ? "," : "", stream);
		json_string(stream, plan->units[i].name);
	}
	fputs("],\n\"edges\":[", stream);
	edges_each(plan, &drawing, edge_json);
	fputs("]}\n", stream);
	return 0;
}
