/* Answers to requests. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/api/request.h"

#define JSON_TYPE "application/json"

void reply_text(struct request *request, unsigned status, const char *type, char *text, size_t len)
{
	request->status = status;
	request->response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!request->response) { /* no memory: the connection is closed */
		free(text);
		request->gone = true;
	} else if (text) {
		MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	}
	if (request->suspended)
		request_resume(request);
}

void reply_header(struct request *request, const char *name, const char *value)
{
	if (request->response)
		MHD_add_response_header(request->response, name, value);
}

void reply_json(struct request *request, unsigned status, const char *type, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	cJSON_Delete(json);
	if (!text)
		request->gone = true;
	reply_text(request, status, type, text, text ? strlen(text) : 0);
}

void reply_problem(struct request *request, const struct problem *problem)
{
	reply_json(request, problem->status, PROBLEM_TYPE, problem_to_json(problem));
}

void reply_refusal(struct request *request, unsigned status, const char *format, ...)
{
	struct error err;
	va_list args;

	va_start(args, format);
	vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	reply_problem(request, &(struct problem){.status = status, .detail = err.text});
}

void reply_result(struct request *request, cJSON *result)
{
	bool later = request->route->later && !request_flag(request, "wait");

	if (result && !later) {
		reply_json(request, MHD_HTTP_OK, JSON_TYPE, result);
		return;
	}
	cJSON_Delete(result);
	reply_text(request, later ? MHD_HTTP_ACCEPTED : MHD_HTTP_NO_CONTENT, NULL, NULL, 0);
}

/* What nobody but us can be blamed for, and what is the state of things, is told apart by the operation's errno. */
static unsigned status_of_failure(const struct request *request)
{
	switch (request->call.refusal) {
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
		return request->route->later ? MHD_HTTP_CONFLICT : MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

static unsigned status_of(const struct request *request, enum exit_code code, bool in_body)
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
		return status_of_failure(request);
	}
}

void reply_failed(struct request *request, enum exit_code code, const char *text)
{
	const char *pointer = request->call.pointer;
	bool in_body = request->json && *pointer;
	struct problem problem = {.detail = text};

	/* Members of a query are not in a body, and have no members themselves. */
	if (in_body)
		problem.pointer = strcmp(pointer, "/definition") == 0 ? "" : pointer;
	else if (*pointer)
		problem.parameter = pointer + 1;
	problem.status = status_of(request, code, in_body);
	reply_problem(request, &problem);
	if (problem.status == MHD_HTTP_SERVICE_UNAVAILABLE)
		reply_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}
