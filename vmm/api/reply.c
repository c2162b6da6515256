/* Answers to requests. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/printable.h"
#include "vmm/api/exchange.h"
#include "vmm/config/json_memory.h"

#define JSON_TYPE "application/json"

void reply_text(struct exchange *exchange, unsigned status, const char *type, char *text, size_t len)
{
	exchange->status = status;
	exchange->response =
		exchange->http->MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!exchange->response) { /* no memory: the connection is closed */
		free(text);
		exchange->gone = true;
	} else if (text) {
		exchange->http->MHD_add_response_header(exchange->response, MHD_HTTP_HEADER_CONTENT_TYPE,
							type);
	}
	if (exchange->suspended)
		exchange_resume(exchange);
}

void reply_header(struct exchange *exchange, const char *name, const char *value)
{
	if (exchange->response)
		exchange->http->MHD_add_response_header(exchange->response, name, value);
}

void reply_json(struct exchange *exchange, unsigned status, const char *type, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	cJSON_Delete(json);
	if (json_memory_missed()) /* what lost a part is no answer */
		free(TAKE_PTR(text));
	if (!text)
		exchange->gone = true;
	else if (!text_is_utf8(text)) /* a guest's words may be anything; only they have such bytes */
		text_make_printable(text, "");
	reply_text(exchange, status, type, text, text ? strlen(text) : 0);
}

void reply_problem(struct exchange *exchange, const struct problem *problem)
{
	reply_json(exchange, problem->status, PROBLEM_TYPE, problem_to_json(problem));
	if (problem->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		reply_header(exchange, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

void reply_refusal(struct exchange *exchange, unsigned status, const char *format, ...)
{
	struct error err;
	va_list args;

	va_start(args, format);
	vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	reply_problem(exchange, &(struct problem){.status = status, .detail = err.text});
}

void reply_bad_parameter(struct exchange *exchange, const char *name, const char *must)
{
	struct error err;

	error_set(&err, 0, "parameter %.64s: %s", name, must);
	reply_problem(
		exchange,
		&(struct problem){.status = MHD_HTTP_BAD_REQUEST, .detail = err.text, .parameter = name});
}

/* Where the resource of the request is. */
static void location_of(const struct exchange *exchange, char *text, size_t size)
{
	size_t used = 0;

	for (unsigned i = 0; i < exchange->path.count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "/%s", exchange->path.segments[i]);
}

void reply_created(struct exchange *exchange, cJSON *json)
{
	char location[512];

	location_of(exchange, location, sizeof(location));
	reply_json(exchange, MHD_HTTP_CREATED, JSON_TYPE, json);
	reply_header(exchange, MHD_HTTP_HEADER_LOCATION, location);
}

void reply_task(struct exchange *exchange, cJSON *task)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(task, "id");
	char location[64];

	snprintf(location, sizeof(location), "/v1/tasks/%.0f", cJSON_IsNumber(id) ? id->valuedouble : 0);
	reply_json(exchange, MHD_HTTP_ACCEPTED, JSON_TYPE, task);
	reply_header(exchange, MHD_HTTP_HEADER_LOCATION, location);
}

void reply_result(struct exchange *exchange, cJSON *result)
{
	if (result)
		reply_json(exchange, MHD_HTTP_OK, JSON_TYPE, result);
	else
		reply_text(exchange, MHD_HTTP_NO_CONTENT, NULL, NULL, 0);
}

/* Of a disk: then it is not the disk that is missing. */
static bool is_import(const struct exchange *exchange)
{
	return exchange->body_at && strcmp(exchange->body_at, "/import") == 0;
}

/* What the operation's errno says more than the exit code of the command does. */
static unsigned status_of_error(const struct exchange *exchange, bool in_query)
{
	bool starts = exchange->route->later;

	switch (exchange->call.error) {
	case -EINVAL:
		return in_query || exchange->route->body == BODY_NONE ? MHD_HTTP_BAD_REQUEST
								      : MHD_HTTP_UNPROCESSABLE_CONTENT;
	case -ENOENT: /* of a guest that is to start, it is a file that is missing */
		if (is_import(exchange))
			return MHD_HTTP_CONFLICT;
		return starts || exchange->route->body == BODY_GUEST ? 0 : MHD_HTTP_NOT_FOUND;
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -EAGAIN:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	case -E2BIG:
		return MHD_HTTP_CONFLICT;
	default:
		return 0;
	}
}

static unsigned status_of(const struct exchange *exchange, enum exit_code code, bool in_query)
{
	unsigned status = status_of_error(exchange, in_query);

	switch (code) {
	case EXIT_NO_GUEST:
		return MHD_HTTP_NOT_FOUND;
	case EXIT_TIMED_OUT:
		return MHD_HTTP_GATEWAY_TIMEOUT;
	case EXIT_USAGE:
		return status ? status : MHD_HTTP_BAD_REQUEST;
	case EXIT_REFUSED:
		return status ? status : MHD_HTTP_CONFLICT;
	default: /* a guest that does not start is not our fault: an image is missing, or it has crashed */
		if (status)
			return status;
		return exchange->route->later || exchange_flag(exchange, "wait")
			       ? MHD_HTTP_CONFLICT
			       : MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

/* Whether the pointer's first part is a parameter of the query, or a part of the path. */
static bool is_parameter(const struct exchange *exchange, const char *pointer)
{
	const char *name = pointer + 1;

	return *pointer && (exchange->route->body == BODY_NONE || query_get(&exchange->query, name) ||
			    route_variable(exchange->route, &exchange->path, name));
}

/* The operation's pointer as one into the body. */
static void pointer_in_body(const struct exchange *exchange, char *text, size_t size)
{
	const char *stands_for = exchange->stands_for ? exchange->stands_for : "/definition";
	const char *pointer = exchange->call.pointer;
	size_t len = strlen(stands_for);

	if (strncmp(pointer, stands_for, len) == 0 && (pointer[len] == '/' || !pointer[len]))
		pointer += len;
	/* An import's size is beside it, and not in it. */
	snprintf(text, size, "%s%s",
		 exchange->body_at && strcmp(pointer, "/size") != 0 && (*pointer || exchange->stands_for)
			 ? exchange->body_at
			 : "",
		 pointer);
}

void reply_failed(struct exchange *exchange, enum exit_code code, const char *text)
{
	const char *pointer = exchange->call.pointer;
	bool in_query = is_parameter(exchange, pointer);
	char place[sizeof(exchange->call.pointer) + 16];
	struct problem problem = {.status = status_of(exchange, code, in_query), .detail = text};

	if (in_query) {
		problem.parameter = pointer + 1;
	} else if (*pointer && !exchange->is_xml) {
		pointer_in_body(exchange, place, sizeof(place));
		problem.pointer = place;
	} else if (is_import(exchange) && exchange->call.error == -ENOENT) {
		problem.pointer = "/import/source";
	}
	reply_problem(exchange, &problem);
}
