/*
 * Operations on the host as a whole: what it has, its division, its mode, its events, its end.
 *
 *      host    what the plan has as "host" (vmm/plan/report.h), and
 * {"name","kernel","architecture","version","mode", "kvm","pid","uptime_s","guests"}: kvm: whether /dev/kvm
 * can be used; pid and uptime_s of the manager; how many guests are defined
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/util.h"
#include "hypervisor/kvm/kvm.h"
#include "vmm/config/json.h"
#include "vmm/manager/division.h"
#include "vmm/manager/request.h"
#include "vmm/manager/wait.h"
#include "vmm/plan/report.h"

/* Who we are, and where. */
static void add_manager(cJSON *json, const struct manager *manager)
{
	uint64_t up_ns = monotonic_ns() - manager->started_ns;
	struct utsname name;

	if (uname(&name) == 0) {
		cJSON_AddStringToObject(json, "name", name.nodename);
		cJSON_AddStringToObject(json, "kernel", name.release);
		cJSON_AddStringToObject(json, "architecture", name.machine);
	}
	cJSON_AddStringToObject(json, "version", RASTOS_VERSION);
	cJSON_AddStringToObject(json, "mode", mode_name(manager->mode));
	cJSON_AddBoolToObject(json, "kvm", access(KVM_DEVICE, R_OK | W_OK) == 0);
	cJSON_AddNumberToObject(json, "pid", getpid());
	cJSON_AddNumberToObject(json, "uptime_s", (double)(up_ns / 1000000000ULL));
	cJSON_AddNumberToObject(json, "guests", manager->guest_count);
}

static void op_host(struct call *call, const struct request *request)
{
	AUTO_FREE struct inventory *host = calloc(1, sizeof(*host));
	struct error *err = request->place.err;
	int code = host ? inventory_read("/", host, err) : error_set(err, -ENOMEM, "host: out of memory");
	cJSON *result = code < 0 ? NULL : host_to_json(host);

	if (code == 0)
		add_manager(result, call->operations->manager);
	answer_with(call, code, err, result);
}

static void op_plan(struct call *call, const struct request *request)
{
	struct error err = {0};
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
	struct error *err = request->place.err;
	AUTO_FREE char *word = NULL;
	cJSON *result;
	int code = json_string(&request->place, "mode", &word);

	if (code == 0 && word)
		code = manager_set_mode(manager, word, (unsigned)request->timeout_s, err);
	if (code < 0) {
		answer(call, code, err);
		return;
	}
	if (word && request->wait) {
		call_wait(call, CALL_MODE, NULL, request->timeout_s + 2 * (GUEST_STOP_NS / 1000000000ULL));
		return;
	}
	result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "mode", mode_name(manager->mode));
	call->peer->done(call, result);
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

const struct operation host_operations[] = {
	{"host", .run = op_host},
	{"plan", .run = op_plan},
	{"mode", .members = {"mode", "wait", "timeout_s"}, .task = TASK_OF_A_WAIT, .run = op_mode},
	{"events", .members = {"since", "follow"}, .run = op_events},
	{"down", .members = {"timeout_s", "force", "poweroff", "keep_guests"}, .run = op_down},
	{0},
};
