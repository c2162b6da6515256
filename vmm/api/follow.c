#include "vmm/api/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "vmm/api/exchange.h"
#include "vmm/api/negotiate.h"

#define HEARTBEAT_NS 15000000000ULL
#define BLOCK        1024
#define EVENT_STREAM "text/event-stream"

struct follow {
	struct exchange *exchange;
	uint64_t last;    /* id of the event that was sent last */
	uint64_t said_ns; /* CLOCK_MONOTONIC, of the last byte */
	bool heartbeat;   /* one is due */
	char *text;       /* being sent, from `sent` on; NULL: nothing is */
	size_t sent, len;
};

static char *event_text(const struct event *event)
{
	cJSON *json = event_to_json(event);
	AUTO_FREE char *data = cJSON_PrintUnformatted(json);
	char *text = NULL;

	cJSON_Delete(json);
	if (!data || asprintf(&text, "id: %llu\nevent: %s\ndata: %s\n\n", (unsigned long long)event->id,
			      event->name, data) < 0)
		return NULL;
	return text;
}

static const struct events *events_of(const struct follow *follow)
{
	return follow->exchange->connection->api->manager->events;
}

/* Makes the next text; false: there is none, or no memory. */
static bool next_text(struct follow *follow)
{
	const struct events *events = events_of(follow);
	const struct event *event;

	free(TAKE_PTR(follow->text));
	follow->sent = follow->len = 0;
	if (follow->last > events->last) /* it counted in a former manager's life: ours is new to it */
		follow->last = 0;
	if (follow->last < events->last) {
		if (events->last - follow->last > EVENTS_MAX) /* no longer kept: on with the oldest that is */
			follow->last = events->last - EVENTS_MAX;
		event = events_get(events, ++follow->last);
		follow->text = event ? event_text(event) : NULL;
	} else if (follow->heartbeat) {
		follow->text = strdup(":\n\n");
	}
	follow->heartbeat = false;
	follow->len = follow->text ? strlen(follow->text) : 0;
	return follow->text != NULL;
}

/* libmicrohttpd can send something. */
static ssize_t read_some(void *owner, uint64_t position, char *buffer, size_t size)
{
	struct follow *follow = owner;
	size_t len;

	(void)position;
	/* Not as an error: libmicrohttpd 0.9.75 would close it, and keep its descriptor as long as an older
	 * connection is idle. Sending the end fails, and it is rid of. */
	if (follow->exchange->gone)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (follow->sent == follow->len && !next_text(follow)) {
		exchange_suspend(follow->exchange);
		return 0;
	}
	len = MIN(follow->len - follow->sent, size);
	memcpy(buffer, follow->text + follow->sent, len);
	follow->sent += len;
	follow->said_ns = monotonic_ns();
	return (ssize_t)len;
}

void follow_event(struct exchange *exchange)
{
	struct follow *follow = exchange->follow;

	if (!follow)
		return;
	if (exchange->suspended)
		exchange_resume(exchange);
	else if (events_of(follow)->last > follow->last + EVENTS_MAX)
		connection_shutdown(exchange->connection);
}

void follow_tick(struct api *api)
{
	uint64_t now = monotonic_ns();

	for (struct exchange *exchange = api->exchanges; exchange; exchange = exchange->next) {
		struct follow *follow = exchange->follow;

		if (!follow || !exchange->suspended || now - follow->said_ns < HEARTBEAT_NS)
			continue;
		follow->heartbeat = true;
		exchange_resume(exchange);
	}
}

void follow_free(struct follow *follow)
{
	if (follow)
		free(follow->text);
	free(follow);
}

/* --- The route --- */

/* Where it begins: the parameter, or the header that clients send who come again. false: it was answered. */
static bool read_since(struct exchange *exchange, uint64_t *since)
{
	const char *parameter = query_get(&exchange->query, "since");
	const char *header = exchange_header(exchange, "Last-Event-ID");
	const char *text = parameter ? parameter : header;

	*since = 0;
	if (!text)
		return true;
	if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 16) {
		reply_bad_parameter(exchange, parameter ? "since" : "Last-Event-ID",
				    "must be a whole number");
		return false;
	}
	*since = strtoull(text, NULL, 10);
	return true;
}

static cJSON *members(const struct exchange *exchange, uint64_t since, bool follow)
{
	cJSON *json = exchange_members(exchange);

	cJSON_AddNumberToObject(json, "since", (double)since);
	cJSON_AddBoolToObject(json, "follow", follow);
	return json;
}

static void begin_stream(struct exchange *exchange, uint64_t since)
{
	struct follow *follow = calloc(1, sizeof(*follow));

	if (!follow) {
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
		return;
	}
	*follow = (struct follow){.exchange = exchange, .last = since, .said_ns = monotonic_ns()};
	exchange->follow = follow;
	/* Only what is new wakes it: what is kept it reads first. */
	exchange_call(exchange, members(exchange, events_of(follow)->last, true));
	if (exchange->response)
		return;
	exchange->status = MHD_HTTP_OK;
	exchange->response = exchange->http->MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK,
									       read_some, follow, NULL);
	exchange->gone = !exchange->response;
	reply_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, EVENT_STREAM);
	reply_header(exchange, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
}

void follow_begin(struct exchange *exchange)
{
	static const char *const types[] = {"application/json", EVENT_STREAM, NULL};
	int type = negotiate(exchange_header(exchange, MHD_HTTP_HEADER_ACCEPT), types);
	uint64_t since;

	if (exchange_check_query(exchange) < 0 || !read_since(exchange, &since))
		return;
	if (type < 0)
		reply_refusal(exchange, MHD_HTTP_NOT_ACCEPTABLE,
			      "events are application/json or text/event-stream, neither of which you take");
	else if (type == 0)
		exchange_call(exchange, members(exchange, since, false));
	else
		begin_stream(exchange, since);
}
