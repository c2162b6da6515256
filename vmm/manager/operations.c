#include "vmm/manager/operations.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/json.h"
#include "vmm/config/json_memory.h"
#include "vmm/config/nearest.h"
#include "vmm/manager/crash.h"
#include "vmm/manager/division.h"
#include "vmm/manager/logs.h"
#include "vmm/manager/stats.h"
#include "vmm/manager/network_operations.h"
#include "vmm/manager/wait.h"

#define TIMEOUT_MAX_S  86400
#define WAIT_DEFAULT_S 60
#define STATS_WAIT_S   1
#define LINES_ALL      (1ULL << 32)

#define CRASHES_LISTED_MAX 100
#define PORT_MISSING       UINT64_MAX

/* The members of a request, read and checked. */
struct request {
	struct json_place place;
	struct managed_guest *guest; /* for operations on one */
	bool wait, force, poweroff, keep_guests, replace, follow, newest;
	uint64_t timeout_s, since, from, lines, port;
};

struct operation {
	const char *name;
	bool on_guest;
	bool guest_optional;
	const char *members[8]; /* beside id, op and guest; ends with NULL */
	void (*run)(struct call *call, const struct request *request);
};

/* --- Answers --- */

static enum exit_code exit_code_of(int code)
{
	switch (code) {
	case -EALREADY:
	case -ENOTCONN:
	case -EBUSY:
	case -EEXIST:
	case -ENOSPC:
	case -EOPNOTSUPP:
		return EXIT_REFUSED;
	case -ENODATA:
		return EXIT_NO_GUEST;
	default:
		return EXIT_FAILED;
	}
}

static void answer(struct call *call, int code, const struct error *err)
{
	if (code < 0)
		call->peer->failed(call, exit_code_of(code), err->text, NULL);
	else
		call->peer->done(call, NULL);
}

static int no_guest(const struct manager *manager, const char *name, struct error *err)
{
	const char *names[MANAGER_GUESTS_MAX + 1] = {NULL};
	const char *nearest;

	for (unsigned i = 0; i < manager->guest_count; i++)
		names[i] = manager->guests[i]->definition->name;
	nearest = nearest_word(name, names);
	if (nearest)
		return error_set(err, -ENODATA, "no guest is named %.64s, did you mean %s?", name, nearest);
	return error_set(err, -ENODATA, "no guest is named %.64s; rastos-vmm list shows them", name);
}

/* --- Operations --- */

static void op_list(struct call *call, const struct request *request)
{
	const struct manager *manager = call->operations->manager;
	cJSON *result = cJSON_CreateObject();
	cJSON *guests;

	(void)request;
	cJSON_AddStringToObject(result, "mode", mode_name(manager->mode));
	guests = cJSON_AddArrayToObject(result, "guests");
	for (unsigned i = 0; i < manager->guest_count; i++)
		cJSON_AddItemToArray(guests, manager_describe(manager->guests[i]));
	call->peer->done(call, result);
}

static void op_plan(struct call *call, const struct request *request)
{
	struct error err = {""};
	cJSON *result = division_describe(call->operations->manager, &err);

	(void)request;
	if (result)
		call->peer->done(call, result);
	else
		call->peer->failed(call, EXIT_REFUSED, err.text, NULL);
}

static void op_mode(struct call *call, const struct request *request)
{
	struct manager *manager = call->operations->manager;
	struct json_place place = request->place;
	AUTO_FREE char *word = NULL;
	struct error err = {""};
	cJSON *result;
	int code;

	place.err = &err;
	code = json_string(&place, "mode", &word);
	if (code == 0 && word)
		code = manager_set_mode(manager, word, (unsigned)request->timeout_s, &err);
	if (code < 0) {
		answer(call, code, &err);
		return;
	}
	result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "mode", mode_name(manager->mode));
	call->peer->done(call, result);
}

