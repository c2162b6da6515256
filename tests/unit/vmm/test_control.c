/* The control protocol over its real socket; no guest is started. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "scratch.h"
#include "vmm/manager/control.h"

static struct loop loop;
static struct settings settings;
static struct manager manager;
static struct control *control;
static struct error err;
static int went_down;

static void down(void *owner, bool poweroff)
{
	(void)owner;
	went_down = 1 + poweroff;
}

static void setup(void)
{
	char path[128];

	scratch_make();
	snprintf(path, sizeof(path), "%s/guests", scratch);
	mkdir(path, 0700);
	scratch_file("guests/web.json", "{\"name\":\"web\",\"image\":\"web.itb\",\"memory_mib\":16}");
	cr_assert_eq(
		settings_read(scratch_file("vmm.json", "{\"guests_dir\":\"guests\",\"runtime_dir\":\".\","
						       "\"mode_file\":\"mode\"}"),
			      &settings, &err),
		0);
	scratch_file("mode", RASTOS_SERVER ? "server" : "desktop"); /* one that this build has */
	cr_assert_eq(loop_init(&loop), 0);
	cr_assert_eq(manager_open(&manager, &settings, NULL, &loop, &err), 0, "%s", err.text);
	cr_assert_eq(control_open(&manager, down, NULL, &control, &err), 0, "%s", err.text);
}

static void teardown(void)
{
	control_close(control);
	manager_close(&manager);
	loop_close(&loop);
	settings_free(&settings);
	scratch_remove();
}

TestSuite(control, .init = setup, .fini = teardown, .timeout = 20);

static int client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", scratch);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Sends text, steps the loop until something is answered; the answer is static. */
static const char *ask(int fd, const char *text)
{
	static char answer[8192];
	ssize_t got = -1;

	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	for (int i = 0; i < 50 && got < 0; i++) {
		loop_step(&loop, 10);
		got = read(fd, answer, sizeof(answer) - 1);
	}
	answer[got > 0 ? got : 0] = '\0';
	return answer;
}

Test(control, list_shows_the_guests)
{
	cJSON *json = cJSON_Parse(ask(client(), "{\"id\":5,\"op\":\"list\"}\n"));
	const cJSON *guest =
		cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "result"), "guests"), 0);

	cr_assert_eq(cJSON_GetObjectItem(json, "id")->valuedouble, 5);
	cr_assert(cJSON_IsTrue(cJSON_GetObjectItem(json, "ok")));
	cr_assert_str_eq(cJSON_GetObjectItem(guest, "name")->valuestring, "web");
	cr_assert_str_eq(cJSON_GetObjectItem(guest, "state")->valuestring, "off");
	cJSON_Delete(json);
}

Test(control, unknown_guest_names_the_nearest)
{
	cr_assert_str_eq(
		ask(client(), "{\"id\":1,\"op\":\"start\",\"guest\":\"wed\"}\n"),
		"{\"id\":1,\"ok\":false,\"code\":3,\"error\":\"no guest is named wed, did you mean web?\"}\n");
}

Test(control, unknown_operation_is_refused)
{
	cr_assert(strstr(ask(client(), "{\"id\":1,\"op\":\"fly\"}\n"),
			 "\"code\":2,\"error\":\"fly is not an operation\""));
}

Test(control, line_that_is_no_object_is_refused)
{
	cr_assert(strstr(ask(client(), "garbage\n"), "a request is one JSON object on one line"));
	cr_assert(strstr(ask(client(), "[1,2]\n"), "a request is one JSON object on one line"));
}

Test(control, empty_lines_are_nothing)
{
	cr_assert(strstr(ask(client(), "\n\n{\"id\":9,\"op\":\"list\"}\n"), "\"id\":9,\"ok\":true"));
}

Test(control, line_without_end_is_refused_and_bounded)
{
	static char flood[CONTROL_LINE_MAX];
	int fd = client();

	memset(flood, 'x', sizeof(flood));
	for (size_t sent = 0; sent < sizeof(flood);) {
		ssize_t wrote = send(fd, flood + sent, sizeof(flood) - sent, MSG_NOSIGNAL);

		sent += wrote > 0 ? (size_t)wrote : 0;
		loop_step(&loop, 0);
	}
	cr_assert(strstr(ask(fd, "x"), "the request is too long"));
}

Test(control, guest_that_is_off_cannot_be_shut_down)
{
	cr_assert(strstr(ask(client(), "{\"id\":1,\"op\":\"shutdown\",\"guest\":\"web\"}\n"),
			 "\"code\":4,\"error\":\"guest web: is off\""));
}

Test(control, guest_whose_image_is_missing_does_not_start)
{
	const char *answer = ask(client(), "{\"id\":1,\"op\":\"start\",\"guest\":\"web\"}\n");

	cr_assert(strstr(answer, "web.itb: cannot open: No such file or directory"), "%s", answer);
	cr_assert_eq(manager.guests[0]->state, LIFE_FAILED);
}

Test(control, waiting_for_ready_fails_at_once_when_the_guest_is_off)
{
	cr_assert(strstr(ask(client(), "{\"id\":1,\"op\":\"boot-report\",\"guest\":\"web\",\"wait\":true}\n"),
			 "ended before it was ready"));
}

Test(control, down_answers_when_all_are_off)
{
	cr_assert(strstr(ask(client(), "{\"id\":1,\"op\":\"down\"}\n"), "\"ok\":true"));
	cr_assert_eq(went_down, 1);
}

Test(control, host_that_is_not_ours_is_not_powered_off)
{
	cr_assert(strstr(ask(client(), "{\"id\":1,\"op\":\"down\",\"poweroff\":true}\n"),
			 "this host is not rastOS"));
	cr_assert_eq(went_down, 0);
}

Test(control, many_clients_come_and_go)
{
	for (int i = 0; i < 3 * CONTROL_CLIENTS_MAX; i++) {
		int fd = client();

		loop_step(&loop, 10);
		close(fd);
		loop_step(&loop, 10);
	}
	cr_assert(strstr(ask(client(), "{\"id\":1,\"op\":\"list\"}\n"), "\"ok\":true"));
}

Test(control, socket_is_for_its_owner)
{
	char path[128];
	struct stat status;

	snprintf(path, sizeof(path), "%s/control.sock", scratch);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 0007, 0);
}

Test(manager, two_server_guests_are_refused, .init = setup, .fini = teardown)
{
	struct manager other;

	scratch_file("guests/other.json", "{\"name\":\"other\",\"image\":\"x.itb\"}");
	cr_assert_lt(manager_open(&other, &settings, NULL, &loop, &err), 0);
	cr_assert(strstr(err.text, "is the server guest already, and there is one"), "%s", err.text);
}

Test(manager, unknown_mode_is_refused, .init = setup, .fini = teardown)
{
	struct manager other;

	scratch_file("mode", "sever");
	cr_assert_lt(manager_open(&other, &settings, NULL, &loop, &err), 0);
	cr_assert(strstr(err.text, "unknown mode \"sever\", must be server or desktop"), "%s", err.text);
}
