#include "vmm/manager/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/printable.h"
#include "common/util.h"
#include "vmm/config/json_memory.h"
#include "vmm/manager/wait.h"

#define CONTROL_LINE_USUAL 4096

struct control_client {
	struct control *control;
	struct loop_source source;
	struct call call;
	bool channel; /* the virtio port: stays when its peer goes */
	bool deaf;    /* does not read its answers: asks no more */
	double id;    /* of the request that is being answered */
	char *unsent; /* what its socket did not take yet */
	size_t unsent_len;
	/* What it has said of a line that has not ended. */
	char *line;
	size_t size;
	size_t used;
};

/* --- Answers --- */

void control_client_close(struct control_client *client)
{
	struct loop *loop = client->control->manager->loop;

	loop_remove(loop, &client->source);
	call_close(&client->call);
	close(client->source.fd);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (client->control->clients[i] == client)
			client->control->clients[i] = NULL;
	}
	free(client->unsent);
	free(client->line);
	free(client);
}

static void client_drop(struct control_client *client)
{
	client->deaf = true;
	shutdown(client->source.fd, SHUT_RDWR); /* its end is read next, and closes it */
}

/* Keeps what the socket did not take, until it does. One answer may be long, as a command's output; those
 * behind it wait no longer than the limit says. */
static void client_keep(struct control_client *client, const char *text, size_t len)
{
	char *unsent = client->unsent_len > CONTROL_UNSENT_MAX
			       ? NULL
			       : realloc(client->unsent, client->unsent_len + len);

	if (!unsent) {
		client_drop(client);
		return;
	}
	memcpy(unsent + client->unsent_len, text, len);
	client->unsent = unsent;
	client->unsent_len += len;
	loop_modify(client->control->manager->loop, &client->source, EPOLLIN | EPOLLOUT);
}

static void client_flush(struct control_client *client)
{
	ssize_t wrote = write(client->source.fd, client->unsent, client->unsent_len);

	if (wrote <= 0)
		return; /* its end is read when there is one */
	client->unsent_len -= (size_t)wrote;
	memmove(client->unsent, client->unsent + wrote, client->unsent_len);
	if (client->unsent_len == 0)
		loop_modify(client->control->manager->loop, &client->source, EPOLLIN);
}

/* A client that does not read is waited for, and dropped when too much has piled up: it cannot stall the
 * manager. What the channel does not take is gone, as is its peer. */
static void client_write(struct control_client *client, const char *text, size_t len)
{
	ssize_t wrote = client->unsent_len ? 0 : write(client->source.fd, text, len);

	if (wrote < 0)
		wrote = 0;
	if ((size_t)wrote < len && !client->channel && !client->deaf)
		client_keep(client, text + wrote, len - (size_t)wrote);
}

/* In place of an answer that has lost a part. */
static void client_send_no_memory(struct control_client *client)
{
	char text[192];
	int len = snprintf(
		text, sizeof(text),
		"{\"id\":%.17g,\"ok\":false,\"code\":%d,\"error\":\"the manager is out of memory for its "
		"answer; rastos-vmm list shows what was done\"}\n",
		client->id, EXIT_FAILED);

	client_write(client, text, (size_t)len);
}

/* False: there is no memory for it, and nothing was sent. */
static bool client_send(struct control_client *client, cJSON *answer)
{
	char *text = cJSON_PrintUnformatted(answer);
	size_t len = text ? strlen(text) : 0;
	bool whole = !json_memory_missed() && text;

	if (whole) {
		text[len++] = '\n'; /* in place of its end */
		client_write(client, text, len);
	}
	free(text);
	cJSON_Delete(answer);
	return whole;
}

static struct control_client *client_of(struct call *call)
{
	return CONTAINER_OF(call, struct control_client, call);
}

static cJSON *answer_new(const struct control_client *client)
{
	cJSON *answer = cJSON_CreateObject();

	cJSON_AddNumberToObject(answer, "id", client->id);
	return answer;
}