static void op_info(struct call *call, const struct request *request)
{
	const struct managed_guest *guest = request->guest;
	cJSON *result = manager_describe(guest);

	cJSON_AddStringToObject(result, "folder", guest->folder);
	if (guest->file)
		cJSON_AddStringToObject(result, "file", guest->file);
	cJSON_AddItemToObject(result, "definition", cJSON_Duplicate(guest->definition->json, true));
	if (guest->fresh)
		cJSON_AddItemToObject(result, "next_definition", cJSON_Duplicate(guest->fresh->json, true));
	cJSON_AddItemToObject(result, "boot_report", boot_report_to_json(&guest->report));
	call->peer->done(call, result);
}

static int define(struct manager *manager, const struct request *request, char name[], struct error *err)
{
	struct guest_definition *definition = NULL;
	AUTO_FREE char *folder = NULL;
	AUTO_FREE char *text = NULL;
	struct json_place inner;
	int code = json_object(&request->place, "definition", &inner);

	if (code == 0 && !inner.object)
		return json_error(&request->place, "definition", "is missing");
	if (code == 0)
		code = json_string(&request->place, "folder", &folder);
	if (code < 0)
		return code;
	if (folder && *folder != '/')
		return json_error(&request->place, "folder", "must be an absolute path");
	text = cJSON_PrintUnformatted(inner.object);
	if (!text)
		return error_set(err, -ENOMEM, "definition: out of memory");
	code = definition_parse("definition", folder ? folder : "/", text, &definition, err);
	if (code < 0)
		return code;
	snprintf(name, DEFINITION_NAME_MAX + 1, "%s", definition->name);
	code = manager_define(manager, definition, request->replace, err);
	if (code < 0)
		definition_free(definition);
	return code;
}

static void op_define(struct call *call, const struct request *request)
{
	struct manager *manager = call->operations->manager;
	char name[DEFINITION_NAME_MAX + 1] = "";
	struct error err = {""};
	struct request checked = *request;
	int code;

	checked.place.err = &err;
	code = define(manager, &checked, name, &err);
	if (code < 0)
		answer(call, code, &err);
	else
		call->peer->done(call, manager_describe(manager_find(manager, name)));
}

static void op_undefine(struct call *call, const struct request *request)
{
	struct error err = {""};

	answer(call, manager_undefine(request->guest, &err), &err);
}

static void op_start(struct call *call, const struct request *request)
{
	struct error err = {""};
	int code = manager_start(request->guest, &err);

	if (code < 0 || !request->wait)
		answer(call, code, &err);
	else
		call_wait(call, CALL_READY, request->guest, request->timeout_s);
}

/* Operations that end a guest: answered when it is off, if the client waits. The manager enforces the time;
 * the client's only guards against the manager. */
static void answer_off(struct call *call, const struct request *request, int code, const struct error *err)
{
	if (code < 0 || !request->wait)
		answer(call, code, err);
	else
		call_wait(call, CALL_OFF, request->guest,
			  request->timeout_s + 2 * (GUEST_STOP_NS / 1000000000ULL));
}

static void op_shutdown(struct call *call, const struct request *request)
{
	struct error err = {""};

	answer_off(call, request, guest_shutdown(request->guest, (unsigned)request->timeout_s, &err), &err);
}

static void op_kill(struct call *call, const struct request *request)
{
	struct error err = {""};

	answer_off(call, request, guest_kill(request->guest, &err), &err);
}

static void op_reboot(struct call *call, const struct request *request)
{
	struct error err = {""};

	answer(call, guest_reboot(request->guest, (unsigned)request->timeout_s, &err), &err);
}

static void op_pause(struct call *call, const struct request *request)
{
	struct error err = {""};

	answer(call, guest_pause(request->guest, &err), &err);
}

static void op_resume(struct call *call, const struct request *request)
{
	struct error err = {""};

	answer(call, guest_resume(request->guest, &err), &err);
}

