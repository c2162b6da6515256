#include "vmm/api/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/printable.h"
#include "common/util.h"
#include "vmm/api/follow.h"
#include "vmm/api/guest_xml.h"
#include "vmm/api/negotiate.h"
#include "vmm/api/stream.h"

#define DISCARDED_MAX                                                                                        \
	(4U << 20) /* of a body that is too large; then its client is not listened to any longer */

const char *exchange_header(const struct exchange *exchange, const char *name)
{
	return exchange->http->MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, name);
}

/* --- Waiting --- */

static void hung_up(struct loop_source *source, uint32_t events)
{
	struct exchange *exchange = CONTAINER_OF(source, struct exchange, hangup);

	(void)events;
	exchange->gone = true;
	exchange_resume(exchange);
}

/* libmicrohttpd does not look at it meanwhile. Over TCP a client that is gone for good cannot be told from
 * one that only says no more: both are taken for gone, as other servers do. */
void exchange_suspend(struct exchange *exchange)
{
	const struct api_connection *connection = exchange->connection;

	exchange->suspended = true;
	exchange->http->MHD_suspend_connection(exchange->mhd);
	exchange->hangup = (struct loop_source){
		.fd = connection->fd, .events = connection->local ? 0 : EPOLLRDHUP, .ready = hung_up};
	if (loop_add(connection->api->loop, &exchange->hangup) < 0)
		exchange->hangup.fd = -1;
}

void exchange_resume(struct exchange *exchange)
{
	if (exchange->hangup.fd >= 0)
		loop_remove(exchange->connection->api->loop, &exchange->hangup);
	exchange->hangup.fd = -1;
	exchange->suspended = false;
	exchange->http->MHD_resume_connection(exchange->mhd);
	server_kick(exchange->connection->daemon);
}

void exchanges_abandon(struct api *api)
{
	for (struct exchange *exchange = api->exchanges; exchange; exchange = exchange->next) {
		exchange->gone = true;
		if (exchange->suspended)
			exchange_resume(exchange);
	}
}

/* --- What it asks for --- */

static const char *const body_types[BODY_COUNT] = {
	[BODY_MEMBERS] = "application/json",
	[BODY_DEFINITION] = "application/json",
	[BODY_GUEST] = "application/json",
	[BODY_PATCH] = "application/merge-patch+json",
};

/* Whether a body follows: RFC 9112, 6. */
static bool has_body(const struct exchange *exchange)
{
	const char *length = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return exchange_header(exchange, MHD_HTTP_HEADER_TRANSFER_ENCODING) ||
	       (length && strcmp(length, "0") != 0);
}

static void reply_too_large(struct exchange *exchange)
{
	reply_refusal(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than %zu bytes",
		      exchange->body_max);
}

/* Many clients listen to an answer only when they have sent all: what is a little too large is thrown away
 * before. */
static bool check_length(struct exchange *exchange)
{
	const char *length = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long size = length ? strtoull(length, NULL, 10) : 0;

	if (size <= exchange->body_max)
		return true;
	reply_too_large(exchange);
	exchange->at_once = size > DISCARDED_MAX || exchange_header(exchange, MHD_HTTP_HEADER_EXPECT);
	return false;
}

static bool check_body(struct exchange *exchange)
{
	const struct route *route = exchange->route;
	const char *type = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *wanted = body_types[route->body];

	exchange->body_max =
		route->body == BODY_GUEST || route->body == BODY_PATCH ? API_DEFINITION_MAX : API_BODY_MAX;
	if (!has_body(exchange))
		return true;
	if (!wanted) {
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST, "%s %s takes no body", route->method,
			      route->path);
		return false;
	}
	exchange->is_xml = type && route->body == BODY_GUEST && media_type_is(type, "application/xml");
	if (type && !exchange->is_xml && !media_type_is(type, wanted)) {
		reply_refusal(exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "the body must be %s%s, not %.64s",
			      wanted, route->body == BODY_GUEST ? " or application/xml" : "", type);
		reply_header(exchange, MHD_HTTP_HEADER_ACCEPT, wanted);
		return false;
	}
	return check_length(exchange);
}

static enum api_role role_of(struct exchange *exchange)
{
	struct api_connection *connection = exchange->connection;
	const struct access_rules *access = &connection->api->access;
	const union MHD_ConnectionInfo *info = NULL;

