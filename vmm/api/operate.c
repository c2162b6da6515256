/* Requests as operations of the manager. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "vmm/api/request.h"
#include "vmm/config/json.h"
#include "vmm/config/nearest.h"

#define NUMBER_DIGITS_MAX 16 /* all of which a JSON number keeps */

/* --- Answers --- */

static struct request *request_of(struct call *call)
{
	return CONTAINER_OF(call, struct request, call);
}

static void call_done(struct call *call, cJSON *result)
{
	struct request *request = request_of(call);

	if (request->finish)
		request->finish(request, result);
	else
		reply_result(request, result);
}

static void call_failed(struct call *call, enum exit_code code, const char *text, cJSON *details)
{
	cJSON_Delete(details);
	reply_failed(request_of(call), code, text);
}

static void call_progress(struct call *call, const char *text)
{
	(void)call;
	(void)text;
}

static void call_item(struct call *call, cJSON *json)
{
	(void)call;
	cJSON_Delete(json);
}

static int call_stream(struct call *call)
{
	(void)call;
	return -1;
}

static const struct call_peer api_peer = {
	.done = call_done,
	.failed = call_failed,
	.progress = call_progress,
	.item = call_item,
	.stream = call_stream,
};

/* --- Members --- */

static cJSON *parse_number(const char *text)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > NUMBER_DIGITS_MAX || text[len])
		return NULL;
	return cJSON_CreateNumber((double)strtoull(text, NULL, 10));
}

static cJSON *parse_argument(const char *text, enum argument_type type)
{
	if (type == ARGUMENT_NUMBER)
		return parse_number(text);
	if (type == ARGUMENT_TEXT)
		return cJSON_CreateString(text);
	if (strcmp(text, "true") == 0 || !*text) /* ?wait is ?wait=true */
		return cJSON_CreateTrue();
	return strcmp(text, "false") == 0 ? cJSON_CreateFalse() : NULL;
}

static void reply_bad_parameter(struct request *request, const char *name, const char *must)
{
	struct error err;

	error_set(&err, 0, "parameter %.64s: %s", name, must);
	reply_problem(request, &(struct problem){.status = MHD_HTTP_BAD_REQUEST, .detail = err.text, .parameter = name});
}

static const struct route_argument *find_argument(const struct route *route, const char *name)
{
	for (unsigned i = 0; i < ROUTE_ARGUMENTS_MAX && route->arguments[i].name; i++) {
		if (strcmp(route->arguments[i].name, name) == 0)
			return &route->arguments[i];
	}
	return NULL;
}

static void reply_unknown_parameter(struct request *request, const char *name)
{
	const struct route *route = request->route;
	const char *names[ROUTE_ARGUMENTS_MAX + 1] = {NULL};
	struct error err;
	const char *nearest;

	for (unsigned i = 0; i < ROUTE_ARGUMENTS_MAX && route->body != BODY_MEMBERS; i++)
		names[i] = route->arguments[i].name;
	nearest = nearest_word(name, names);
	error_set(&err, 0, nearest ? "parameter %.64s: is not known here, did you mean %s?" : "parameter %.64s: is not known here",
		  name, nearest);
	reply_problem(request, &(struct problem){.status = MHD_HTTP_BAD_REQUEST, .detail = err.text, .parameter = name});
}

static const char *const must_be[] = {
	[ARGUMENT_NUMBER] = "must be a whole number",
	[ARGUMENT_BOOL] = "must be true or false",
};

/* Adds the query's parameters to members; NULL: they are only looked at. */
static int add_query(struct request *request, cJSON *members)
{
	for (unsigned i = 0; i < request->query.count; i++) {
		const struct query_argument *argument = &request->query.arguments[i];
		const struct route_argument *known =
			request->route->body == BODY_MEMBERS ? NULL : find_argument(request->route, argument->name);
		cJSON *value = known ? parse_argument(argument->value, known->type) : NULL;

		if (!known)
			reply_unknown_parameter(request, argument->name);
		else if (!value)
			reply_bad_parameter(request, argument->name, must_be[known->type]);
		if (!value)
			return -EINVAL;
		if (members)
			cJSON_AddItemToObject(members, argument->name, value);
		else
			cJSON_Delete(value);
	}
	return 0;
}

int request_check_query(struct request *request)
{
	return add_query(request, NULL);
}

/* Moves the body's members to members, once each is one of the route's. */
static int add_body(struct request *request, cJSON *members)
{
	const struct route *route = request->route;
	const char *keys[ROUTE_ARGUMENTS_MAX + 1] = {NULL};
	struct error err = {""};
	struct json_place place = {.source = "body", .object = request->json, .err = &err};
	cJSON *item;

	for (unsigned i = 0; i < ROUTE_ARGUMENTS_MAX; i++)
		keys[i] = route->arguments[i].name;
	if (json_keys(&place, keys) < 0) {
		reply_problem(request, &(struct problem){.status = MHD_HTTP_UNPROCESSABLE_CONTENT,
							  .detail = err.text,
							  .pointer = err.pointer});
		return -EINVAL;
	}
	while (request->json && (item = request->json->child)) {
		cJSON_DetachItemViaPointer(request->json, item);
		cJSON_AddItemToObject(members, item->string, item);
	}
	return 0;
}

static void add_variable(const struct request *request, cJSON *members, const char *name)
{
	const char *value = route_variable(request->route, &request->path, name);

	if (value)
		cJSON_AddStringToObject(members, name, value);
}

cJSON *request_members(const struct request *request)
{
	static const char *const variables[] = {"guest", "network", "disk", "device", "task"};
	cJSON *members = cJSON_CreateObject();

	cJSON_AddStringToObject(members, "op", request->route->op);
	for (unsigned i = 0; i < ARRAY_SIZE(variables); i++)
		add_variable(request, members, variables[i]);
	return members;
}

bool request_flag(const struct request *request, const char *name)
{
	const char *value = query_get(&request->query, name);

	return value && strcmp(value, "false") != 0;
}

/* --- Operations --- */

void request_call(struct request *request, cJSON *json)
{
	struct operations *operations = request->connection->api->operations;

	if (!request->called && call_init(&request->call, operations, &api_peer) < 0) {
		reply_refusal(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests wait already");
		reply_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	} else {
		request->called = true;
		call_begin(&request->call, json);
	}
	cJSON_Delete(json);
}

void request_operate(struct request *request)
{
	const struct route *route = request->route;
	cJSON *members = request_members(request);
	int code = add_query(request, members);

	if (code == 0 && route->body == BODY_MEMBERS)
		code = add_body(request, members);
	if (code == 0)
		request_call(request, members);
	else
		cJSON_Delete(members);
}