static void op_boot_report(struct call *call, const struct request *request)
{
	if (request->wait)
		call_wait(call, CALL_READY, request->guest, request->timeout_s);
	else
		call->peer->done(call, boot_report_to_json(&request->guest->report));
}

static void op_console(struct call *call, const struct request *request)
{
	int fd = call->peer->stream(call);
	struct error err = {""};
	int code = guest_alive(request->guest) ? 0 : guest_console(request->guest, -1, &err);

	if (fd < 0 || code < 0) {
		if (code == 0)
			error_set(&err, -EBUSY,
				  "a console cannot be opened over the virtio port: use the serial line");
		answer(call, code < 0 ? code : -EBUSY, &err);
		return;
	}
	call->peer->done(call, NULL);
	if (guest_console(request->guest, fd, &err) < 0)
		log_warning("%s", err.text);
	call->peer->handed_over(call);
}

static void op_logs(struct call *call, const struct request *request)
{
	const char *folder = request->guest->folder;
	uint64_t from = request->from;
	struct error err = {""};
	cJSON *piece;

	if ((request->lines != LINES_ALL && logs_find(folder, request->lines, &from, &err) < 0) ||
	    logs_read(folder, from, &piece, &err) < 0)
		call->peer->failed(call, EXIT_FAILED, err.text, NULL);
	else
		call->peer->done(call, piece);
}

/* One that hangs does not hold up what is known of the others. */
static void op_stats(struct call *call, const struct request *request)
{
	struct manager *manager = call->operations->manager;
	struct error err = {""};

	if (request->guest && !guest_alive(request->guest)) {
		answer(call,
		       error_set(&err, -ENOTCONN, "guest %s: is %s", request->guest->definition->name,
				 life_state_name(request->guest->state)),
		       &err);
		return;
	}
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (guest_alive(manager->guests[i]) &&
		    (!request->guest || request->guest == manager->guests[i]))
			stats_ask(manager->guests[i]);
	}
	call_wait(call, CALL_STATS, request->guest, STATS_WAIT_S);
}

/* What a list needs of crash reports: they are long, and there may be many. */
static void shorten_reports(cJSON *reports)
{
	static const char *const left_out[] = {"registers", "console", "report", "definition"};
	cJSON *report;

	while (cJSON_GetArraySize(reports) > CRASHES_LISTED_MAX)
		cJSON_DeleteItemFromArray(reports, CRASHES_LISTED_MAX);
	cJSON_ArrayForEach(report, reports)
	{
		for (unsigned i = 0; i < ARRAY_SIZE(left_out); i++)
			cJSON_DeleteItemFromObjectCaseSensitive(report, left_out[i]);
	}
}

static void op_vsock_connect(struct call *call, const struct request *request)
{
	uint32_t port = (uint32_t)request->port;
	int fd = call->peer->stream(call);
	struct error err = {""};
	int code = guest_vsock(request->guest, port, -1, &err);

	if (request->port == PORT_MISSING) {
		call->peer->failed(call, EXIT_USAGE, "request: port is missing: to which one?", NULL);
		return;
	}
	if (code == 0 && fd < 0)
		code = error_set(
			&err, -EBUSY,
			"a guest cannot be connected to over the virtio port: use the manager's socket");
	if (code < 0) {
		answer(call, code, &err);
		return;
	}
	call->peer->done(call, NULL);
	if (guest_vsock(request->guest, port, fd, &err) < 0)
		log_warning("%s", err.text);
	call->peer->handed_over(call);
}

static void op_crashes(struct call *call, const struct request *request)
{
	const struct settings *settings = call->operations->manager->settings;
	const char *name = request->guest ? request->guest->definition->name : NULL;
	struct error err = {""};
	cJSON *reports;

	if (crash_reports_read(settings, name, &reports, &err) < 0) {
		call->peer->failed(call, EXIT_FAILED, err.text, NULL);
		return;
	}
	if (!request->newest)
		shorten_reports(reports);
	while (request->newest && cJSON_GetArraySize(reports) > 1)
		cJSON_DeleteItemFromArray(reports, 1);
	call->peer->done(call, reports);
}

