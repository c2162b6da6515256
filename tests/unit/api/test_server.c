/* HTTP over the real socket, with the manager's loop turned by the test; no guest is started. */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../vmm/scratch.h"
#include "common/clock.h"
#include "vmm/api/api.h"
#include "vmm/api/server.h"
#include "vmm/manager/control.h"

static struct loop loop;
static struct settings settings;
static struct manager manager;
static struct control *control;
static struct api *api;
static struct error err;

static void down(void *owner, bool poweroff)
{
	(void)owner;
	(void)poweroff;
}

static void open_with(const char *more)
{
	char text[512];

	scratch_make();
	snprintf(text, sizeof(text), "%s/guests", scratch);
	mkdir(text, 0700);
	scratch_file("guests/web.json", "{\"name\":\"web\",\"image\":\"/web.itb\",\"memory_mib\":16}");
	scratch_file("mode", RASTOS_SERVER ? "server" : "desktop"); /* one that this build has */
	snprintf(text, sizeof(text),
		 "{\"guests_dir\":\"guests\",\"runtime_dir\":\".\",\"mode_file\":\"mode\"%s}", more);
	cr_assert_eq(settings_read(scratch_file("vmm.json", text), &settings, &err), 0, "%s", err.text);
	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_eq(manager_open(&manager, &settings, NULL, &loop, &err), 0, "%s", err.text);
	cr_assert_eq(control_open(&manager, down, NULL, &control, &err), 0, "%s", err.text);
	cr_assert_eq(api_open(control_operations(control), &api, &err), 0, "%s", err.text);
}

static void setup(void)
{
	open_with("");
}

static void setup_slow(void)
{
	open_with(",\"api\":{\"requests_per_second\":1}");
}

static void teardown(void)
{
	api_close(api);
	control_close(control);
	manager_close(&manager);
	loop_close(&loop);
	settings_free(&settings);
	scratch_remove();
}

TestSuite(server, .init = setup, .fini = teardown, .timeout = 30);
TestSuite(server_slow, .init = setup_slow, .fini = teardown, .timeout = 30);

static int client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/api.sock", scratch);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void turn(unsigned times)
{
	while (times--)
		loop_step(&loop, 1);
}

/* All that comes within a while; NULL: the manager hung up without a word. */
static const char *hear(int fd)
{
	static char answer[32768];
	size_t used = 0;
	ssize_t got = -1;

	for (int i = 0; i < 60; i++) {
		loop_step(&loop, 1);
		got = read(fd, answer + used, sizeof(answer) - 1 - used);
		if (got > 0)
			used += (size_t)got;
		if (got == 0)
			break;
	}
	answer[used] = '\0';
	return used || got < 0 ? answer : NULL;
}

static const char *say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	return hear(fd);
}

/* The answer to a request on a connection of its own. */
static const char *ask(const char *method, const char *target, const char *headers, const char *body)
{
	char text[8192];
	int fd = client();
	const char *answer;

	if (body)
		snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s",
			 method, target, headers, strlen(body), body);
	else
		snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, target, headers);
	answer = say(fd, text);
	close(fd);
	return answer;
}

static void expect(const char *answer, const char *status, const char *words)
{
	char line[64];

	cr_assert_not_null(answer);
	snprintf(line, sizeof(line), "HTTP/1.1 %s", status);
	cr_assert(strncmp(answer, line, strlen(line)) == 0, "%s", answer);
	cr_assert(strstr(answer, words), "%s: %s", words, answer);
}

#define JSON  "Content-Type: application/json\r\n"
#define MERGE "Content-Type: application/merge-patch+json\r\n"

Test(server, guests_are_listed)
{
	expect(ask("GET", "/v1/guests", "", NULL), "200", "\"name\":\"web\"");
	expect(ask("GET", "/v1/guests?state=running", "", NULL), "200", "\"guests\":[]");
	expect(ask("GET", "/v1/guests?after=web", "", NULL), "200", "\"guests\":[]");
}

