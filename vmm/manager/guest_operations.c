/* Operations on guests: their life, what they say and what they cost. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/util.h"
#include "vmm/config/json.h"
#include "vmm/manager/crash.h"
#include "vmm/guest/machine_cpus.h"
#include "vmm/manager/guest_vcpus.h"
#include "vmm/manager/logs.h"
#include "vmm/manager/request.h"
#include "vmm/manager/stats.h"
#include "vmm/manager/wait.h"
#include "vmm/storage/overlay.h"

#define STATS_WAIT_S       1
#define VCPUS_WAIT_S       (CPUS_ANSWER_S + 5) /* the guest has less: its process says how it went */
#define CRASHES_LISTED_MAX 100

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
	cJSON *completed;
	int code = json_object(&request->place, "definition", &inner);

	if (code == 0 && !inner.object)
		return json_error(&request->place, "definition", "is missing");
	if (code == 0)
		code = json_string(&request->place, "folder", &folder);
	if (code < 0)
		return code;
	if (folder && *folder != '/')
		return json_error(&request->place, "folder", "must be an absolute path");
	completed = cJSON_Duplicate(inner.object, true);
	overlay_complete(manager->settings, completed);
	text = cJSON_PrintUnformatted(completed);
	cJSON_Delete(completed);
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
	struct error *err = request->place.err;
	int code = define(manager, request, name, err);

	if (code < 0)
		answer(call, code, err);
	else
		call->peer->done(call, manager_describe(manager_find(manager, name)));
}

static void op_undefine(struct call *call, const struct request *request)
{
	struct error err = {0};

	answer(call, manager_undefine(request->guest, &err), &err);
}

static void op_start(struct call *call, const struct request *request)
{
	struct error err = {0};
	int code = manager_start(request->guest, &err);

	if (code < 0)
		answer(call, code, &err);
	else
		call_wait(call, request->wait ? CALL_READY : CALL_STARTED, request->guest,
			  request->wait ? request->timeout_s : 0);
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
	struct error err = {0};

	answer_off(call, request, guest_shutdown(request->guest, (unsigned)request->timeout_s, &err), &err);
}

static void op_kill(struct call *call, const struct request *request)
{
	struct error err = {0};

	answer_off(call, request, guest_kill(request->guest, &err), &err);
}

static void op_reboot(struct call *call, const struct request *request)
{
	struct error err = {0};

	int code;

	call->change = request->guest->record.started_ns;
	code = guest_reboot(request->guest, (unsigned)request->timeout_s, &err);
	if (code < 0 || !request->wait)
		answer(call, code, &err);
	else
		call_wait(call, CALL_REBOOTED, request->guest,
			  request->timeout_s + 2 * (GUEST_STOP_NS / 1000000000ULL) + WAIT_DEFAULT_S);
}

static void op_pause(struct call *call, const struct request *request)
{
	struct error err = {0};

	answer(call, guest_pause(request->guest, &err), &err);
}

static void op_resume(struct call *call, const struct request *request)
{
	struct error err = {0};

	answer(call, guest_resume(request->guest, &err), &err);
}

static void op_boot_report(struct call *call, const struct request *request)
{
	if (request->wait)
		call_wait(call, CALL_READY, request->guest, request->timeout_s);
	else
		call->peer->done(call, boot_report_to_json(&request->guest->report));
}

static void op_logs(struct call *call, const struct request *request)
{
	const char *folder = request->guest->folder;
	uint64_t from = request->from;
	struct error err = {0};
	cJSON *piece;

	if ((request->lines != LINES_ALL && logs_find(folder, request->lines, &from, &err) < 0) ||
	    logs_read(folder, from, &piece, &err) < 0)
		call->peer->failed(call, EXIT_FAILED, err.text, NULL);
	else
		call->peer->done(call, piece);
}

/* For their counters; guest: NULL, or the only one. */
static void ask_all(struct manager *manager, const struct managed_guest *guest)
{
	for (unsigned i = 0; i < manager->guest_count; i++) {
		if (guest_alive(manager->guests[i]) && (!guest || guest == manager->guests[i]))
			stats_ask(manager->guests[i]);
	}
}