static void op_events(struct call *call, const struct request *request)
{
	const struct events *events = call->operations->manager->events;
	cJSON *result;

	if (request->follow) {
		call->last_event = request->since;
		call_wait(call, CALL_EVENTS, NULL, 0);
		return;
	}
	result = cJSON_CreateArray();
	for (uint64_t id =
		     MAX(request->since + 1, events->last > EVENTS_MAX ? events->last - EVENTS_MAX + 1 : 1);
	     id <= events->last; id++)
		cJSON_AddItemToArray(result, event_to_json(events_get(events, id)));
	call->peer->done(call, result);
}

static void op_network(struct call *call, const struct request *request)
{
	struct error err = {""};
	struct json_place place = request->place;
	cJSON *result = NULL;
	int code;

	place.err = &err;
	code = network_operation(call->operations->manager->networks, &place, &result);
	if (code < 0)
		answer(call, code, &err);
	else
		call->peer->done(call, result);
}

/* Whether this host is one of ours, whose init powers the machine off. */
static bool host_is_rastos(void)
{
	return access("/run/rinit/control", F_OK) == 0;
}

static void op_down(struct call *call, const struct request *request)
{
	struct operations *operations = call->operations;

	if (request->poweroff && !host_is_rastos()) {
		call->peer->failed(call, EXIT_REFUSED,
				   "this host is not rastOS: power it off by its own means", NULL);
		return;
	}
	if (request->keep_guests) {
		operations->keep_guests = true;
		operations->down(operations->owner, false);
		call->peer->done(call, NULL);
		return;
	}
	operations->poweroff = operations->poweroff || request->poweroff;
	manager_down(operations->manager, (unsigned)request->timeout_s, request->force);
	call_wait(call, CALL_DOWN, NULL, 0);
}

static const struct operation operations[] = {
	{"list", .run = op_list},
	{"plan", .run = op_plan},
	{"mode", .members = {"mode", "timeout_s"}, .run = op_mode},
	{"info", .on_guest = true, .run = op_info},
	{"define", .members = {"definition", "folder", "replace"}, .run = op_define},
	{"undefine", .on_guest = true, .run = op_undefine},
	{"start", .on_guest = true, .members = {"wait", "timeout_s"}, .run = op_start},
	{"shutdown", .on_guest = true, .members = {"wait", "timeout_s"}, .run = op_shutdown},
	{"reboot", .on_guest = true, .members = {"timeout_s"}, .run = op_reboot},
	{"kill", .on_guest = true, .members = {"wait"}, .run = op_kill},
	{"pause", .on_guest = true, .run = op_pause},
	{"resume", .on_guest = true, .run = op_resume},
	{"boot-report", .on_guest = true, .members = {"wait", "timeout_s"}, .run = op_boot_report},
	{"console", .on_guest = true, .run = op_console},
	{"logs", .on_guest = true, .members = {"from", "lines"}, .run = op_logs},
	{"stats", .on_guest = true, .guest_optional = true, .run = op_stats},
	{"crashes", .on_guest = true, .guest_optional = true, .members = {"newest"}, .run = op_crashes},
	{"vsock-connect", .on_guest = true, .members = {"port"}, .run = op_vsock_connect},
	{"events", .members = {"since", "follow"}, .run = op_events},
	{"network-list", .run = op_network},
	{"network-info", .members = {"network"}, .run = op_network},
	{"network-define", .members = {"definition", "replace"}, .run = op_network},
	{"network-undefine", .members = {"network"}, .run = op_network},
	{"down", .members = {"timeout_s", "force", "poweroff", "keep_guests"}, .run = op_down},
};

/* --- Requests --- */

