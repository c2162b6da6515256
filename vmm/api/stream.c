#include "vmm/api/stream.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/exec_wire.h"
#include "common/util.h"
#include "vmm/api/exchange.h"
#include "vmm/api/relay.h"

#define PROTOCOL "rastos-stream"

struct stream {
	struct exchange *exchange;
	cJSON *members;
	int socket; /* what the guest's process gets; -1: the client is not told yet */
	int pair;   /* our end of what it gets, when bytes are carried; -1: they are not */
	struct relay *relay;
	struct MHD_UpgradeResponseHandle *upgrade;
};

/* Whether a list in a header has the word: RFC 9110, 5.6.1. */
static bool header_has(const struct exchange *exchange, const char *header, const char *word)
{
	const char *rest = exchange_header(exchange, header);
	size_t len = strlen(word);

	while (rest && *rest) {
		rest += strspn(rest, " \t,");
		if (strncasecmp(rest, word, len) == 0 && strchr(" \t,", rest[len]))
			return true;
		rest += strcspn(rest, ",");
	}
	return false;
}

static void close_upgrade(struct stream *stream)
{
	const struct exchange *exchange = stream->exchange;

	if (!stream->upgrade)
		return;
	exchange->http->MHD_upgrade_action(TAKE_PTR(stream->upgrade), MHD_UPGRADE_ACTION_CLOSE);
	server_kick(exchange->connection->daemon);
}

static void relay_over(void *owner)
{
	struct stream *stream = owner;

	relay_close(TAKE_PTR(stream->relay));
	close_upgrade(stream);
}

/* The guest's process gets one end of a pair; we carry between the other and the client. */
static bool carry(struct stream *stream, int client, const char *first, size_t len)
{
	struct loop *loop = stream->exchange->connection->api->loop;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return false;
	stream->pair = ends[0];
	stream->socket = ends[1];
	stream->relay = relay_open(loop, client, ends[0], first, len, relay_over, stream);
	return stream->relay != NULL;
}

/* The client was told 101, and is ours. What may have changed since it was promised ends the stream. */
static void upgraded(void *owner, struct MHD_Connection *mhd, void *context, const char *first, size_t len,
		     MHD_socket client, struct MHD_UpgradeResponseHandle *upgrade)
{
	struct stream *stream = owner;
	struct exchange *exchange = stream->exchange;
	bool carried = len > 0 || exchange->connection->daemon == &exchange->connection->api->tls;
	bool well = true;

	(void)mhd, (void)context;
	stream->upgrade = upgrade;
	fcntl(client, F_SETFD, FD_CLOEXEC); /* libmicrohttpd's own, over TLS, is not */
	if (carried)
		well = carry(stream, client, first, len);
	else
		stream->socket = client;
	if (well)
		exchange_call(exchange, TAKE_PTR(stream->members));
	if (carried)
		cleanup_close(&stream->socket); /* the guest's process has it now, if all went well */
	stream->socket = -1;
	if (exchange->response) /* it was refused */
		relay_close(TAKE_PTR(stream->relay));
	if (!stream->relay)
		close_upgrade(stream);
}

int stream_socket(struct exchange *exchange)
{
	if (!exchange->stream)
		return -1;
	return exchange->stream->socket < 0 ? CALL_STREAM_LATER : exchange->stream->socket;
}

void stream_over(struct exchange *exchange)
{
	(void)exchange; /* upgraded() goes on */
}

/* Whether the client wants it, which is looked at last: what is not there cannot be upgraded to. */
static bool is_upgrade(struct exchange *exchange)
{
	if (header_has(exchange, MHD_HTTP_HEADER_CONNECTION, "upgrade") &&
	    header_has(exchange, MHD_HTTP_HEADER_UPGRADE, PROTOCOL))
		return true;
	stream_free(TAKE_PTR(exchange->stream));
	reply_refusal(exchange, MHD_HTTP_UPGRADE_REQUIRED,
		      "this is a stream: ask with Connection: Upgrade and Upgrade: " PROTOCOL);
	reply_header(exchange, MHD_HTTP_HEADER_UPGRADE, PROTOCOL);
	return false;
}

/* The operation would do it, or has begun to. */
static void finish(struct exchange *exchange, cJSON *result)
{
	cJSON_Delete(result);
	if (exchange->stream->upgrade || !is_upgrade(exchange))
		return;
	exchange->status = MHD_HTTP_SWITCHING_PROTOCOLS;
	exchange->response = exchange->http->MHD_create_response_for_upgrade(upgraded, exchange->stream);
	exchange->gone = !exchange->response;
	reply_header(exchange, MHD_HTTP_HEADER_UPGRADE, PROTOCOL);
}

/* members is taken over. */
static void begin(struct exchange *exchange, cJSON *members)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		cJSON_Delete(members);
		reply_refusal(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
		return;
	}
	*stream = (struct stream){.exchange = exchange, .members = members, .socket = -1, .pair = -1};
	exchange->stream = stream;
	exchange->finish = finish;
	exchange_call(exchange, cJSON_Duplicate(members, true));
}

void stream_begin(struct exchange *exchange)
{
	const char *port = route_variable(exchange->route, &exchange->path, "port");
	cJSON *number = port ? number_parse(port) : NULL;
	cJSON *members;

	if (port && !number) {
		reply_bad_parameter(exchange, "port", "must be a number from 0 to 4294967294");
	} else if (exchange_check_query(exchange) == 0) {
		members = exchange_members(exchange);
		if (number)
			cJSON_AddItemToObject(members, "port", TAKE_PTR(number));
		begin(exchange, members);
	}
	cJSON_Delete(number);
}

void stream_begin_exec(struct exchange *exchange)
{
	cJSON *members;

	if (exchange_check_query(exchange) < 0)
		return;
	members = exchange_members(exchange);
	cJSON_AddNumberToObject(members, "port", EXEC_PORT);
	begin(exchange, members);
}

void stream_free(struct stream *stream)
{
	if (!stream)
		return;
	relay_close(stream->relay);
	cleanup_close(&stream->pair);
	cJSON_Delete(stream->members);
	free(stream);
}
