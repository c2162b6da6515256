#include "vmm/manager/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/nearest.h"
#include "vmm/exit_code.h"

#define NS_PER_SECOND   1000000000ULL
#define TIMEOUT_MAX_S   86400
#define CONTROL_GROUP   "rastos"
#define VIRTIO_PORTS    "/sys/class/virtio-ports"
#define CONTROL_BACKLOG 16
#define WAIT_DEFAULT_S  60

/* What a client waits for before it is answered. */
enum wait_for {
	WAIT_NOTHING,
	WAIT_READY,
	WAIT_OFF,
	WAIT_DOWN,
};

struct control_client {
	struct control *control; /* NULL: this place is free */
	struct loop_source source;
	struct loop_timer deadline;
	bool channel; /* the virtio port: stays when its peer goes */
	enum wait_for wait;
	struct managed_guest *guest; /* waited for */
	double id;
	size_t used;
	char line[CONTROL_LINE_MAX];
};

struct control {
	struct manager *manager;
	struct loop_source listener;
	char *path;
	bool poweroff;
	bool down_told;
	void (*down)(void *owner, bool poweroff);
	void *owner;
	struct control_client *clients[CONTROL_CLIENTS_MAX];
};

/* --- Answers --- */

static void client_close(struct control_client *client)
{
	struct loop *loop = client->control->manager->loop;

	loop_remove(loop, &client->source);
	loop_timer_close(loop, &client->deadline);
	close(client->source.fd);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (client->control->clients[i] == client)
			client->control->clients[i] = NULL;
	}
	free(client);
}

/* Answers are short and clients read them: one that lets its socket fill up is dropped, it cannot stall the
 * manager. */
static void client_send(struct control_client *client, cJSON *answer)
{
	char *text = cJSON_PrintUnformatted(answer);
	size_t len = text ? strlen(text) : 0;

	if (text) {
		text[len] = '\n'; /* in place of its end */
		if (write(client->source.fd, text, len + 1) != (ssize_t)len + 1 && !client->channel)
			shutdown(client->source.fd, SHUT_RDWR); /* its end is read next, and closes it */
	}
	free(text);
	cJSON_Delete(answer);
}

static cJSON *answer_new(const struct control_client *client, bool ok)
{
	cJSON *answer = cJSON_CreateObject();

	cJSON_AddNumberToObject(answer, "id", client->id);
	cJSON_AddBoolToObject(answer, "ok", ok);
	return answer;
}

static void answer_done(struct control_client *client, cJSON *result)
{
	cJSON *answer = answer_new(client, true);

	if (result)
		cJSON_AddItemToObject(answer, "result", result);
	client_send(client, answer);
}

static void answer_error(struct control_client *client, enum exit_code code, const char *text)
{
	cJSON *answer = answer_new(client, false);

	cJSON_AddNumberToObject(answer, "code", code);
	cJSON_AddStringToObject(answer, "error", text);
	client_send(client, answer);
}

static void answer(struct control_client *client, int code, const struct error *err)
{
	if (code < 0)
		answer_error(client, code == -EALREADY || code == -ENOTCONN ? EXIT_REFUSED : EXIT_FAILED,
			     err->text);
	else
		answer_done(client, NULL);
}

/* --- Waiting --- */

static void client_wait(struct control_client *client, enum wait_for wait, struct managed_guest *guest,
			uint64_t timeout_s)
{
	client->wait = wait;
	client->guest = guest;
	if (timeout_s)
		loop_timer_set(&client->deadline, timeout_s * NS_PER_SECOND, 0);
}

static void client_waited(struct control_client *client)
{
	client->wait = WAIT_NOTHING;
	loop_timer_clear(&client->deadline);
}

static void answer_not_ready(struct control_client *client, enum exit_code code, const char *what)
{
	const struct managed_guest *guest = client->guest;
	cJSON *reply = answer_new(client, false);
	char text[640];

	snprintf(text, sizeof(text), "guest %s: %s%s%s", guest->definition->name, what,
		 guest->why[0] ? ": " : "", guest->why);
	cJSON_AddNumberToObject(reply, "code", code);
	cJSON_AddStringToObject(reply, "error", guest->why[0] && code != EXIT_TIMED_OUT ? guest->why : text);
	cJSON_AddItemToObject(reply, "result", boot_report_to_json(&guest->report));
	if (guest->console_tail)
		cJSON_AddStringToObject(reply, "console", guest->console_tail);
	client_send(client, reply);
}