	if (!connection->local && !connection->looked_at && connection->daemon == &connection->api->tls)
		info = exchange->http->MHD_get_connection_info(exchange->mhd,
							       MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info) /* that is the connection's */
		connection->role = access_of_certificate(access, exchange->http, info->tls_session);
	connection->looked_at = true;
	if (connection->role != ROLE_NONE || connection->local)
		return connection->role;
	return access_of_token(access, exchange_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION));
}

static bool check_identity(struct exchange *exchange)
{
	exchange->role = role_of(exchange);
	if (exchange->role != ROLE_NONE || exchange->connection->local)
		return true;
	reply_refusal(exchange, MHD_HTTP_UNAUTHORIZED,
		      exchange_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION)
			      ? "who asks? this token is not known"
			      : "who asks? a token or a client certificate is missing");
	reply_header(exchange, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	return false;
}

static bool check_role(struct exchange *exchange)
{
	enum api_role needed = exchange->route->role;

	if (exchange->role >= needed)
		return true;
	reply_refusal(exchange, MHD_HTTP_FORBIDDEN, "this needs the role %s, and yours is %s",
		      api_role_name(needed), api_role_name(exchange->role));
	return false;
}

static bool find_route(struct exchange *exchange, const char *method)
{
	char allow[ROUTE_ALLOW_MAX];
	struct error err = {""};
	int code = target_parse(exchange->target, &exchange->path, &exchange->query, &err);

	if (code < 0) {
		reply_problem(exchange, &(struct problem){.status = MHD_HTTP_BAD_REQUEST,
							  .detail = err.text,
							  .parameter = exchange->query.wrong});
		return false;
	}
	exchange->route = route_find(method, &exchange->path, allow, &err);
	if (exchange->route)
		return true;
	if (!*allow) {
		reply_refusal(exchange, MHD_HTTP_NOT_FOUND, "%s", err.text);
		return false;
	}
	if (strcmp(method, "OPTIONS") == 0)
		reply_text(exchange, MHD_HTTP_NO_CONTENT, NULL, NULL, 0);
	else
		reply_refusal(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, "%s", err.text);
	reply_header(exchange, MHD_HTTP_HEADER_ALLOW, allow);
	return false;
}

static bool check_rate(struct exchange *exchange)
{
	struct api_connection *connection = exchange->connection;
	unsigned wait_s = peer_request(&connection->api->peers, connection->peer, monotonic_ns());
	char text[16];

	if (wait_s == 0)
		return true;
	snprintf(text, sizeof(text), "%u", wait_s);
	reply_refusal(exchange, MHD_HTTP_TOO_MANY_REQUESTS, "too many requests: try again in %u s", wait_s);
	reply_header(exchange, MHD_HTTP_HEADER_RETRY_AFTER, text);
	return false;
}

/* RFC 9112, 3.2 and 6.1. What another reader in between could take apart in another way is refused, and
 * nothing behind it is read. */
static bool check_framing(struct exchange *exchange, const char *version)
{
	const char *coding = exchange_header(exchange, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	const char *length = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (coding && (length || strcasecmp(coding, "chunked") != 0))
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST,
			      "Transfer-Encoding: must be chunked, without a Content-Length beside it");
	else if (strcmp(version, "HTTP/1.0") != 0 && !exchange_header(exchange, MHD_HTTP_HEADER_HOST))
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST, "Host: is missing");
	else
		return true;
	reply_header(exchange, MHD_HTTP_HEADER_CONNECTION, "close");
	exchange->at_once = true;
	return false;
}

/* Its headers are there. What is refused by now is answered when its body was thrown away. */
static void take_head(struct exchange *exchange, const char *method, const char *version)
{
	if (check_framing(exchange, version) && check_rate(exchange) && check_identity(exchange) &&
	    find_route(exchange, method) && check_role(exchange))
		check_body(exchange);
}

/* --- Its body --- */

static bool too_large(struct exchange *exchange, size_t len)
{
	return exchange->body_len + len > exchange->body_max;
}

/* False: the client is not listened to any longer. */
static bool take_body(struct exchange *exchange, const char *data, size_t len)
{
	char *body;

	if (exchange->response) { /* it is refused */
		exchange->body_len += len;
		return exchange->body_len <= DISCARDED_MAX;
	}
	if (too_large(exchange, len)) {
		reply_too_large(exchange);
		return take_body(exchange, data, len);
	}
	body = realloc(exchange->body, exchange->body_len + len + 1);
	if (!body)
		return false;
	memcpy(body + exchange->body_len, data, len);
	exchange->body = body;
	exchange->body_len += len;
	body[exchange->body_len] = '\0';
	return true;
}

