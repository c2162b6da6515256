#include "vmm/api/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/printable.h"
#include "common/util.h"

#define DISCARDED_MAX (4U << 20) /* of a body that is too large; then its client is not listened to any longer */

const char *request_header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

/* --- Waiting --- */

static void hung_up(struct loop_source *source, uint32_t events)
{
	struct request *request = CONTAINER_OF(source, struct request, hangup);

	(void)events;
	request->gone = true;
	request_resume(request);
}

/* libmicrohttpd does not look at it meanwhile. Over TCP a client that is gone for good cannot be told from one that
 * only says no more: both are taken for gone, as other servers do. */
void request_suspend(struct request *request)
{
	const struct api_connection *connection = request->connection;

	request->suspended = true;
	MHD_suspend_connection(request->mhd);
	request->hangup = (struct loop_source){
		.fd = connection->fd, .events = connection->local ? 0 : EPOLLRDHUP, .ready = hung_up};
	if (loop_add(connection->api->loop, &request->hangup) < 0)
		request->hangup.fd = -1;
}

void request_resume(struct request *request)
{
	if (request->hangup.fd >= 0)
		loop_remove(request->connection->api->loop, &request->hangup);
	request->hangup.fd = -1;
	request->suspended = false;
	MHD_resume_connection(request->mhd);
}

void requests_abandon(struct api *api)
{
	for (struct request *request = api->requests; request; request = request->next) {
		request->gone = true;
		if (request->suspended)
			request_resume(request);
	}
}

/* --- What it asks for --- */

static const char *const body_types[BODY_COUNT] = {
	[BODY_MEMBERS] = "application/json",
	[BODY_DEFINITION] = "application/json",
	[BODY_GUEST] = "application/json",
	[BODY_PATCH] = "application/merge-patch+json",
};

/* "application/json; charset=utf-8" is application/json. */
static bool type_is(const char *type, const char *wanted)
{
	size_t len = strlen(wanted);

	return strncasecmp(type, wanted, len) == 0 && strchr(" \t;", type[len]) != NULL;
}

/* Whether a body follows: RFC 9112, 6. */
static bool has_body(const struct request *request)
{
	const char *length = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return request_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) || (length && strcmp(length, "0") != 0);
}

static bool check_body(struct request *request)
{
	const struct route *route = request->route;
	const char *type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *wanted = body_types[route->body];

	request->body_max = route->body == BODY_GUEST || route->body == BODY_PATCH ? API_DEFINITION_MAX : API_BODY_MAX;
	if (!has_body(request))
		return true;
	if (!wanted) {
		reply_refusal(request, MHD_HTTP_BAD_REQUEST, "%s %s takes no body", route->method, route->path);
		return false;
	}
	if (type && !type_is(type, wanted)) {
		reply_refusal(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "the body must be %s, not %.64s", wanted, type);
		reply_header(request, "Accept", wanted);
		return false;
	}
	return true;
}

static bool check_role(struct request *request)
{
	enum api_role role = request->connection->role;

	if (role >= request->route->role)
		return true;
	reply_refusal(request, MHD_HTTP_FORBIDDEN, "this needs the role %s, and yours is %s",
		       role_name(request->route->role), role_name(role));
	return false;
}

static bool find_route(struct request *request, const char *method)
{
	char allow[ROUTE_ALLOW_MAX];
	struct error err = {""};
	int code = target_parse(request->target, &request->path, &request->query, &err);

	if (code < 0) {
		reply_refusal(request, MHD_HTTP_BAD_REQUEST, "%s", err.text);
		return false;
	}
	request->route = route_find(method, &request->path, allow, &err);
	if (request->route)
		return true;
	if (!*allow) {
		reply_refusal(request, MHD_HTTP_NOT_FOUND, "%s", err.text);
		return false;
	}
	if (strcmp(method, "OPTIONS") == 0)
		reply_text(request, MHD_HTTP_NO_CONTENT, NULL, NULL, 0);
	else
		reply_refusal(request, MHD_HTTP_METHOD_NOT_ALLOWED, "%s", err.text);
	reply_header(request, MHD_HTTP_HEADER_ALLOW, allow);
	return false;
}