/* Answers whoever waited for what has happened. */
static void client_look(struct control_client *client)
{
	struct managed_guest *guest = client->guest;
	bool off;

	switch (client->wait) {
	case WAIT_NOTHING:
		return;
	case WAIT_READY:
		off = guest->state == GUEST_OFF || guest->state == GUEST_FAILED;
		if (!off && !guest->report.steps[BOOT_STEP_READY].reached)
			return;
		client_waited(client);
		if (off)
			answer_not_ready(client, guest->end == MACHINE_REFUSED ? EXIT_REFUSED : EXIT_FAILED,
					 "ended before it was ready");
		else
			answer_done(client, boot_report_to_json(&guest->report));
		return;
	case WAIT_OFF:
		if (guest->pid > 0)
			return;
		break;
	case WAIT_DOWN:
		if (!manager_all_off(client->control->manager))
			return;
		break;
	}
	client_waited(client);
	answer_done(client, NULL);
}

static void client_deadline(struct loop_timer *timer)
{
	struct control_client *client = CONTAINER_OF(timer, struct control_client, deadline);
	enum wait_for wait = client->wait;

	client_waited(client);
	if (wait == WAIT_READY)
		answer_not_ready(client, EXIT_TIMED_OUT, "is not ready in time");
	else if (wait != WAIT_NOTHING)
		answer_error(client, EXIT_TIMED_OUT, "it did not happen in time");
}

static void control_changed(void *owner)
{
	struct control *control = owner;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i])
			client_look(control->clients[i]);
	}
	if (control->manager->going_down && !control->down_told && manager_all_off(control->manager)) {
		control->down_told = true;
		control->down(control->owner, control->poweroff);
	}
}

/* --- Requests --- */

struct request {
	const cJSON *json;
	struct managed_guest *guest; /* for operations on one */
	bool wait, force, poweroff;
	unsigned timeout_s;
};

static void op_list(struct control_client *client, const struct request *request)
{
	struct manager *manager = client->control->manager;
	cJSON *result = cJSON_CreateObject();
	cJSON *guests;

	(void)request;
	cJSON_AddStringToObject(result, "mode", mode_name(manager->mode));
	guests = cJSON_AddArrayToObject(result, "guests");
	for (unsigned i = 0; i < manager->guest_count; i++)
		cJSON_AddItemToArray(guests, manager_describe(&manager->guests[i]));
	answer_done(client, result);
}

static void op_boot_report(struct control_client *client, const struct request *request)
{
	if (!request->wait) {
		answer_done(client, boot_report_to_json(&request->guest->report));
		return;
	}
	client_wait(client, WAIT_READY, request->guest, request->timeout_s);
	client_look(client);
}

static void op_start(struct control_client *client, const struct request *request)
{
	struct error err = {""};

	answer(client, manager_start(request->guest, &err), &err);
}

/* Operations that end a guest: answered when it is off, if the client waits. */
static void answer_off(struct control_client *client, const struct request *request, int code,
		       const struct error *err)
{
	if (code < 0 || !request->wait) {
		answer(client, code, err);
		return;
	}
	/* The manager enforces the time; ours only guards against the manager. */
	client_wait(client, WAIT_OFF, request->guest,
		    request->timeout_s + 2 * (MANAGER_STOP_NS / NS_PER_SECOND));
	client_look(client);
}

static void op_shutdown(struct control_client *client, const struct request *request)
{
	struct error err = {""};

	answer_off(client, request, manager_shutdown(request->guest, request->timeout_s, &err), &err);
}

static void op_kill(struct control_client *client, const struct request *request)
{
	struct error err = {""};

	answer_off(client, request, manager_kill(request->guest, &err), &err);
}

static void op_reboot(struct control_client *client, const struct request *request)
{
	struct error err = {""};

	answer(client, manager_reboot(request->guest, request->timeout_s, &err), &err);
}

static void op_console(struct control_client *client, const struct request *request)
{
	struct error err = {""};
	int code;

	if (client->channel) {
		answer_error(client, EXIT_REFUSED,
			     "a console cannot be opened over the virtio port: use the serial line");
		return;
	}
	code = request->guest->pid > 0 ? 0 : -ENOTCONN;
	if (code < 0) {
		error_set(&err, code, "guest %s: is %s", request->guest->definition->name,
			  guest_state_name(request->guest->state));
		answer(client, code, &err);
		return;
	}
	answer_done(client, NULL);
	if (manager_console(request->guest, client->source.fd, &err) < 0)
		log_warning("%s", err.text);
	client_close(client); /* the guest process has the connection now */
}

/* Whether this host is one of ours, whose init powers the machine off. */
static bool host_is_rastos(void)
{
	return access("/run/rinit/control", F_OK) == 0;
}

static void op_down(struct control_client *client, const struct request *request)
{
	struct control *control = client->control;

	if (request->poweroff && !host_is_rastos()) {
		answer_error(client, EXIT_REFUSED, "this host is not rastOS: power it off by its own means");
		return;
	}
	control->poweroff = control->poweroff || request->poweroff;
	client_wait(client, WAIT_DOWN, NULL, 0);
	manager_down(control->manager, request->timeout_s, request->force);
}

