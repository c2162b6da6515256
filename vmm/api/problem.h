/*
 * What a client is told when it gets not what it asked for: application/problem+json (RFC 9457), one sentence
 * and the same for programs:
 *
 *      {"type":"about:blank","title":"Not Found","status":404,"code":"not-found",
 *       "detail":"no guest is named wbe, did you mean web?"}
 *
 * `pointer` (RFC 6901) tells the place in the body, `parameter` the header or the part of path or query that
 * is wrong.
 */
#pragma once

#include <cjson/cJSON.h>

#define PROBLEM_TYPE "application/problem+json"

struct problem {
	unsigned status;
	const char *detail;
	const char *pointer;   /* NULL or "": none */
	const char *parameter; /* the same */
};

/* detail is made printable. */
cJSON *problem_to_json(const struct problem *problem);