static bool check_rate(struct request *request)
{
	struct api_connection *connection = request->connection;
	unsigned wait_s = peer_request(&connection->api->peers, connection->peer, monotonic_ns());
	char text[16];

	if (wait_s == 0)
		return true;
	snprintf(text, sizeof(text), "%u", wait_s);
	reply_refusal(request, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests: try again in %u s", wait_s);
	reply_header(request, MHD_HTTP_HEADER_RETRY_AFTER, text);
	return false;
}

/* Its headers are there. What is refused by now is answered when its body was thrown away. */
static void take_head(struct request *request, const char *method)
{
	if (check_rate(request) && find_route(request, method) && check_role(request))
		check_body(request);
}

/* --- Its body --- */

static bool too_large(struct request *request, size_t len)
{
	return request->body_len + len > request->body_max;
}

static void reply_too_large(struct request *request)
{
	reply_refusal(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than %zu bytes", request->body_max);
}

/* False: the client is not listened to any longer. */
static bool take_body(struct request *request, const char *data, size_t len)
{
	char *body;

	if (request->response) { /* it is refused */
		request->body_len += len;
		return request->body_len <= DISCARDED_MAX;
	}
	if (too_large(request, len)) {
		reply_too_large(request);
		return take_body(request, data, len);
	}
	body = realloc(request->body, request->body_len + len + 1);
	if (!body)
		return false;
	memcpy(body + request->body_len, data, len);
	request->body = body;
	request->body_len += len;
	body[request->body_len] = '\0';
	return true;
}

static unsigned line_of(const char *text, const char *position)
{
	unsigned line = 1;

	for (; text < position; text++)
		line += *text == '\n';
	return line;
}

static bool parse_body(struct request *request)
{
	const struct route *route = request->route;
	const char *end = NULL;

	if (route->body == BODY_NONE || (route->body_optional && request->body_len == 0))
		return true;
	/* A zero in it ends it for the parser: nothing may follow the value but spaces. */
	request->json = request->body && strlen(request->body) == request->body_len && text_is_utf8(request->body)
				? cJSON_ParseWithOpts(request->body, &end, true)
				: NULL;
	if (cJSON_IsObject(request->json))
		return true;
	if (request->json)
		reply_problem(request, &(struct problem){.status = MHD_HTTP_UNPROCESSABLE_CONTENT,
							  .detail = "body: must be a JSON object: { ... }"});
	else if (request->body_len == 0)
		reply_refusal(request, MHD_HTTP_BAD_REQUEST, "body: is missing");
	else
		reply_refusal(request, MHD_HTTP_BAD_REQUEST, "body: line %u is not valid JSON",
			       end ? line_of(request->body, end) : 1);
	return false;
}

static void run(struct request *request)
{
	connection_allow(request->connection, 0);
	if (!parse_body(request))
		return;
	if (request->route->begin)
		request->route->begin(request);
	else
		request_operate(request);
}

static enum MHD_Result give_answer(struct request *request)
{
	enum MHD_Result result = MHD_NO;

	if (request->response && !request->gone) {
		connection_allow(request->connection, API_ANSWER_S);
		result = MHD_queue_response(request->mhd, request->status, request->response);
	}
	return result;
}

/* --- libmicrohttpd --- */

void *request_begin(void *owner, const char *target, struct MHD_Connection *mhd)
{
	struct api_connection *connection =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	struct request *request = calloc(1, sizeof(*request));

	(void)owner;
	if (!request)
		return NULL;
	*request = (struct request){
		.connection = connection,
		.mhd = mhd,
		.next = connection->api->requests,
		.target = strdup(target),
		.hangup.fd = -1,
	};
	connection->api->requests = request;
	connection_allow(connection, API_REQUEST_S);
	return request;
}

enum MHD_Result request_handle(void *owner, struct MHD_Connection *mhd, const char *url, const char *method,
			       const char *version, const char *data, size_t *size, void **context)
{
	struct request *request = *context;
	size_t len = *size;

	(void)owner, (void)mhd, (void)url, (void)version;
	if (!request || !request->target || request->gone)
		return MHD_NO;
	if (!request->headed) {
		request->headed = true;
		take_head(request, method);
		return MHD_YES;
	}
	*size = 0;
	if (len > 0)
		return take_body(request, data, len) ? MHD_YES : MHD_NO;
	if (!request->response)
		run(request);
	if (request->response || request->gone)
		return give_answer(request);
	request_suspend(request);
	return MHD_YES;
}

void request_end(void *owner, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct request *request = TAKE_PTR(*context);
	struct request **place;

	(void)owner, (void)mhd, (void)code;
	if (!request)
		return;
	for (place = &request->connection->api->requests; *place != request;)
		place = &(*place)->next;
	*place = request->next;
	if (request->called)
		call_close(&request->call);
	if (request->hangup.fd >= 0)
		loop_remove(request->connection->api->loop, &request->hangup);
	if (request->response)
		MHD_destroy_response(request->response);
	connection_allow(request->connection, API_IDLE_S);
	cJSON_Delete(request->json);
	free(request->body);
	free(request->target);
	free(request);
}
