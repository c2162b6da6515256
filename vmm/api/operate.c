/* Requests as operations of the manager. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "vmm/api/exchange.h"
#include "vmm/api/follow.h"
#include "vmm/api/screenshot.h"
#include "vmm/api/stream.h"
#include "vmm/config/json.h"
#include "vmm/config/nearest.h"
#include "vmm/manager/wait.h"

#define NUMBER_DIGITS_MAX 16
#define NUMBER_MAX        (1ULL << 53) /* what a JSON number keeps */

/* --- Answers --- */

static struct exchange *exchange_of(struct call *call)
{
	return CONTAINER_OF(call, struct exchange, call);
}

static void call_done(struct call *call, cJSON *result)
{
	struct exchange *exchange = exchange_of(call);

	if (exchange->finish)
		exchange->finish(exchange, result);
	else
		reply_result(exchange, result);
}

static void call_failed(struct call *call, enum exit_code code, const char *text, cJSON *details)
{
	cJSON_Delete(details);
	reply_failed(exchange_of(call), code, text);
}

static void call_progress(struct call *call, const char *text)
{
	(void)call;
	(void)text;
}

static void call_item(struct call *call, cJSON *json)
{
	cJSON_Delete(json);
	follow_event(exchange_of(call)); /* it finds the event itself, when its client takes it */
}

static int call_stream(struct call *call)
{
	struct exchange *exchange = exchange_of(call);

	return exchange->screenshot ? screenshot_socket(exchange) : stream_socket(exchange);
}

static void call_handed_over(struct call *call)
{
	struct exchange *exchange = exchange_of(call);

	if (exchange->screenshot)
		screenshot_over(exchange);
	else
		stream_over(exchange);
}

static const struct call_peer api_peer = {
	.done = call_done,
	.failed = call_failed,
	.progress = call_progress,
	.item = call_item,
	.stream = call_stream,
	.handed_over = call_handed_over,
};

/* --- Members --- */

cJSON *number_parse(const char *text)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > NUMBER_DIGITS_MAX || text[len] || strtoull(text, NULL, 10) > NUMBER_MAX)
		return NULL;
	return cJSON_CreateNumber((double)strtoull(text, NULL, 10));
}

static cJSON *parse_argument(const char *text, enum argument_type type)
{
	if (type == ARGUMENT_NUMBER)
		return number_parse(text);
	if (type == ARGUMENT_TEXT)
		return cJSON_CreateString(text);
	if (strcmp(text, "true") == 0 || !*text) /* ?wait is ?wait=true */
		return cJSON_CreateTrue();
	return strcmp(text, "false") == 0 ? cJSON_CreateFalse() : NULL;
}

static const struct route_argument *find_argument(const struct route *route, const char *name)
{
	for (unsigned i = 0; i < ROUTE_ARGUMENTS_MAX && route->arguments[i].name; i++) {
		if (strcmp(route->arguments[i].name, name) == 0)
			return &route->arguments[i];
	}
	return NULL;
}

static void reply_unknown_parameter(struct exchange *exchange, const char *name)
{
	const struct route *route = exchange->route;
	const char *names[ROUTE_ARGUMENTS_MAX + 1] = {NULL};
	struct error err;
	const char *nearest;

	for (unsigned i = 0; i < ROUTE_ARGUMENTS_MAX && route->body != BODY_MEMBERS; i++)
		names[i] = route->arguments[i].name;
	nearest = nearest_word(name, names);
	error_set(&err, 0,
		  nearest ? "parameter %.64s: is not known here, did you mean %s?"
			  : "parameter %.64s: is not known here",
		  name, nearest);
	reply_problem(
		exchange,
		&(struct problem){.status = MHD_HTTP_BAD_REQUEST, .detail = err.text, .parameter = name});
}

static const char *const must_be[] = {
	[ARGUMENT_NUMBER] = "must be a whole number",
	[ARGUMENT_BOOL] = "must be true or false",
};

