#include "vmm/cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

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
		return error_set(err, -errno, "no manager listens at %s; `rastos-vmm up` starts it", path);
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
}

cJSON *client_request_new(struct client *client, const char *op)
{
	cJSON *request = cJSON_CreateObject();
	uint32_t random = 0;

	/* The virtio port may still deliver answers to a former client: a random id tells ours from theirs.
	 */
	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (uint32_t)getpid();
	client->id = random;
	cJSON_AddNumberToObject(request, "id", client->id);
	cJSON_AddStringToObject(request, "op", op);
	return request;
}

static int send_request(struct client *client, cJSON *request, struct error *err)
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
		if (wrote < 0)
			return error_set(err, -errno, "the manager does not listen: %m");
		done += (size_t)wrote;
	}
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The next whole line as JSON (NULL when it is none), or a negative errno. It is read byte by byte, so that
 * nothing past it is taken: what follows the answer to "console" belongs to the console. */
static int read_line(struct client *client, int64_t deadline_ms, cJSON **json, struct error *err)
{
	client->used = 0;
	while (client->used < sizeof(client->buffer)) {
		struct pollfd wait = {.fd = client->fd, .events = POLLIN};
		int64_t left = deadline_ms ? deadline_ms - now_ms() : -1;
		ssize_t got;

		if (deadline_ms && left <= 0)
			return error_set(err, -ETIMEDOUT, "the manager did not answer in time");
		if (poll(&wait, 1, (int)left) <= 0)
			continue;
		got = read(client->fd, client->buffer + client->used, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_set(err, -EPIPE, "the manager hung up");
		if (client->buffer[client->used++] == '\n') {
			*json = cJSON_ParseWithLength(client->buffer, client->used - 1);
			return 0;
		}
	}
	return error_set(err, -EPROTO, "the manager's answer is too long");
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

enum exit_code client_call(struct client *client, cJSON *request, unsigned timeout_s, cJSON **result,
			   cJSON **answer, struct error *err)
{
	int64_t deadline = timeout_s ? now_ms() + (int64_t)timeout_s * 1000 : 0;
	int code = send_request(client, request, err);

	if (result)
		*result = NULL;
	if (answer)
		*answer = NULL;
	while (code == 0) {
		cJSON *json = NULL;
		const cJSON *id;

		code = read_line(client, deadline, &json, err);
		id = cJSON_GetObjectItemCaseSensitive(json, "id");
		if (code == 0 && cJSON_IsNumber(id) && id->valuedouble == client->id)
			return take_answer(json, result, answer, err);
		cJSON_Delete(json);
	}
	return code == -ETIMEDOUT ? EXIT_TIMED_OUT : EXIT_FAILED;
}

enum exit_code client_do(const struct cli *cli, const char *op, const char *guest, cJSON **result)
{
	struct client client;
	struct error err = {""};
	enum exit_code code = EXIT_FAILED;
	cJSON *request;

	if (client_connect(cli, &client, &err) == 0) {
		request = client_request_new(&client, op);
		if (guest)
			cJSON_AddStringToObject(request, "guest", guest);
		code = client_call(&client, request, 0, result, NULL, &err);
	}
	client_close(&client);
	return code == EXIT_DONE ? code : cli_fail(code, "%s", err.text);
}
