#include "vmm/api/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/printable.h"
#include "common/util.h"
#include "vmm/api/follow.h"
#include "vmm/api/guest_xml.h"
#include "vmm/api/half_closed.h"
#include "vmm/api/screenshot.h"
#include "vmm/api/stream.h"
#include "vmm/api/upload.h"

const char *exchange_header(const struct exchange *exchange, const char *name)
{
	return exchange->http->MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, name);
}

/* --- Waiting --- */

static void watch_hangup(struct exchange *exchange, uint32_t events);

static void hung_up(struct loop_source *source, uint32_t events)
{
	struct exchange *exchange = CONTAINER_OF(source, struct exchange, hangup);
	struct api_connection *connection = exchange->connection;

	loop_remove(connection->api->loop, source);
	source->fd = -1;
	if (!(events & (EPOLLHUP | EPOLLERR)) && connection->daemon == &connection->api->plain &&
	    half_closed_begin(connection) == 0) {
		connection->half_closed = true;
		watch_hangup(exchange, 0);
		return;
	}
	exchange->gone = true;
	exchange_resume(exchange);
}

static void watch_hangup(struct exchange *exchange, uint32_t events)
{
	const struct api_connection *connection = exchange->connection;

	exchange->hangup = (struct loop_source){.fd = connection->fd, .events = events, .ready = hung_up};
	if (loop_add(connection->api->loop, &exchange->hangup) < 0)
		exchange->hangup.fd = -1;
}

/* libmicrohttpd does not look at it meanwhile. */
void exchange_suspend(struct exchange *exchange)
{
	exchange->suspended = true;
	exchange->http->MHD_suspend_connection(exchange->mhd);
	/* What follows a body that is not all here yet is libmicrohttpd's to find out. */
	watch_hangup(exchange,
		     exchange->connection->half_closed || upload_goes_on(exchange) ? 0 : EPOLLRDHUP);
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

/* --- Its body --- */

static bool too_large(struct exchange *exchange, size_t len)
{
	return exchange->body_len + len > exchange->body_max;
}

/* *len: how many are left for later. False as below. */
static bool take_upload(struct exchange *exchange, const char *data, size_t *len)
{
	ssize_t taken = upload_take(exchange, data, *len);

	if (taken >= 0) {
		*len -= (size_t)taken;
		return true;
	}
	exchange->broken = true; /* its task has failed, and upload_end finds out why */
	exchange->body_len = *len;
	*len = 0;
	return true;
}

/* False: the client is not listened to any longer. */
static bool take_body(struct exchange *exchange, const char *data, size_t len)
{
	char *body;

	if (exchange->response || exchange->broken) { /* it is refused */
		exchange->body_len += len;
		return exchange->body_len <= API_DISCARDED_MAX;
	}
	if (too_large(exchange, len)) {
		exchange_too_large(exchange);
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
	if (exchange->upload) {
		upload_end(exchange);
		return;
	}
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
		exchange_admit(exchange, method, version);
		return exchange->at_once ? give_answer(exchange) : MHD_YES;
	}
	*size = 0;
	if (len > 0 && exchange->upload && !exchange->broken) {
		*size = len;
		return take_upload(exchange, data, size) ? MHD_YES : MHD_NO;
	}
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
	screenshot_close(exchange);
	upload_free(exchange->upload);
	guest_xml_free(exchange->xml);
	connection_allow(exchange->connection, exchange->connection->half_closed ? 1 : API_IDLE_S);
	cJSON_Delete(exchange->json);
	free(exchange->body);
	free(exchange->target);
	free(exchange);
}