/* One that hangs does not hold up what is known of the others. */
static void op_stats(struct call *call, const struct request *request)
{
	struct manager *manager = call->operations->manager;
	struct error err = {0};

	if (request->guest && !guest_alive(request->guest)) {
		answer(call,
		       error_set(&err, -ENOTCONN, "guest %s: is %s", request->guest->definition->name,
				 life_state_name(request->guest->state)),
		       &err);
		return;
	}
	ask_all(manager, request->guest);
	call_wait(call, CALL_STATS, request->guest, STATS_WAIT_S);
}

static void op_metrics(struct call *call, const struct request *request)
{
	(void)request;
	ask_all(call->operations->manager, NULL);
	call_wait(call, CALL_METRICS, NULL, STATS_WAIT_S);
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

static void op_crashes(struct call *call, const struct request *request)
{
	const struct settings *settings = call->operations->manager->settings;
	const char *name = request->guest ? request->guest->definition->name : NULL;
	struct error err = {0};
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

static void op_memory_set(struct call *call, const struct request *request)
{
	uint64_t mib = 0;
	struct error err = {0};
	struct json_place place = request->place;
	int code;

	place.err = &err;
	code = json_uint(&place, "memory_mib", WANTS_MEMORY_MIN, WANTS_MEMORY_MAX, &mib);
	if (code == 0 && !mib)
		code = json_error(&place, "memory_mib", "is missing: how much?");
	if (code == 0)
		code = memory_share_by_hand(request->guest, mib, &err);
	refuse_request(call, code, &err);
}

bool vcpus_call_look(struct call *call)
{
	struct error err = {0};
	int code = guest_vcpus_outcome(call->guest, call->change, &err);
	cJSON *result;

	if (code == -EINPROGRESS)
		return false;
	call_waited(call);
	if (code < 0) {
		refuse_request(call, code, &err);
		return true;
	}
	result = cJSON_CreateObject();
	cJSON_AddNumberToObject(result, "vcpus", guest_vcpus(call->guest));
	if (*guest_vcpus_remark(call->guest))
		cJSON_AddStringToObject(result, "note", guest_vcpus_remark(call->guest));
	call->peer->done(call, result);
	return true;
}

static void op_vcpus_set(struct call *call, const struct request *request)
{
	struct error err = {0};
	struct json_place place = request->place;
	uint64_t count = 0;
	int64_t code;

	place.err = &err;
	code = json_uint(&place, "vcpus", 1, WANTS_VCPUS_MAX, &count);
	if (code == 0 && !count)
		code = json_error(&place, "vcpus", "is missing: how many?");
	if (code == 0)
		code = guest_set_vcpus(request->guest, (unsigned)count, &err);
	if (code < 0) {
		refuse_request(call, (int)code, &err);
		return;
	}
	call->change = (uint64_t)code;
	call_wait(call, CALL_VCPUS, request->guest, VCPUS_WAIT_S);
}

const struct operation guest_operations[] = {
	{"list", .run = op_list},
	{"info", .on_guest = true, .run = op_info},
	{"define", .members = {"definition", "folder", "replace"}, .run = op_define},
	{"undefine", .on_guest = true, .run = op_undefine},
	{"start", .on_guest = true, .members = {"wait", "timeout_s"}, .task = TASK_OF_A_WAIT,
	 .timeout_s = WAIT_DEFAULT_S, .run = op_start},
	{"shutdown", .on_guest = true, .members = {"wait", "timeout_s"}, .task = TASK_OF_A_WAIT,
	 .run = op_shutdown},
	{"reboot", .on_guest = true, .members = {"wait", "timeout_s"}, .task = TASK_OF_A_WAIT,
	 .run = op_reboot},
	{"kill", .on_guest = true, .members = {"wait"}, .task = TASK_OF_A_WAIT, .run = op_kill},
	{"pause", .on_guest = true, .run = op_pause},
	{"resume", .on_guest = true, .run = op_resume},
	{"boot-report", .on_guest = true, .members = {"wait", "timeout_s"}, .task = TASK_OF_A_WAIT,
	 .timeout_s = WAIT_DEFAULT_S, .run = op_boot_report},
	{"memory-set", .on_guest = true, .members = {"memory_mib"}, .run = op_memory_set},
	{"vcpus-set", .on_guest = true, .members = {"vcpus"}, .run = op_vcpus_set},
	{"logs", .on_guest = true, .members = {"from", "lines"}, .run = op_logs},
	{"stats", .on_guest = true, .guest_optional = true, .run = op_stats},
	{"metrics", .run = op_metrics},
	{"crashes", .on_guest = true, .guest_optional = true, .members = {"newest"}, .run = op_crashes},
	{0},
};
