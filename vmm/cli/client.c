#include "vmm/cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"

static int connect_to(const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "socket %s: the path is too long", path);
	strcpy(address.sun_path, path);
	if (fd < 0)
		return error_set(err, -errno, "cannot make a socket: %m");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return TAKE_FD(fd);
	if (errno == ENOENT || errno == ECONNREFUSED)
		return error_set(err, -errno, "no manager listens at %s; `rastos-vmm up -d` starts it", path);
	return error_set(err, -errno, "socket %s: cannot connect: %m", path);
}

int client_connect(const struct cli *cli, struct client *client, struct error *err)
{
	AUTO_FREE char *path = NULL;
	struct settings settings;
	int code;

	*client = (struct client){.fd = -1};
	if (cli->connect) {
		client->fd = connect_to(cli->connect, err);
		return client->fd < 0 ? client->fd : 0;
	}
	code = settings_read(cli->config, &settings, err);
	if (code < 0)
		return code;
	path = settings_control_socket(&settings);
	settings_free(&settings);
	client->fd = path ? connect_to(path, err) : error_set(err, -ENOMEM, "out of memory");
	return client->fd < 0 ? client->fd : 0;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	free(client->buffer);
	client->buffer = NULL;
	client->used = client->room = 0;
}

void client_request_fill(struct client *client, cJSON *request, const char *op)
{
	uint32_t random = 0;

	/* The virtio port may still deliver answers to a former client: a random id tells ours from theirs.
	 */
	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (uint32_t)getpid();
	client->id = random;
	cJSON_AddNumberToObject(request, "id", client->id);
	cJSON_AddStringToObject(request, "op", op);
}

cJSON *client_request_new(struct client *client, const char *op)
{
	cJSON *request = cJSON_CreateObject();

	client_request_fill(client, request, op);
	return request;
}

int client_send(struct client *client, cJSON *request, struct error *err)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(request);
	AUTO_FREE char *line = NULL;
	int len = text ? asprintf(&line, "\n%s\n", text) : -1;
	size_t done = 0;

	cJSON_Delete(request);
	if (len < 0)
		return error_set(err, -ENOMEM, "out of memory");
	while (done < (size_t)len) {
		ssize_t wrote = send(client->fd, line + done, (size_t)len - done, MSG_NOSIGNAL);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EPIPE)
			return 0; /* why it hung up is read next, if it said so */
		if (wrote < 0)
			return error_set(err, -errno, "the manager does not listen: %m");
		done += (size_t)wrote;
	}
	return 0;
}

static int make_room(struct client *client, struct error *err)
{
	size_t room = client->room ? 2 * client->room : 4096;
	char *buffer;

	if (client->used < client->room)
		return 0;
	if (room > CLIENT_ANSWER_MAX)
		return error_set(err, -EPROTO, "the manager's answer is too long");
	buffer = realloc(client->buffer, room);
	if (!buffer)
		return error_set(err, -ENOMEM, "out of memory");
	client->buffer = buffer;
	client->room = room;
	return 0;
}

/* Takes what is there up to the end of the line, and nothing past it: what follows the answer to "console"
 * belongs to the console. 1: the line is whole. */
static int read_part(struct client *client, struct error *err)
{
	char *into;
	ssize_t got;
	char *end;
	int code = make_room(client, err);

	if (code < 0)
		return code;
	into = client->buffer + client->used;
	got = recv(client->fd, into, client->room - client->used, MSG_PEEK);
	if (got < 0 && errno == EINTR)
		return 0;
	if (got <= 0)
		return error_set(err, -EPIPE, "the manager hung up");
	end = memchr(into, '\n', (size_t)got);
	got = recv(client->fd, into, end ? (size_t)(end - into) + 1 : (size_t)got, 0);
	if (got > 0)
		client->used += (size_t)got;
	return end != NULL;
}