static unsigned line_of(const char *text, const char *position)
{
	unsigned line = 1;

	for (; text < position; text++)
		line += *text == '\n';
	return line;
}

static bool parse_body(struct exchange *exchange)
{
	const struct route *route = exchange->route;
	const char *end = NULL;

	if (route->body == BODY_NONE || exchange->is_xml || (route->body_optional && exchange->body_len == 0))
		return true;
	/* A zero in it ends it for the parser: nothing may follow the value but spaces. */
	exchange->json =
		exchange->body && strlen(exchange->body) == exchange->body_len && text_is_utf8(exchange->body)
			? cJSON_ParseWithOpts(exchange->body, &end, true)
			: NULL;
	if (cJSON_IsObject(exchange->json))
		return true;
	if (exchange->json)
		reply_problem(exchange, &(struct problem){.status = MHD_HTTP_UNPROCESSABLE_CONTENT,
							  .detail = "body: must be a JSON object: { ... }"});
	else if (exchange->body_len == 0)
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST, "body: is missing");
	else
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST, "body: line %u is not valid JSON",
			      end ? line_of(exchange->body, end) : 1);
	return false;
}

static void run(struct exchange *exchange)
{
	connection_allow(exchange->connection, 0);
	if (!parse_body(exchange))
		return;
	if (exchange->route->begin)
		exchange->route->begin(exchange);
	else
		exchange_operate(exchange);
}

static enum MHD_Result give_answer(struct exchange *exchange)
{
	enum MHD_Result result = MHD_NO;

	if (exchange->response && !exchange->gone) {
		connection_allow(exchange->connection,
				 exchange->follow || exchange->stream ? 0 : API_ANSWER_S);
		result = exchange->http->MHD_queue_response(exchange->mhd, exchange->status,
							    exchange->response);
		exchange->http->MHD_destroy_response(
			TAKE_PTR(exchange->response)); /* now it is libmicrohttpd's alone */
	}
	return result;
}

/* --- libmicrohttpd --- */

void *exchange_begin(void *owner, const char *target, struct MHD_Connection *mhd)
{
	const struct http_library *http = owner;
	struct api_connection *connection =
		http->MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	*exchange = (struct exchange){
		.connection = connection,
		.http = http,
		.mhd = mhd,
		.next = connection->api->exchanges,
		.target = strdup(target),
		.hangup.fd = -1,
	};
	connection->api->exchanges = exchange;
	connection_allow(connection, API_REQUEST_S);
	return exchange;
}

enum MHD_Result exchange_handle(void *owner, struct MHD_Connection *mhd, const char *url, const char *method,
				const char *version, const char *data, size_t *size, void **context)
{
	struct exchange *exchange = *context;
	size_t len = *size;

	(void)owner, (void)mhd, (void)url;
	if (!exchange || !exchange->target || exchange->gone)
		return MHD_NO;
	if (!exchange->headed) {
		exchange->headed = true;
		take_head(exchange, method, version);
		return exchange->at_once ? give_answer(exchange) : MHD_YES;
	}
	*size = 0;
	if (len > 0)
		return take_body(exchange, data, len) ? MHD_YES : MHD_NO;
	if (!exchange->response)
		run(exchange);
	if (exchange->response || exchange->gone)
		return give_answer(exchange);
	exchange_suspend(exchange);
	return MHD_YES;
}

void exchange_end(void *owner, struct MHD_Connection *mhd, void **context,
		  enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = TAKE_PTR(*context);
	struct exchange **place;

	(void)owner, (void)mhd, (void)code;
	if (!exchange)
		return;
	for (place = &exchange->connection->api->exchanges; *place != exchange;)
		place = &(*place)->next;
	*place = exchange->next;
	if (exchange->called)
		call_close(&exchange->call);
	if (exchange->hangup.fd >= 0)
		loop_remove(exchange->connection->api->loop, &exchange->hangup);
	if (exchange->response)
		exchange->http->MHD_destroy_response(exchange->response);
	follow_free(exchange->follow);
	stream_free(exchange->stream);
	guest_xml_free(exchange->xml);
	connection_allow(exchange->connection, API_IDLE_S);
	cJSON_Delete(exchange->json);
	free(exchange->body);
	free(exchange->target);
	free(exchange);
}
