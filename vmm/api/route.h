/*
 * What can be asked over HTTP: one table of methods and paths (routes.c), which docs/openapi.json describes.
 *
 *      GET /v1/guests/{guest}/logs?lines=10      becomes the operation "logs" with the members guest and
 * lines
 *
 * A variable in a path, a parameter of a query and a member of a body have the name of the operation's member
 * (vmm/manager/operations.h), so that most routes need no code. Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "vmm/api/path.h"
#include "vmm/config/api_settings.h"

#define ROUTE_ARGUMENTS_MAX 8
#define ROUTE_ALLOW_MAX     64

struct exchange;

enum route_body {
	BODY_NONE,
	BODY_MEMBERS,    /* application/json: an object with the operation's members that the route names */
	BODY_DEFINITION, /* application/json: the operation's member "definition" */
	BODY_GUEST,      /* the same, or application/xml */
	BODY_PATCH,      /* application/merge-patch+json */
	BODY_COUNT,
};

enum argument_type {
	ARGUMENT_TEXT,
	ARGUMENT_NUMBER,
	ARGUMENT_BOOL,
	ARGUMENT_JSON, /* in bodies only: as it is */
};

struct route_argument {
	const char *name;
	enum argument_type type;
};

struct route {
	const char *method, *path;
	enum api_role role;
	const char *op; /* the operation */
	enum route_body body;
	bool body_optional;
	bool body_large; /* as a definition may be */
	bool later;      /* what it begins takes its time: 202 and a task, unless the query says wait */
	/* Parameters of the query, or members of the body when it is BODY_MEMBERS. */
	struct route_argument arguments[ROUTE_ARGUMENTS_MAX];
	bool takes_bytes; /* its body may be application/octet-stream instead (upload.h), with `arguments` of
			     the query */
	/* In place of the operation, or before it; NULL: exchange_operate. */
	void (*begin)(struct exchange *exchange);
};

extern const struct route routes[];
extern const size_t route_count;

/* The route, or NULL: then allow has the methods that this path has, "" when there is no such path, and err
 * says so with the nearest one. HEAD finds GET. */
const struct route *route_find(const char *method, const struct path *path, char allow[ROUTE_ALLOW_MAX],
			       struct error *err);

/* The value of variable `name` in a path that the route was found for; NULL when its template has none of
 * that name. */
const char *route_variable(const struct route *route, const struct path *path, const char *name);
