#include "vmm/cli/progress_lines.h"

#include <stdio.h>

#include "common/util.h"
#include "vmm/cli/cli.h"

static void print_line(cJSON *json)
{
	cli_print_json(json);
	fflush(stdout);
}

static void report(struct progress *progress, const char *step, int percent)
{
	struct progress_lines *lines = CONTAINER_OF(progress, struct progress_lines, progress);
	cJSON *json;

	if (lines->step == step && lines->percent == percent)
		return;
	lines->step = step;
	lines->percent = percent;
	json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "progress", step);
	if (percent != PROGRESS_UNKNOWN)
		cJSON_AddNumberToObject(json, "percent", percent);
	if (progress->total) {
		cJSON_AddNumberToObject(json, "done", (double)progress->done);
		cJSON_AddNumberToObject(json, "total", (double)progress->total);
	}
	print_line(json);
}

struct progress *progress_lines_begin(struct progress_lines *lines)
{
	*lines = (struct progress_lines){.progress = {.report = report}};
	return &lines->progress;
}

void progress_lines_result(cJSON *result)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddItemToObject(json, "result", result ? result : cJSON_CreateNull());
	print_line(json);
}

void progress_lines_error(enum exit_code code, int error, const char *text)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "error", text);
	cJSON_AddNumberToObject(json, "code", code);
	cJSON_AddNumberToObject(json, "errno", error);
	print_line(json);
}
