#include "rinit/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "rinit/chart.h"
#include "rinit/client.h"
#include "rinit/control.h"
#include "rinit/draw.h"
#include "rinit/text.h"
#include "rinit/why.h"

#define WIDTH_DEFAULT 100

/* ---- why ---- */

static void sentence_text(void *context, const char *sentence)
{
	(void)context;
	puts(sentence);
}

static void sentence_json(void *context, const char *sentence)
{
	const char **comma = context;

	fputs(*comma, stdout);
	json_string(stdout, sentence);
	*comma = ",\n ";
}

static int why(const struct plan *plan, const char *name, bool json)
{
	const struct plan_unit *unit = plan_find(plan, name);
	const char *comma = "{", *between = "";

	if (!unit) {
		fprintf(stderr, "rinitctl: %s: there is no such unit\n", name);
		return CONTROL_NO_UNIT;
	}
	if (!json) {
		why_explain(plan, unit, NULL, sentence_text);
		return CONTROL_DONE;
	}
	json_field(stdout, &comma, "name", unit->name);
	json_field(stdout, &comma, "state", unit->state);
	fputs(",\"why\":[", stdout);
	why_explain(plan, unit, &between, sentence_json);
	puts("]}");
	return CONTROL_DONE;
}

/* ---- blame ---- */

static int blame(const struct plan *plan, bool json)
{
	AUTO_FREE const struct plan_unit **units = calloc(plan->count + 1, sizeof(*units));
	size_t count = units ? chart_blame(plan, units) : 0;

	if (json)
		fputc('[', stdout);
	for (size_t i = 0; i < count; i++) {
		const char *comma = i ? ",\n {" : "{";

		if (!json) {
			printf("%9.3f s  %s\n", (double)plan_took(plan, units[i]) / 1000, units[i]->name);
			continue;
		}
		json_field(stdout, &comma, "name", units[i]->name);
		json_number(stdout, &comma, "started_ms", units[i]->started);
		json_number(stdout, &comma, "took_ms", plan_took(plan, units[i]));
		fputc('}', stdout);
	}
	if (json)
		puts("]");
	return units ? CONTROL_DONE : CONTROL_FAILED;
}

/* ---- drawings ---- */

static int terminal_width(void)
{
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return columns && atoi(columns) > 0 ? MIN(atoi(columns), 1000) : WIDTH_DEFAULT;
}

static int svg_write(const struct plan *plan, const char *path, int (*draw)(const struct plan *, FILE *))
{
	bool to_stdout = !strcmp(path, "-");
	FILE *stream = to_stdout ? stdout : fopen(path, "we");
	int rc = stream ? draw(plan, stream) : -errno;

	if (stream && fflush(stream) && !rc)
		rc = -errno;
	if (stream && !to_stdout)
		fclose(stream);
	if (rc)
		fprintf(stderr, "rinitctl: %s: cannot write: %s\n", path, strerror(-rc));
	return rc ? CONTROL_FAILED : CONTROL_DONE;
}

static int chart(const struct plan *plan, const char *svg, bool json)
{
	int rc;

	if (svg)
		return svg_write(plan, svg, chart_svg);
	rc = json ? chart_json(plan, stdout) : chart_text(plan, stdout, terminal_width());
	return rc ? CONTROL_FAILED : CONTROL_DONE;
}

static int graph(const struct plan *plan, const char *svg, bool json)
{
	if (svg)
		return svg_write(plan, svg, draw_svg);
	if (json)
		return draw_json(plan, stdout) ? CONTROL_FAILED : CONTROL_DONE;
	draw_dot(plan, stdout);
	return CONTROL_DONE;
}

/* ---- commands ---- */

struct request {
	const char *unit; /* for why */
	const char *svg;  /* for chart and graph: the file */
};

static int request_parse(const char *verb, char **arguments, int count, struct request *request)
{
	bool is_why = !strcmp(verb, "why"), is_graph = !strcmp(verb, "graph"),
	     draws = is_graph || !strcmp(verb, "chart");

	for (int i = 0; i < count; i++) {
		const char *argument = arguments[i];

		if (draws && !strcmp(argument, "--svg") && i + 1 < count)
			request->svg = arguments[++i];
		else if (draws && !strncmp(argument, "--svg=", 6) && argument[6])
			request->svg = argument + 6;
		else if (is_why && *argument != '-' && !request->unit)
			request->unit = argument;
		else if (!is_graph || strcmp(argument, "--dot") != 0)
			return -EINVAL;
	}
	return is_why && !request->unit ? -EINVAL : 0;
}

static int plan_ask(struct plan *plan, char **text)
{
	struct error err;
	int code = client_ask("plan", "", text, &err);

	if (!*text)
		fprintf(stderr, "rinitctl: %s\n", err.text);
	else if (code)
		fprintf(stderr, "rinitctl: %s", *text);
	else if (plan_parse(plan, *text)) {
		fputs("rinitctl: rinit's answer makes no sense: is it another version?\n", stderr);
		code = CONTROL_FAILED;
	}
	return code;
}

bool explain_knows(const char *verb)
{
	return !strcmp(verb, "why") || !strcmp(verb, "blame") || !strcmp(verb, "chart") ||
	       !strcmp(verb, "graph");
}

int explain_main(const char *verb, char **arguments, int count, bool json)
{
	AUTO_FREE char *text = NULL;
	struct request request = {0};
	struct plan plan;
	int code;

	if (request_parse(verb, arguments, count, &request)) {
		fprintf(stderr, "rinitctl: usage: %s; see rinitctl --help\n",
			!strcmp(verb, "why")     ? "why UNIT"
			: !strcmp(verb, "blame") ? "blame"
			: !strcmp(verb, "chart") ? "chart [--svg FILE]"
						 : "graph [--dot | --svg FILE]");
		return CONTROL_USAGE;
	}
	code = plan_ask(&plan, &text);
	if (code)
		return code;
	if (!strcmp(verb, "why"))
		code = why(&plan, request.unit, json);
	else if (!strcmp(verb, "blame"))
		code = blame(&plan, json);
	else
		code = (!strcmp(verb, "chart") ? chart : graph)(&plan, request.svg, json);
	plan_clear(&plan);
	return code;
}
