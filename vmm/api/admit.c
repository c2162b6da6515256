/* Whether a request is let in: by its first line and headers, before its body. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/util.h"
#include "vmm/api/etag.h"
#include "vmm/api/exchange.h"
#include "vmm/api/negotiate.h"
#include "vmm/api/upload.h"

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

void exchange_too_large(struct exchange *exchange)
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
	exchange_too_large(exchange);
	exchange->at_once = size > API_DISCARDED_MAX || exchange_header(exchange, MHD_HTTP_HEADER_EXPECT);
	return false;
}

static const char *or_else(const struct route *route)
{
	return route->body == BODY_GUEST ? " or application/xml"
	       : route->takes_bytes      ? " or " UPLOAD_TYPE
					 : "";
}

static bool check_body(struct exchange *exchange)
{
	const struct route *route = exchange->route;
	const char *type = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *wanted = body_types[route->body];

	exchange->body_max = route->body == BODY_GUEST || route->body == BODY_PATCH || route->body_large
				     ? API_DEFINITION_MAX
				     : API_BODY_MAX;
	if (!has_body(exchange))
		return true;
	if (!wanted) {
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST, "%s %s takes no body", route->method,
			      route->path);
		return false;
	}
	if (type && route->takes_bytes && media_type_is(type, UPLOAD_TYPE)) {
		upload_begin(exchange);
		return !exchange->response;
	}
	exchange->is_xml = type && route->body == BODY_GUEST && media_type_is(type, "application/xml");
	if (type && !exchange->is_xml && !media_type_is(type, wanted)) {
		reply_refusal(exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "the body must be %s%s, not %.64s",
			      wanted, or_else(route), type);
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
	struct error err = {0};
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

/* How often those headers are there that say where a request ends and whom it is for. */
struct framing {
	unsigned hosts, lengths, codings;
};

static enum MHD_Result count_header(void *owner, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct framing *framing = owner;

	(void)kind, (void)value;
	framing->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
	framing->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
	framing->codings += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
	return MHD_YES;
}

/* RFC 9112, 3.2, 6.1 and 6.3. What another reader in between could take apart in another way is refused, and
 * nothing behind it is read. */
static bool check_framing(struct exchange *exchange, const char *version)
{
	const char *coding = exchange_header(exchange, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	struct framing framing = {0};

	exchange->http->MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, count_header, &framing);
	if (framing.hosts > 1 || framing.lengths > 1 || framing.codings > 1)
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST, "%s: is there more than once",
			      framing.hosts > 1     ? "Host"
			      : framing.lengths > 1 ? "Content-Length"
						    : "Transfer-Encoding");
	else if (coding && (framing.lengths || strcasecmp(coding, "chunked") != 0))
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST,
			      "Transfer-Encoding: must be chunked, without a Content-Length beside it");
	else if (strcmp(version, "HTTP/1.0") != 0 && !framing.hosts)
		reply_refusal(exchange, MHD_HTTP_BAD_REQUEST, "Host: is missing");
	else
		return true;
	reply_header(exchange, MHD_HTTP_HEADER_CONNECTION, "close");
	exchange->at_once = true;
	return false;
}

/* What cannot be read as a condition must not count as none. */
static bool check_tags(struct exchange *exchange, const char *header)
{
	const char *list = exchange_header(exchange, header);

	if (!list || etag_list_valid(list))
		return true;
	reply_refusal(exchange, MHD_HTTP_BAD_REQUEST,
		      "%s: must be * or entity tags in quotes, as ETag has them", header);
	return false;
}

void exchange_admit(struct exchange *exchange, const char *method, const char *version)
{
	if (check_framing(exchange, version) && check_rate(exchange) && check_identity(exchange) &&
	    find_route(exchange, method) && check_role(exchange) &&
	    check_tags(exchange, MHD_HTTP_HEADER_IF_MATCH) &&
	    check_tags(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH))
		check_body(exchange);
}
