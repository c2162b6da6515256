#include "vmm/api/problem.h"

#include <stdio.h>

#include "common/printable.h"
#include "common/util.h"

#define DETAIL_MAX 1024

/* RFC 9110, 15, and RFC 6585; the code words are docs/openapi.json's. */
static const struct problem_kind {
	unsigned status;
	const char *title, *code;
} kinds[] = {
	{500, "Internal Server Error", "failed"},
	{400, "Bad Request", "malformed"},
	{401, "Unauthorized", "unauthenticated"},
	{403, "Forbidden", "forbidden"},
	{404, "Not Found", "not-found"},
	{405, "Method Not Allowed", "method-not-allowed"},
	{406, "Not Acceptable", "not-acceptable"},
	{409, "Conflict", "refused"},
	{411, "Length Required", "length-required"},
	{412, "Precondition Failed", "stale"},
	{413, "Content Too Large", "too-large"},
	{414, "URI Too Long", "too-large"},
	{415, "Unsupported Media Type", "unsupported-type"},
	{422, "Unprocessable Content", "invalid"},
	{426, "Upgrade Required", "upgrade-required"},
	{429, "Too Many Requests", "too-many"},
	{431, "Request Header Fields Too Large", "too-large"},
	{501, "Not Implemented", "unsupported"},
	{503, "Service Unavailable", "unavailable"},
	{504, "Gateway Timeout", "timed-out"},
	{505, "HTTP Version Not Supported", "unsupported"},
};

cJSON *problem_to_json(const struct problem *problem)
{
	const struct problem_kind *kind = &kinds[0];
	char detail[DETAIL_MAX];
	cJSON *json = cJSON_CreateObject();

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].status == problem->status)
			kind = &kinds[i];
	}
	snprintf(detail, sizeof(detail), "%s", problem->detail);
	text_make_printable(detail, "");
	cJSON_AddStringToObject(json, "type", "about:blank");
	cJSON_AddStringToObject(json, "title", kind->title);
	cJSON_AddNumberToObject(json, "status", kind->status);
	cJSON_AddStringToObject(json, "code", kind->code);
	cJSON_AddStringToObject(json, "detail", detail);
	if (problem->pointer && *problem->pointer)
		cJSON_AddStringToObject(json, "pointer", problem->pointer);
	if (problem->parameter && *problem->parameter)
		cJSON_AddStringToObject(json, "parameter", problem->parameter);
	return json;
}
