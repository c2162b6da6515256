/* Operations on the host as a whole: its division, its mode, its events, its end. */
#include <stdio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/json.h"
#include "vmm/manager/division.h"
#include "vmm/manager/request.h"
#include "vmm/manager/wait.h"

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
	{"plan", .run = op_plan},
	{"mode", .members = {"mode", "timeout_s"}, .run = op_mode},
	{"events", .members = {"since", "follow"}, .run = op_events},
	{"down", .members = {"timeout_s", "force", "poweroff", "keep_guests"}, .run = op_down},
	{NULL},
};