struct operation {
	const char *name;
	bool on_guest;
	void (*run)(struct control_client *client, const struct request *request);
};

static const struct operation operations[] = {
	{"list", false, op_list},      {"boot-report", true, op_boot_report},
	{"start", true, op_start},     {"shutdown", true, op_shutdown},
	{"reboot", true, op_reboot},   {"kill", true, op_kill},
	{"console", true, op_console}, {"down", false, op_down},
};

static const struct operation *find_operation(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	}
	return NULL;
}

static bool member_true(const cJSON *json, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static unsigned member_seconds(const cJSON *json, const char *key, unsigned absent)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	if (!cJSON_IsNumber(item) || item->valuedouble < 0)
		return absent;
	return item->valuedouble > TIMEOUT_MAX_S ? TIMEOUT_MAX_S : (unsigned)item->valuedouble;
}

static void answer_no_guest(struct control_client *client, const char *name)
{
	struct manager *manager = client->control->manager;
	const char *names[MANAGER_GUESTS_MAX + 1] = {NULL};
	const char *nearest;
	char text[256];

	for (unsigned i = 0; i < manager->guest_count; i++)
		names[i] = manager->guests[i].definition->name;
	nearest = nearest_word(name, names);
	if (nearest)
		snprintf(text, sizeof(text), "no guest is named %.64s, did you mean %s?", name, nearest);
	else
		snprintf(text, sizeof(text), "no guest is named %.64s; rastos-vmm list shows them", name);
	answer_error(client, EXIT_NO_GUEST, text);
}

static void client_request(struct control_client *client, const cJSON *json)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "id");
	const cJSON *op = cJSON_GetObjectItemCaseSensitive(json, "op");
	const cJSON *guest = cJSON_GetObjectItemCaseSensitive(json, "guest");
	const struct operation *operation = cJSON_IsString(op) ? find_operation(op->valuestring) : NULL;
	struct request request = {
		.json = json,
		.wait = member_true(json, "wait"),
		.force = member_true(json, "force"),
		.poweroff = member_true(json, "poweroff"),
		.timeout_s =
			member_seconds(json, "timeout_s",
				       operation && operation->run == op_boot_report ? WAIT_DEFAULT_S
										     : MANAGER_DOWN_SECONDS),
	};

	client->id = cJSON_IsNumber(id) ? id->valuedouble : 0;
	if (client->wait != WAIT_NOTHING)
		client_waited(client); /* a client that asks anew no longer waits */
	if (!operation) {
		answer_error(client, EXIT_USAGE, "unknown operation");
		return;
	}
	if (operation->on_guest) {
		const char *name = cJSON_IsString(guest) ? guest->valuestring : "";

		request.guest = manager_find(client->control->manager, name);
		if (!request.guest) {
			answer_no_guest(client, name);
			return;
		}
	}
	operation->run(client, &request);
}

/* Handles the first whole line; false when there is none or the client is gone. */
static bool client_take_line(struct control *control, unsigned place)
{
	struct control_client *client = control->clients[place];
	char *end = memchr(client->line, '\n', client->used);
	size_t len;
	cJSON *json;

	if (!end)
		return false;
	len = (size_t)(end - client->line);
	json = cJSON_ParseWithLength(client->line, len);
	client->used -= len + 1;
	memmove(client->line, end + 1, client->used);
	if (cJSON_IsObject(json))
		client_request(client, json);
	else if (len > 0) /* an empty line flushes what a former peer of the channel left */
		answer_error(client, EXIT_USAGE, "a request is one JSON object on one line");
	cJSON_Delete(json);
	return control->clients[place] == client;
}

/* Reads once and handles what is whole; false when there was nothing, or the client is gone. */
static bool client_read(struct control_client *client)
{
	struct control *control = client->control;
	unsigned place = 0;
	ssize_t got = read(client->source.fd, client->line + client->used, sizeof(client->line) - client->used);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		if (!client->channel) /* of the channel only the peer went */
			client_close(client);
		return false;
	}
	client->used += (size_t)got;
	while (control->clients[place] != client)
		place++;
	while (client_take_line(control, place))
		;
	if (control->clients[place] != client)
		return false;
	if (client->used == sizeof(client->line)) {
		client->used = 0;
		answer_error(client, EXIT_USAGE, "the request is too long");
	}
	return true;
}

static void client_ready(struct loop_source *source, uint32_t events)
{
	struct control_client *client = CONTAINER_OF(source, struct control_client, source);
	bool channel = client->channel;

	(void)events;
	/* The channel's events are edges: read until there is nothing. It is never closed while the manager runs. */
	while (client_read(client) && channel)
		;
}

/* --- The ways in --- */

