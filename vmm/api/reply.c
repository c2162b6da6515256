/* Answers to requests. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/api/exchange.h"

#define JSON_TYPE "application/json"

void reply_text(struct exchange *exchange, unsigned status, const char *type, char *text, size_t len)
{
	exchange->status = status;
	exchange->response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!exchange->response) { /* no memory: the connection is closed */
		free(text);
		exchange->gone = true;
	} else if (text) {
		MHD_add_response_header(exchange->response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	}
	if (exchange->suspended)
		exchange_resume(exchange);
}

void reply_header(struct exchange *exchange, const char *name, const char *value)
{
	if (exchange->response)
		MHD_add_response_header(exchange->response, name, value);
}

void reply_json(struct exchange *exchange, unsigned status, const char *type, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	cJSON_Delete(json);
	if (!text)
		exchange->gone = true;
	reply_text(exchange, status, type, text, text ? strlen(text) : 0);
}

void reply_problem(struct exchange *exchange, const struct problem *problem)
{
	reply_json(exchange, problem->status, PROBLEM_TYPE, problem_to_json(problem));
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

void reply_result(struct exchange *exchange, cJSON *result)
{
	bool later = exchange->route->later && !exchange_flag(exchange, "wait");

	if (result && !later) {
		reply_json(exchange, MHD_HTTP_OK, JSON_TYPE, result);
		return;
	}
	cJSON_Delete(result);
	reply_text(exchange, later ? MHD_HTTP_ACCEPTED : MHD_HTTP_NO_CONTENT, NULL, NULL, 0);
}

/* What nobody but us can be blamed for, and what is the state of things, is told apart by the operation's errno. */
static unsigned status_of_failure(const struct exchange *exchange)
{
	switch (exchange->call.error) {
	case -EINVAL:
		return MHD_HTTP_UNPROCESSABLE_CONTENT;
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -EAGAIN:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	case -E2BIG:
		return MHD_HTTP_CONFLICT;
	default: /* a guest that does not start: an image is missing, or it has crashed */
		return exchange->route->later ? MHD_HTTP_CONFLICT : MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

static unsigned status_of(const struct exchange *exchange, enum exit_code code, bool in_body)
{
	switch (code) {
	case EXIT_USAGE:
		return in_body ? MHD_HTTP_UNPROCESSABLE_CONTENT : MHD_HTTP_BAD_REQUEST;
	case EXIT_NO_GUEST:
		return MHD_HTTP_NOT_FOUND;
	case EXIT_REFUSED:
		return MHD_HTTP_CONFLICT;
	case EXIT_TIMED_OUT:
		return MHD_HTTP_GATEWAY_TIMEOUT;
	default:
		return status_of_failure(exchange);
	}
}

void reply_failed(struct exchange *exchange, enum exit_code code, const char *text)
{
	const char *pointer = exchange->call.pointer;
	bool in_body = exchange->json && *pointer;
	struct problem problem = {.detail = text};

	/* Members of a query are not in a body, and have no members themselves. */
	if (in_body)
		problem.pointer = strcmp(pointer, "/definition") == 0 ? "" : pointer;
	else if (*pointer)
		problem.parameter = pointer + 1;
	problem.status = status_of(exchange, code, in_body);
	reply_problem(exchange, &problem);
	if (problem.status == MHD_HTTP_SERVICE_UNAVAILABLE)
		reply_header(exchange, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}