/* The next whole line as JSON (NULL when it is none), or a negative errno. */
static int read_line(struct client *client, int64_t deadline_ms, cJSON **json, struct error *err)
{
	int code = 0;

	client->used = 0;
	while (code == 0) {
		struct pollfd wait = {.fd = client->fd, .events = POLLIN};
		int64_t left = deadline_ms ? deadline_ms - (int64_t)monotonic_ms() : -1;

		if (deadline_ms && left <= 0)
			return error_set(err, -ETIMEDOUT, "the manager did not answer in time");
		if (poll(&wait, 1, (int)left) > 0)
			code = read_part(client, err);
	}
	if (code > 0)
		*json = cJSON_ParseWithLength(client->buffer, client->used - 1);
	return MIN(code, 0);
}

static enum exit_code take_answer(cJSON *json, cJSON **result, cJSON **answer, struct error *err)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, "code");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(json, "error");
	bool ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ok"));
	enum exit_code failed = cJSON_IsNumber(number) ? (enum exit_code)number->valuedouble : EXIT_FAILED;

	if (ok && result)
		*result = cJSON_DetachItemFromObjectCaseSensitive(json, "result");
	if (!ok)
		error_set(err, 0, "%s", cJSON_IsString(text) ? text->valuestring : "the manager failed");
	if (!ok && answer)
		*answer = json;
	else
		cJSON_Delete(json);
	return ok ? EXIT_DONE : failed;
}

/* What comes before the answer; false when this is the answer. */
static bool take_interim(struct client *client, const cJSON *json)
{
	const cJSON *progress = cJSON_GetObjectItemCaseSensitive(json, "progress");
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, "item");

	if (cJSON_IsString(progress))
		status_line_say(&client->line, progress->valuestring);
	else if (item && client->item)
		client->item(client->owner, item);
	return progress || item;
}

static void replace(cJSON **kept, cJSON *json)
{
	cJSON_Delete(*kept);
	*kept = json;
}

enum exit_code client_wait(struct client *client, unsigned timeout_s, cJSON **result, cJSON **answer,
			   struct error *err)
{
	int64_t deadline = timeout_s ? (int64_t)monotonic_ms() + (int64_t)timeout_s * 1000 : 0;
	enum exit_code ended = EXIT_FAILED;
	cJSON *refusal = NULL; /* of whatever is asked: counts when nothing comes after it */
	bool answered = false;
	int code = 0;

	if (result)
		*result = NULL;
	if (answer)
		*answer = NULL;
	while (code == 0 && !answered) {
		cJSON *json = NULL;
		const cJSON *id;

		code = read_line(client, deadline, &json, err);
		id = cJSON_GetObjectItemCaseSensitive(json, "id");
		answered = code == 0 && cJSON_IsNumber(id) && id->valuedouble == client->id &&
			   !take_interim(client, json);
		if (answered)
			ended = take_answer(json, result, answer, err);
		else if (cJSON_IsNumber(id) && id->valuedouble == 0)
			replace(&refusal, json);
		else
			cJSON_Delete(json);
	}
	if (code == -EPIPE && refusal)
		ended = take_answer(TAKE_PTR(refusal), result, answer, err);
	cJSON_Delete(refusal);
	status_line_clear(&client->line);
	return code == -ETIMEDOUT ? EXIT_TIMED_OUT : ended;
}

enum exit_code client_call(struct client *client, cJSON *request, unsigned timeout_s, cJSON **result,
			   cJSON **answer, struct error *err)
{
	if (result)
		*result = NULL;
	if (answer)
		*answer = NULL;
	if (client_send(client, request, err) < 0)
		return EXIT_FAILED;
	return client_wait(client, timeout_s, result, answer, err);
}

enum exit_code client_ask(const struct cli *cli, const char *op, const char *guest, const cJSON *members,
			  cJSON **result, struct error *err)
{
	struct client client;
	enum exit_code code = EXIT_FAILED;

	if (client_connect(cli, &client, err) == 0) {
		cJSON *request = members ? cJSON_Duplicate(members, true) : cJSON_CreateObject();

		client_request_fill(&client, request, op);
		if (guest)
			cJSON_AddStringToObject(request, "guest", guest);
		code = client_call(&client, request, 0, result, NULL, err);
	}
	client_close(&client);
	return code;
}

enum exit_code client_do(const struct cli *cli, const char *op, const char *guest, cJSON **result)
{
	struct error err = {0};
	enum exit_code code = client_ask(cli, op, guest, NULL, result, &err);

	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}