static void answer_done(struct call *call, cJSON *result)
{
	struct control_client *client = client_of(call);
	cJSON *answer = answer_new(client);

	cJSON_AddTrueToObject(answer, "ok");
	if (result)
		cJSON_AddItemToObject(answer, "result", result);
	if (!client_send(client, answer))
		client_send_no_memory(client);
}

static void answer_failed(struct call *call, enum exit_code code, const char *text, cJSON *details)
{
	struct control_client *client = client_of(call);
	char sentence[sizeof(((struct error *)0)->text) + GUEST_WHY_MAX];
	cJSON *answer = answer_new(client);
	cJSON *detail;

	cJSON_AddFalseToObject(answer, "ok");
	cJSON_AddNumberToObject(answer, "code", code);
	snprintf(sentence, sizeof(sentence), "%s", text);
	text_make_printable(sentence, ""); /* it may name what the client said */
	cJSON_AddStringToObject(answer, "error", sentence);
	while (details && (detail = details->child)) {
		cJSON_DetachItemViaPointer(details, detail);
		cJSON_AddItemToObject(answer, detail->string, detail);
	}
	cJSON_Delete(details);
	if (!client_send(client, answer))
		client_send_no_memory(client);
}

static void answer_progress(struct call *call, const char *text)
{
	struct control_client *client = client_of(call);
	cJSON *answer = answer_new(client);

	cJSON_AddStringToObject(answer, "progress", text);
	client_send(client, answer); /* or the next */
}

static void answer_item(struct call *call, cJSON *json)
{
	struct control_client *client = client_of(call);
	cJSON *answer = answer_new(client);

	cJSON_AddItemToObject(answer, "item", json);
	if (client_send(client, answer))
		return;
	call_waited(call); /* who follows must miss nothing unawares */
	client_send_no_memory(client);
}

static int client_stream(struct call *call)
{
	struct control_client *client = client_of(call);

	return client->channel ? -1 : client->source.fd;
}

static void client_handed_over(struct call *call)
{
	control_client_close(client_of(call));
}

static const struct call_peer control_peer = {
	.done = answer_done,
	.failed = answer_failed,
	.progress = answer_progress,
	.item = answer_item,
	.stream = client_stream,
	.handed_over = client_handed_over,
};

/* --- Requests --- */

static void client_request(struct control_client *client, const cJSON *json)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "id");

	client->id = cJSON_IsNumber(id) ? id->valuedouble : 0;
	call_begin(&client->call, json);
}

/* One object and nothing behind it, or NULL. */
static cJSON *request_parse(const char *line, size_t len)
{
	const char *end = NULL;
	cJSON *json = cJSON_ParseWithLengthOpts(line, len, &end, false);

	while (json && end < line + len && strchr(" \t\r", *end))
		end++;
	if (cJSON_IsObject(json) && end == line + len)
		return json;
	cJSON_Delete(json);
	return NULL;
}

/* Handles the first whole line; false when there is none or the client is gone. */
static bool client_take_line(struct control *control, unsigned place)
{
	struct control_client *client = control->clients[place];
	char *end = memchr(client->line, '\n', client->used);
	size_t len;
	cJSON *json;

	if (!end || client->deaf)
		return false;
	len = (size_t)(end - client->line);
	json_memory_missed();
	json = request_parse(client->line, len);
	client->used -= len + 1;
	memmove(client->line, end + 1, client->used);
	if (json)
		client_request(client, json);
	else if (json_memory_missed())
		client_send_no_memory(client);
	else if (len > 0) /* an empty line flushes what a former peer of the channel left */
		answer_failed(&client->call, EXIT_USAGE, "a request is one JSON object on one line", NULL);
	cJSON_Delete(json);
	return control->clients[place] == client;
}