static const struct operation *find_operation(const struct json_place *place, struct error *err)
{
	const char *names[ARRAY_SIZE(operations) + 1] = {NULL};
	const cJSON *op = cJSON_GetObjectItemCaseSensitive(place->object, "op");
	const char *word = cJSON_IsString(op) ? op->valuestring : "";
	const char *nearest;

	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		names[i] = operations[i].name;
		if (strcmp(word, names[i]) == 0)
			return &operations[i];
	}
	nearest = nearest_word(word, names);
	error_set(err, -EINVAL,
		  nearest ? "%.64s is not an operation, did you mean %s?" : "%.64s is not an operation",
		  *word ? word : "this", nearest);
	return NULL;
}

static int check_members(const struct json_place *place, const struct operation *operation)
{
	const char *keys[ARRAY_SIZE(operation->members) + 4] = {"id", "op"};
	unsigned count = 2;

	if (operation->on_guest)
		keys[count++] = "guest";
	for (unsigned i = 0; operation->members[i]; i++)
		keys[count++] = operation->members[i];
	return json_keys(place, keys);
}

static int find_guest(struct manager *manager, const struct operation *operation, struct request *request,
		      struct error *err)
{
	AUTO_FREE char *name = NULL;
	int code = operation->on_guest ? json_string(&request->place, "guest", &name) : 0;

	if (code < 0 || !operation->on_guest || (!name && operation->guest_optional))
		return code;
	if (!name)
		return json_error(&request->place, "guest", "is missing: which guest?");
	request->guest = manager_find(manager, name);
	return request->guest ? 0 : no_guest(manager, name, err);
}

static int read_request(struct manager *manager, const struct operation *operation, struct request *request,
			struct error *err)
{
	const struct json_place *place = &request->place;
	int code = check_members(place, operation);

	request->port = PORT_MISSING;
	request->timeout_s = operation->run == op_boot_report || operation->run == op_start
				     ? WAIT_DEFAULT_S
				     : GUEST_DOWN_SECONDS;
	request->lines = LINES_ALL;
	if (code < 0 || (code = json_bool(place, "wait", &request->wait)) < 0 ||
	    (code = json_bool(place, "force", &request->force)) < 0 ||
	    (code = json_bool(place, "poweroff", &request->poweroff)) < 0 ||
	    (code = json_bool(place, "keep_guests", &request->keep_guests)) < 0 ||
	    (code = json_bool(place, "replace", &request->replace)) < 0 ||
	    (code = json_bool(place, "follow", &request->follow)) < 0 ||
	    (code = json_bool(place, "newest", &request->newest)) < 0 ||
	    (code = json_uint(place, "lines", 0, LINES_ALL - 1, &request->lines)) < 0 ||
	    (code = json_uint(place, "from", 0, 1ULL << 53, &request->from)) < 0 ||
	    (code = json_uint(place, "timeout_s", 0, TIMEOUT_MAX_S, &request->timeout_s)) < 0 ||
	    (code = json_uint(place, "port", 0, UINT32_MAX - 1, &request->port)) < 0 ||
	    (code = json_uint(place, "since", 0, 1ULL << 53, &request->since)) < 0)
		return code;
	return find_guest(manager, operation, request, err);
}

void call_begin(struct call *call, const cJSON *json)
{
	struct error err = {""};
	struct request request = {.place = {.source = "request", .object = json, .err = &err}};
	const struct operation *operation = find_operation(&request.place, &err);
	int code;

	call_waited(call);    /* a client that asks anew no longer waits */
	json_memory_missed(); /* of what this answer is not made of */
	if (!operation) {
		call->peer->failed(call, EXIT_USAGE, err.text, NULL);
		return;
	}
	code = read_request(call->operations->manager, operation, &request, &err);
	if (code == -ENODATA)
		call->peer->failed(call, EXIT_NO_GUEST, err.text, NULL);
	else if (code < 0)
		call->peer->failed(call, EXIT_USAGE, err.text, NULL);
	else
		operation->run(call, &request);
}
