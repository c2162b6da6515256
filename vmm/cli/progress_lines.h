/*
 * Long work's progress and its end for a program that watches: JSON objects on standard output, one a line.
 *
 *      {"progress":"unpacking","percent":42}                    percent is absent while it is not known
 *      {"result":{...}}                                         null when there is none
 *      {"error":"disk web: is in use","code":4,"errno":16}      the exit code; Linux's number, where there is
 * one
 */
#pragma once

#include <cjson/cJSON.h>

#include "vmm/exit_code.h"
#include "vmm/storage/progress.h"

struct progress_lines {
	struct progress progress;
	const char *step;
	int percent;
};

struct progress *progress_lines_begin(struct progress_lines *lines);
void progress_lines_result(cJSON *result); /* NULL: none; taken over */
void progress_lines_error(enum exit_code code, int error, const char *text);