/* Takes fd over. */
static int control_add_client(struct control *control, int fd, bool channel)
{
	struct loop *loop = control->manager->loop;
	struct control_client *client = calloc(1, sizeof(*client));
	unsigned place = 0;
	int code;

	while (place < CONTROL_CLIENTS_MAX && control->clients[place])
		place++;
	if (!client || place == CONTROL_CLIENTS_MAX) {
		free(client);
		close(fd);
		return client ? -EBUSY : -ENOMEM;
	}
	client->control = control;
	client->channel = channel;
	/* The port reports a hang-up for as long as nobody is at the other end: only edges matter there. */
	client->source = (struct loop_source){
		.fd = fd,
		.events = channel ? EPOLLIN | EPOLLET : EPOLLIN,
		.ready = client_ready,
	};
	code = loop_timer_init(loop, &client->deadline, client_deadline);
	if (code == 0) {
		code = loop_add(loop, &client->source);
		if (code < 0)
			loop_timer_close(loop, &client->deadline);
	}
	if (code < 0) {
		close(fd);
		free(client);
		return code;
	}
	control->clients[place] = client;
	return 0;
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct control *control = CONTAINER_OF(source, struct control, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int code;

	(void)events;
	if (fd < 0)
		return;
	code = control_add_client(control, fd, false);
	if (code < 0)
		log_warning("control: cannot take a client: %s", strerror(-code));
}

/* Whoever is root, or in the group of rastOS's operators. */
static void socket_permit(const char *path)
{
	const struct group *group = geteuid() == 0 ? getgrnam(CONTROL_GROUP) : NULL;

	if (group && chown(path, 0, group->gr_gid) == 0)
		chmod(path, 0660);
	else
		chmod(path, 0600);
}

static int control_listen(struct control *control, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(control->path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "control socket %s: the path is longer than %zu bytes",
				 control->path, sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, control->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	control->listener = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = listener_ready};
	unlink(control->path); /* left by a manager that was killed: the lock says that none runs */
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_set(err, -errno, "control socket %s: cannot make it: %m", control->path);
	socket_permit(control->path);
	if (listen(fd, CONTROL_BACKLOG) < 0 || loop_add(control->manager->loop, &control->listener) < 0)
		return error_set(err, -errno, "control socket %s: cannot listen: %m", control->path);
	return 0;
}

/* The device of the virtio port with our name, or false. */
static bool channel_find(char *path, size_t size)
{
	DIR *ports = opendir(VIRTIO_PORTS);
	const struct dirent *entry;
	bool found = false;

	if (!ports)
		return false;
	while (!found && (entry = readdir(ports))) {
		char name_path[512];
		char name[64] = "";
		AUTO_FCLOSE FILE *file = NULL;

		snprintf(name_path, sizeof(name_path), "%s/%s/name", VIRTIO_PORTS, entry->d_name);
		file = fopen(name_path, "re");
		if (!file || !fgets(name, sizeof(name), file))
			continue;
		name[strcspn(name, "\n")] = '\0';
		found = strcmp(name, CONTROL_CHANNEL) == 0;
		if (found)
			snprintf(path, size, "/dev/%s", entry->d_name);
	}
	closedir(ports);
	return found;
}

static void control_open_channel(struct control *control)
{
	char path[288];
	int code;
	int fd;

	if (!channel_find(path, sizeof(path)))
		return;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	code = fd < 0 ? -errno : control_add_client(control, fd, true);
	if (code < 0)
		log_warning("control: cannot serve the virtio port %s: %s", path, strerror(-code));
}

void control_forked(struct control *control)
{
	close(control->listener.fd);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (!control->clients[i])
			continue;
		close(control->clients[i]->source.fd);
		close(control->clients[i]->deadline.source.fd);
	}
}

int control_open(struct manager *manager, void (*down)(void *owner, bool poweroff), void *owner,
		 struct control **result, struct error *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int code;

	if (!control)
		return error_set(err, -ENOMEM, "control socket: out of memory");
	*control = (struct control){.manager = manager, .down = down, .owner = owner, .listener.fd = -1};
	control->path = settings_control_socket(manager->settings);
	code = control->path ? control_listen(control, err)
			     : error_set(err, -ENOMEM, "control socket: out of memory");
	if (code < 0) {
		control_close(control);
		return code;
	}
	control_open_channel(control);
	manager->changed = control_changed;
	manager->changed_owner = control;
	*result = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i])
			client_close(control->clients[i]);
	}
	if (control->listener.fd >= 0) {
		loop_remove(control->manager->loop, &control->listener);
		close(control->listener.fd);
		unlink(control->path);
	}
	free(control->path);
	free(control);
}

void control_down(struct control *control, unsigned timeout_s, bool force)
{
	manager_down(control->manager, timeout_s, force);
}
