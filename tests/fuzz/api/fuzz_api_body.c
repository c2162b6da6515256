/*
 * Requests over the real socket: the first byte chooses a method and a path, the first line after it is the
 * value of a few headers, the rest is the body. Each is answered with one status that the document has, in
 * JSON that is whole, and the next request is served.
 *
 * The manager has folders that are the process's own, and no request that would start anything.
 */
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../vmm/manager_folder.h"
#include "vmm/api/api.h"
#include "vmm/manager/control.h"

#define TURNS_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop loop;
static struct settings settings;
static struct manager manager;
static struct control *control;
static struct api *api;

static const struct {
	const char *method, *target, *header, *type;
} requests[] = {
	{"PUT", "/v1/guests/web", "If-Match", "application/json"},
	{"PUT", "/v1/guests/new", "If-None-Match", "application/json"},
	{"PATCH", "/v1/guests/web", "If-Match", "application/merge-patch+json"},
	{"DELETE", "/v1/guests/new", "If-Match", NULL},
	{"GET", "/v1/guests/web", "Accept", NULL},
	{"GET", "/v1/events", "Last-Event-ID", NULL},
	{"PUT", "/v1/mode", "Content-Type", NULL},
	{"GET", "/v1/schemas/guest", "Accept-Encoding", NULL},
	{"PATCH", "/v1/disks/none", "Accept", "application/merge-patch+json"},
	{"GET", "/v1/guests/web/console", "Upgrade", NULL},
};

static void down(void *owner, bool poweroff)
{
	(void)owner;
	(void)poweroff;
}

static void open_manager(void)
{
	struct error err = {0};
	const char *path = manager_folder_make(",\"api\":{\"requests_per_second\":1000000}");

	if (settings_read(path, &settings, &err) < 0 || loop_init(&loop) < 0 ||
	    manager_open(&manager, &settings, "server", &loop, &err) < 0 ||
	    control_open(&manager, down, NULL, &control, &err) < 0 ||
	    api_open(control_operations(control), &api, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

/* The whole answer, until the manager hangs up, as it is told to. */
static size_t exchange(const char *text, size_t len, char *answer, size_t room)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	size_t used = 0, sent = 0;
	ssize_t got = -1;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.sock", manager_folder());
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	for (unsigned i = 0; i < TURNS_MAX && got != 0; i++) {
		ssize_t some = sent < len ? send(fd, text + sent, len - sent, MSG_NOSIGNAL) : 0;

		sent += some > 0 ? (size_t)some : 0;
		loop_step(&loop, i > 20);
		got = recv(fd, answer + used, room - 1 - used, 0);
		used += got > 0 ? (size_t)got : 0;
		if (got < 0 && strstr(answer, "text/event-stream"))
			break; /* that one has no end */
		answer[used] = '\0';
	}
	close(fd);
	loop_step(&loop, 0);
	return used;
}

static void check(const char *answer)
{
	unsigned status = 0;
	const char *body = strstr(answer, "\r\n\r\n");
	cJSON *json;

	/* 503: there is no rastos-domain-xml beside a fuzzer. */
	if (sscanf(answer, "HTTP/1.1 %u", &status) != 1 || status < 100 ||
	    (status >= 500 && status != 503) || !body)
		abort();
	if (!strstr(answer, "+json\r\n") && !strstr(answer, "application/json\r\n"))
		return;
	json = strstr(answer, "\r\nContent-Encoding: gzip\r\n") ? cJSON_CreateNull() : cJSON_Parse(body + 4);
	if (!json || (status >= 400 && !cJSON_HasObjectItem(json, "detail")))
		abort();
	cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[1 << 20];
	static bool opened;
	const uint8_t *line_end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
	size_t header_len = line_end ? (size_t)(line_end - data) - 1 : 0;
	size_t body_len = line_end ? size - header_len - 2 : 0;
	unsigned which = size ? data[0] % (sizeof(requests) / sizeof(*requests)) : 0;
	char *text = malloc(size + 512);
	int len;

	if (!opened)
		open_manager();
	opened = true;
	answer[0] = '\0';
	len = sprintf(text, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", requests[which].method,
		      requests[which].target);
	if (requests[which].type)
		len += sprintf(text + len, "Content-Type: %s\r\n", requests[which].type);
	/* A header ends with its line, and is text. */
	if (header_len && !memchr(data + 1, '\r', header_len) && !memchr(data + 1, '\0', header_len))
		len += sprintf(text + len, "%s: %.*s\r\n", requests[which].header, (int)header_len,
			       (const char *)data + 1);
	len += sprintf(text + len, "Content-Length: %zu\r\n\r\n", body_len);
	if (body_len)
		memcpy(text + len, line_end + 1, body_len);
	if (header_len < 8000 && exchange(text, (size_t)len + body_len, answer, sizeof(answer)) > 0)
		check(answer);
	else if (header_len < 8000)
		abort(); /* no answer */
	free(text);
	return 0;
}