int exchange_add_query(struct exchange *exchange, cJSON *members)
{
	for (unsigned i = 0; i < exchange->query.count; i++) {
		const struct query_argument *argument = &exchange->query.arguments[i];
		const struct route_argument *known = exchange->route->body == BODY_MEMBERS
							     ? NULL
							     : find_argument(exchange->route, argument->name);
		cJSON *value = known ? parse_argument(argument->value, known->type) : NULL;

		if (!known)
			reply_unknown_parameter(exchange, argument->name);
		else if (!value)
			reply_bad_parameter(exchange, argument->name, must_be[known->type]);
		if (!value)
			return -EINVAL;
		if (members)
			cJSON_AddItemToObject(members, argument->name, value);
		else
			cJSON_Delete(value);
	}
	return 0;
}

int exchange_check_query(struct exchange *exchange)
{
	return exchange_add_query(exchange, NULL);
}

/* Moves the body's members to members, once each is one of the route's. */
static int add_body(struct exchange *exchange, cJSON *members)
{
	const struct route *route = exchange->route;
	const char *keys[ROUTE_ARGUMENTS_MAX + 1] = {NULL};
	struct error err = {0};
	struct json_place place = {.source = "body", .object = exchange->json, .err = &err};
	cJSON *item;

	for (unsigned i = 0; i < ROUTE_ARGUMENTS_MAX; i++)
		keys[i] = route->arguments[i].name;
	if (json_keys(&place, keys) < 0) {
		reply_problem(exchange, &(struct problem){.status = MHD_HTTP_UNPROCESSABLE_CONTENT,
							  .detail = err.text,
							  .pointer = err.pointer});
		return -EINVAL;
	}
	while (exchange->json && (item = exchange->json->child)) {
		cJSON_DetachItemViaPointer(exchange->json, item);
		cJSON_AddItemToObject(members, item->string, item);
	}
	return 0;
}

static void add_variable(const struct exchange *exchange, cJSON *members, const char *name)
{
	const char *value = route_variable(exchange->route, &exchange->path, name);

	if (value)
		cJSON_AddStringToObject(members, name, value);
}

cJSON *exchange_members(const struct exchange *exchange)
{
	static const char *const variables[] = {"guest", "network", "disk", "device", "channel"};
	const char *task = route_variable(exchange->route, &exchange->path, "task");
	cJSON *number = task ? number_parse(task) : NULL;
	cJSON *members = cJSON_CreateObject();

	cJSON_AddStringToObject(members, "op", exchange->route->op);
	for (unsigned i = 0; i < ARRAY_SIZE(variables); i++)
		add_variable(exchange, members, variables[i]);
	if (task) /* what is no number the operation refuses */
		cJSON_AddItemToObject(members, "task", number ? number : cJSON_CreateString(task));
	return members;
}

bool exchange_flag(const struct exchange *exchange, const char *name)
{
	const char *value = query_get(&exchange->query, name);

	return value && strcmp(value, "false") != 0;
}

/* --- Operations --- */

void exchange_call(struct exchange *exchange, cJSON *json)
{
	struct operations *operations = exchange->connection->api->operations;

	if (!exchange->called && call_init(&exchange->call, operations, &api_peer) < 0) {
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests wait already");
	} else {
		exchange->called = true;
		call_begin(&exchange->call, json);
	}
	cJSON_Delete(json);
}

void exchange_wait_task(struct exchange *exchange, const struct task *task)
{
	if (call_init(&exchange->call, exchange->connection->api->operations, &api_peer) < 0) {
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests wait already");
		return;
	}
	exchange->called = true;
	call_wait_task(&exchange->call, task);
}

void exchange_operate(struct exchange *exchange)
{
	const struct route *route = exchange->route;
	cJSON *members = exchange_members(exchange);
	int code = exchange_add_query(exchange, members);

	if (code == 0 && route->body == BODY_MEMBERS)
		code = add_body(exchange, members);
	if (route->later && !exchange_flag(exchange, "wait")) {
		cJSON_AddTrueToObject(members, "task");
		exchange->finish = reply_task;
	}
	if (code == 0)
		exchange_call(exchange, members);
	else
		cJSON_Delete(members);
}
