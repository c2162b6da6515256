#include "vmm/manager/request.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/config/nearest.h"

#define TIMEOUT_MAX_S 86400

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

void refuse(struct call *call, int code, enum exit_code exit_code, const struct error *err)
{
	call->error = code;
	memcpy(call->pointer, err->pointer, sizeof(call->pointer));
	call->peer->failed(call, exit_code, err->text, NULL);
}

void answer(struct call *call, int code, const struct error *err)
{
	if (code < 0)
		refuse(call, code, exit_code_of(code), err);
	else
		call->peer->done(call, NULL);
}

void refuse_request(struct call *call, int code, const struct error *err)
{
	switch (code) {
	case -EINVAL:
		refuse(call, code, EXIT_USAGE, err);
		return;
	case -ENOENT:
	case -ECANCELED:
		refuse(call, code, EXIT_REFUSED, err);
		return;
	default:
		answer(call, code, err);
	}
}

void answer_with(struct call *call, int code, const struct error *err, cJSON *result)
{
	if (code < 0)
		answer(call, code, err);
	else
		call->peer->done(call, result);
}

/* --- Reading --- */

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

static int check_members(const struct json_place *place, const struct operation *operation)
{
	const char *keys[OPERATION_MEMBERS_MAX + 5] = {"id", "op"};
	unsigned count = 2;

	if (operation->on_guest)
		keys[count++] = "guest";
	if (operation->task != TASK_NEVER)
		keys[count++] = "task";
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

int request_read(struct manager *manager, const struct operation *operation, struct request *request,
		 struct error *err)
{
	const struct json_place *place = &request->place;
	int code = check_members(place, operation);

	request->port = PORT_MISSING;
	request->timeout_s = operation->timeout_s ? operation->timeout_s : GUEST_DOWN_SECONDS;
	request->lines = LINES_ALL;
	if (code < 0 || (code = json_bool(place, "wait", &request->wait)) < 0 ||
	    (code = json_bool(place, "force", &request->force)) < 0 ||
	    (code = json_bool(place, "poweroff", &request->poweroff)) < 0 ||
	    (code = json_bool(place, "keep_guests", &request->keep_guests)) < 0 ||
	    (code = json_bool(place, "replace", &request->replace)) < 0 ||
	    (code = json_bool(place, "follow", &request->follow)) < 0 ||
	    (code = json_bool(place, "newest", &request->newest)) < 0 ||
	    (operation->task != TASK_NEVER && (code = json_bool(place, "task", &request->task)) < 0) ||
	    (code = json_uint(place, "lines", 0, LINES_ALL - 1, &request->lines)) < 0 ||
	    (code = json_uint(place, "from", 0, 1ULL << 53, &request->from)) < 0 ||
	    (code = json_uint(place, "timeout_s", 0, TIMEOUT_MAX_S, &request->timeout_s)) < 0 ||
	    (code = json_uint(place, "port", 0, UINT32_MAX - 1, &request->port)) < 0 ||
	    (code = json_uint(place, "since", 0, 1ULL << 53, &request->since)) < 0)
		return code;
	return find_guest(manager, operation, request, err);
}