/* Room for more of its line; a line that gets none is forgotten. */
static void client_make_room(struct control_client *client)
{
	size_t size = MIN(2 * client->size, (size_t)CONTROL_LINE_MAX);
	char *line;

	if (client->used < client->size)
		return;
	line = size > client->size ? realloc(client->line, size) : NULL;
	if (line) {
		client->line = line;
		client->size = size;
		return;
	}
	client->used = 0;
	if (size > client->size)
		client_send_no_memory(client);
	else
		answer_failed(&client->call, EXIT_USAGE, "the request is too long", NULL);
}

/* Long lines are rare. */
static void client_give_room_back(struct control_client *client)
{
	char *line = client->used || client->size == CONTROL_LINE_USUAL
			     ? NULL
			     : realloc(client->line, CONTROL_LINE_USUAL);

	if (line) {
		client->line = line;
		client->size = CONTROL_LINE_USUAL;
	}
}

/* Reads once and handles what is whole; false when there was nothing, or the client is gone. */
static bool client_read(struct control_client *client)
{
	struct control *control = client->control;
	unsigned place = 0;
	ssize_t got = read(client->source.fd, client->line + client->used, client->size - client->used);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		if (!client->channel) /* of the channel only the peer went */
			control_client_close(client);
		return false;
	}
	client->used += (size_t)got;
	while (control->clients[place] != client)
		place++;
	while (client_take_line(control, place))
		;
	if (control->clients[place] != client)
		return false;
	client_give_room_back(client);
	client_make_room(client);
	return control->clients[place] == client;
}

static void client_ready(struct loop_source *source, uint32_t events)
{
	struct control_client *client = CONTAINER_OF(source, struct control_client, source);
	bool channel = client->channel;

	if (events & EPOLLOUT && client->unsent_len)
		client_flush(client);
	/* The channel's events are edges: read until there is nothing. It is never closed while the manager
	 * runs. */
	while (client_read(client) && channel)
		;
}

/* --- Its coming --- */

/* Takes fd over. It asked nothing yet: the answer is to whatever it asks. */
static void refuse_client(int fd, const char *why)
{
	char answer[192];
	int len = snprintf(answer, sizeof(answer), "{\"id\":0,\"ok\":false,\"code\":%d,\"error\":\"%s\"}\n",
			   EXIT_REFUSED, why);

	if (write(fd, answer, (size_t)len) < 0)
		log_debug("control: a client went before it was refused: %m");
	close(fd);
}

int control_client_add(struct control *control, int fd, bool channel)
{
	struct loop *loop = control->manager->loop;
	struct control_client *client = calloc(1, sizeof(*client));
	unsigned place = 0;
	int code;

	while (place < CONTROL_CLIENTS_MAX && control->clients[place])
		place++;
	if (client)
		client->line = malloc(CONTROL_LINE_USUAL);
	if (!client || !client->line || place == CONTROL_CLIENTS_MAX) {
		bool memory = client && client->line;

		refuse_client(fd, memory ? "the manager has as many clients as it can serve; try again when "
					   "one has gone"
					 : "the manager is out of memory for a client; try again later");
		if (client)
			free(client->line);
		free(client);
		return memory ? -EBUSY : -ENOMEM;
	}
	client->size = CONTROL_LINE_USUAL;
	client->control = control;
	client->channel = channel;
	/* The port reports a hang-up for as long as nobody is at the other end: only edges matter there. */
	client->source = (struct loop_source){
		.fd = fd,
		.events = channel ? EPOLLIN | EPOLLET : EPOLLIN,
		.ready = client_ready,
	};
	code = call_init(&client->call, &control->operations, &control_peer);
	if (code == 0) {
		code = loop_add(loop, &client->source);
		if (code < 0)
			call_close(&client->call);
	}
	if (code < 0) {
		close(fd);
		free(client->line);
		free(client);
		return code;
	}
	control->clients[place] = client;
	return 0;
}
