/*
 * The target of a request, taken apart: "/v1/guests/web/state?wait=true" is the segments v1, guests, web,
 * state and one parameter (RFC 3986, 3.3 and 3.4; a + in a parameter is a space, as forms write it). What a
 * client sends here is hostile until it was parsed: percent signs are decoded once, and zero bytes, control
 * characters and what is not UTF-8 are refused. Pure functions on the caller's text, which is changed in
 * place and must stay.
 */
#pragma once

#include "common/error.h"

#define PATH_SEGMENTS_MAX   8
#define QUERY_ARGUMENTS_MAX 16

struct path {
	unsigned count;
	const char *segments[PATH_SEGMENTS_MAX];
};

struct query {
	const char *wrong; /* the name of what is given twice; NULL: none */
	unsigned count;
	struct query_argument {
		const char *name, *value; /* value is "" when there was no = */
	} arguments[QUERY_ARGUMENTS_MAX];
};

/* Takes target apart. -EINVAL: it is no path of ours; -E2BIG: it has more parts than any. */
int target_parse(char *target, struct path *path, struct query *query, struct error *err);

/* NULL when it is not there. */
const char *query_get(const struct query *query, const char *name);