Test(server, requests_of_one_connection_one_after_the_other)
{
	int fd = client();

	expect(say(fd, "GET /v1/mode HTTP/1.1\r\nHost: x\r\n\r\n"), "200", "\"mode\"");
	expect(say(fd, "GET /v1/guests/wbe HTTP/1.1\r\nHost: x\r\n\r\n"), "404", "did you mean web?");
	expect(say(fd, "GET /v1/mode HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "200", "\"mode\"");
	close(fd);
}

Test(server, requests_sent_at_once)
{
	int fd = client();
	const char *answer =
		say(fd, "GET /v1/mode HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/guests HTTP/1.1\r\nHost: x\r\n\r\n");

	cr_assert(strstr(answer, "{\"mode\":\"server\"}HTTP/1.1 200") || strstr(answer, "}HTTP/1.1 200"),
		  "%s", answer);
	close(fd);
}

Test(server, what_is_not_there)
{
	expect(ask("GET", "/v1/gests", "", NULL), "404", "did you mean guests?");
	expect(ask("DELETE", "/v1/mode", "", NULL), "405", "Allow: GET, HEAD, PUT\r\n");
	expect(ask("BREW", "/v1/mode", "", NULL), "405", "Allow: GET, HEAD, PUT\r\n");
	expect(ask("GET", "/v1/mode?x=1", "", NULL), "400", "\"parameter\":\"x\"");
	expect(ask("GET", "/v1/guests?limit=0", "", NULL), "400", "\"parameter\":\"limit\"");
	expect(ask("GET", "/v1/guests?limit=1&limit=2", "", NULL), "400", "\"parameter\":\"limit\"");
	expect(ask("GET", "/v1/guests/%00", "", NULL), "400", "control character");
	expect(ask("GET", "/v1/guests/web", "Accept: text/html\r\n", NULL), "406", "application/xml");
}

Test(server, head_has_no_body)
{
	const char *answer = ask("HEAD", "/v1/guests", "", NULL);

	expect(answer, "200", "Content-Length: ");
	cr_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	answer = ask("HEAD", "/v1/guests/wbe", "", NULL);
	expect(answer, "404", "Content-Length: ");
	cr_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

Test(server, bodies_that_are_none)
{
	expect(ask("PUT", "/v1/mode", JSON, "{"), "400", "line 1 is not valid JSON");
	expect(ask("PUT", "/v1/mode", JSON, "{}\n{}"), "400", "is not valid JSON");
	expect(ask("PUT", "/v1/mode", JSON, "\xff"), "400", "is not valid JSON");
	expect(ask("PUT", "/v1/mode", JSON, "7"), "422", "must be a JSON object");
	expect(ask("PUT", "/v1/mode", JSON, ""), "400", "is missing");
	expect(ask("PUT", "/v1/mode", JSON, "{\"mod\":1}"), "422", "\"pointer\":\"/mode\"");
	expect(ask("PUT", "/v1/mode", JSON, "{\"mode\":\"server\",\"op\":1}"), "422", "\"pointer\":\"/op\"");
	expect(ask("PUT", "/v1/mode", "Content-Type: text/plain\r\n", "{}"), "415", "application/json");
	expect(ask("PUT", "/v1/guests/web", "Content-Type: text/plain\r\n", "{}"), "415", "application/xml");
	expect(ask("GET", "/v1/mode", "", "x"), "400", "takes no body");
}

Test(server, definitions_have_versions)
{
	char etag[64], headers[128];
	const char *answer = ask("GET", "/v1/guests/web", "", NULL);

	expect(answer, "200", "ETag: \"");
	cr_assert_eq(sscanf(strstr(answer, "ETag: ") + 6, "%63[^\r]", etag), 1);
	snprintf(headers, sizeof(headers), "If-None-Match: %s\r\n", etag);
	expect(ask("GET", "/v1/guests/web", headers, NULL), "304", etag);
	snprintf(headers, sizeof(headers), MERGE "If-Match: %s\r\n", etag);
	expect(ask("PATCH", "/v1/guests/web", headers, "{\"memory_mib\":32}"), "200", "\"memory_mib\":32");
	expect(ask("PATCH", "/v1/guests/web", headers, "{\"memory_mib\":64}"), "412", "read it again");
	expect(ask("GET", "/v1/guests/web", "", NULL), "200", "\"memory_mib\":32");
	expect(ask("PUT", "/v1/guests/web", JSON "If-None-Match: *\r\n",
		   "{\"name\":\"web\",\"image\":\"/x\"}"),
	       "412", "there is one already");
	expect(ask("PUT", "/v1/guests/new", JSON "If-Match: *\r\n", "{\"name\":\"new\",\"image\":\"/x\"}"),
	       "412", "there is none");
}

Test(server, definitions_come_and_go)
{
	const char *body =
		"{\"name\":\"new\",\"image\":\"/x\",\"role\":\"guest\",\"autostart\":false,\"memory_mib\":16}";

	expect(ask("PUT", "/v1/guests/new", JSON, body), "201", "Location: /v1/guests/new\r\n");
	expect(ask("PUT", "/v1/guests/new", JSON, body), "200", "ETag: \"");
	expect(ask("PUT", "/v1/guests/other", JSON, body), "409", "\"pointer\":\"/name\"");
	expect(ask("PUT", "/v1/guests/new", JSON,
		   "{\"name\":\"new\",\"image\":\"/x\",\"disks\":[{\"path\":7}]}"),
	       "422", "\"pointer\":\"/disks/0/path\"");
	expect(ask("PATCH", "/v1/guests/new", MERGE, "{\"memory_mb\":7}"), "422", "did you mean");
	expect(ask("PATCH", "/v1/guests/gone", MERGE, "{}"), "404", "no guest is named gone");
	expect(ask("DELETE", "/v1/guests/new", "If-Match: \"x\"\r\n", NULL), "412", "read it again");
	expect(ask("DELETE", "/v1/guests/new", "", NULL), "204", "\r\n\r\n");
	expect(ask("DELETE", "/v1/guests/new", "", NULL), "404", "no guest is named new");
}

Test(server, too_large_is_said_before_it_came)
{
	expect(ask("PUT", "/v1/mode", JSON "Expect: 100-continue\r\nContent-Length: 70000\r\n", NULL), "413",
	       "larger than 65536");
	expect(ask("PATCH", "/v1/guests/web", MERGE "Content-Length: 20000000\r\n", NULL), "413",
	       "larger than 1048576");
	expect(ask("GET", "/v1/mode", "", NULL), "200", "mode");
}

Test(server, what_could_hide_a_request_is_refused)
{
	int fd = client();
	const char *answer =
		say(fd, "PUT /v1/mode HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: 6\r\n"
			"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nDELETE /v1/guests/web HTTP/1.1\r\n"
			"Host: x\r\n\r\n");

	expect(answer, "400", "without a Content-Length");
	cr_assert_null(strstr(answer, " 204 "));
	close(fd);
	expect(ask("GET", "/v1/guests/web", "", NULL), "200", "web");
}

Test(server, endless_headers_are_ended)
{
	static char flood[65536];
	int fd = client();

	memset(flood, 'x', sizeof(flood));
	memcpy(flood, "GET /", 5);
	for (unsigned i = 0; i < 20; i++) {
		send(fd, flood, sizeof(flood), MSG_NOSIGNAL | MSG_DONTWAIT);
		turn(3);
	}
	cr_assert_eq(send(fd, flood, sizeof(flood), MSG_NOSIGNAL | MSG_DONTWAIT), -1);
	close(fd);
	expect(ask("GET", "/v1/mode", "", NULL), "200", "mode");
}

Test(server, events_are_told_and_resumed)
{
	int fd = client();
	const char *answer =
		say(fd, "GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");

	expect(answer, "200", "text/event-stream");
	cr_assert(strstr(answer, "id: 1\nevent: manager-started\ndata: {"), "%s", answer);
	expect(ask("DELETE", "/v1/guests/web", "", NULL), "204", "");
	answer = hear(fd);
	cr_assert(strstr(answer, "id: 2\nevent: undefined\n"), "%s", answer);
	close(fd);
	answer = ask("GET", "/v1/events", "Accept: text/event-stream\r\nLast-Event-ID: 1\r\n", NULL);
	cr_assert_null(strstr(answer, "manager-started"));
	cr_assert(strstr(answer, "id: 2\n"));
	expect(ask("GET", "/v1/events?since=1", "", NULL), "200", "[{\"id\":2,");
	expect(ask("GET", "/v1/events?since=x", "", NULL), "400", "\"parameter\":\"since\"");
}

/* Their places are there again at once: as many as there may be, many times. */
Test(server, followers_that_vanish_leave_nothing)
{
	for (unsigned round = 0; round < 30; round++) {
		int fds[50];

		for (unsigned i = 0; i < 50; i++) {
			static const char follow[] =
				"GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";

			fds[i] = client();
			cr_assert_eq(send(fds[i], follow, sizeof(follow) - 1, MSG_NOSIGNAL),
				     sizeof(follow) - 1);
			turn(1);
		}
		for (unsigned i = 0; i < 50; i++)
			close(fds[i]);
		turn(60);
	}
	expect(ask("GET", "/v1/mode", "", NULL), "200", "mode");
}

Test(server, streams_to_what_is_not_there_are_refused)
{
	const char *upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: rastos-stream\r\n";

	expect(ask("GET", "/v1/guests/web/console", "", NULL), "409", "guest web: is off");
	expect(ask("GET", "/v1/guests/wbe/console", upgrade, NULL), "404", "did you mean web?");
	expect(ask("GET", "/v1/guests/web/vsock/x", upgrade, NULL), "400", "\"parameter\":\"port\"");
	expect(ask("GET", "/v1/guests/web/vsock/4294967295", upgrade, NULL), "400", "\"parameter\":\"port\"");
	expect(ask("GET", "/v1/guests/web/vsock/1", upgrade, NULL), "409", "web");
}

Test(server, half_closed_client_gets_its_answer)
{
	int fd = client();

	send(fd, "GET /v1/mode HTTP/1.1\r\nHost: x\r\n\r\n", 34, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	expect(hear(fd), "200", "\"mode\"");
	close(fd);
}

/* Seconds that the only connection has left. */
static unsigned seconds_left(void)
{
	turn(3);
	cr_assert_eq(api->connection_count, 1);
	return (unsigned)((api->connections->deadline_ns - monotonic_ns()) / 1000000000ULL) + 1;
}

Test(server, each_stage_has_its_time)
{
	int fd = client();
	char byte;

	cr_assert_eq(seconds_left(), API_IDLE_S);
	api->connections->deadline_ns -= 1000000000ULL;
	cr_assert_eq(send(fd, "GET /v1/mode", 12, MSG_NOSIGNAL), 12);
	cr_assert_eq(seconds_left(), API_IDLE_S - 1, "bytes that drip do not make it longer");
	cr_assert_eq(send(fd, " HTTP/1.1\r\n", 11, MSG_NOSIGNAL), 11);
	cr_assert_eq(seconds_left(), API_REQUEST_S);
	api->connections->deadline_ns -= 1000000000ULL;
	cr_assert_eq(send(fd, "Host: x\r\n", 9, MSG_NOSIGNAL), 9);
	cr_assert_eq(seconds_left(), API_REQUEST_S - 1);
	expect(say(fd, "\r\n"), "200", "mode");
	cr_assert_eq(seconds_left(), API_IDLE_S);
	api->connections->deadline_ns = 1;
	for (unsigned i = 0; i < 300 && api->connection_count; i++)
		loop_step(&loop, 10);
	cr_assert_eq(api->connection_count, 0);
	cr_assert_eq(read(fd, &byte, 1), 0);
	close(fd);
}

Test(server, what_is_no_http)
{
	int fd = client();

	say(fd, "\x16\x03\x01\x02garbage\r\n\r\n");
	close(fd);
	fd = client();
	say(fd, "GET\r\n\r\n");
	close(fd);
	expect(ask("GET", "/v1/mode", "", NULL), "200", "mode");
}

/* libmicrohttpd's own answers, in our words. */
Test(server, what_is_no_request_is_told_as_a_problem)
{
	static const struct {
		const char *request, *status, *code;
	} wrong[] = {
		{"GET /v1/mode HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", "400", "malformed"},
		{"PUT /v1/mode HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" JSON "\r\nzz\r\n",
		 "400", "malformed"},
		{"GET /v1/mode HTTP/9.9\r\nHost: x\r\n\r\n", "505", "unsupported"},
	};
	char code[64];

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int fd = client();
		const char *answer = say(fd, wrong[i].request);

		snprintf(code, sizeof(code), "\"code\":\"%s\"", wrong[i].code);
		expect(answer, wrong[i].status, code);
		cr_assert(strstr(answer, "Content-Type: application/problem+json\r\n"), "%s", answer);
		close(fd);
	}
}

Test(server, what_is_too_long_is_told_as_a_problem)
{
	static char text[20000];
	int fd = client();

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	expect(say(fd, text), "414", "\"code\":\"too-large\"");
	close(fd);
	fd = client();
	snprintf(text, sizeof(text), "GET /v1/mode HTTP/1.1\r\nHost: x\r\nA: ");
	text[strlen(text)] = 'x';
	expect(say(fd, text), "431", "\"code\":\"too-large\"");
	close(fd);
}

Test(server, its_documents)
{
	expect(ask("GET", "/v1/schemas/gest", "", NULL), "404", "did you mean guest?");
	expect(ask("GET", "/v1/schemas/network", "", NULL), "200", "application/schema+json");
	expect(ask("GET", "/v1/schemas/vmm", "Accept-Encoding: gzip\r\n", NULL), "200",
	       "Content-Encoding: gzip");
	expect(ask("GET", "/openapi.json", "", NULL), "200", "{\"openapi\":\"3.1.");
}

Test(server_slow, who_asks_too_often_is_told_when_to_come_again)
{
	expect(ask("GET", "/v1/mode", "", NULL), "200", "mode");
	expect(ask("GET", "/v1/mode", "", NULL), "200", "mode");
	expect(ask("GET", "/v1/mode", "", NULL), "429", "Retry-After: 1\r\n");
}
