/*
 * Operations on the devices of a guest (devices.h).
 *
 * A change while the guest is off, or with "next_start":true, is one of its definition. In a guest that runs
 * it is carried out (guest_hotplug.h), and then one of the definition too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/manager/devices.h"
#include "vmm/config/json_memory.h"
#include "vmm/manager/guest_hotplug.h"
#include "vmm/manager/request.h"
#include "vmm/manager/stats.h"
#include "vmm/manager/wait.h"

#define STATS_WAIT_S 1

static int no_device(const struct managed_guest *guest, const char *id, struct error *err)
{
	return error_set(err, -ENOENT, "guest %s: no device of it is called %.64s", guest->definition->name,
			 id);
}

void device_call_counted(struct call *call)
{
	struct error err;
	cJSON *result;

	if (!call->device[0]) {
		result = cJSON_CreateObject();
		cJSON_AddItemToObject(result, "devices", devices_to_json(call->guest));
		call->peer->done(call, result);
		return;
	}
	result = device_to_json(call->guest, call->device, false);
	if (result)
		call->peer->done(call, result);
	else if (json_memory_missed())
		answer(call,
		       error_set(&err, -ENOMEM, "guest %s: out of memory", call->guest->definition->name),
		       &err);
	else
		refuse(call, no_device(call->guest, call->device, &err), EXIT_REFUSED, &err);
}

static void show(struct call *call, struct managed_guest *guest, const char *id)
{
	snprintf(call->device, sizeof(call->device), "%s", id);
	if (guest_alive(guest))
		stats_ask(guest);
	call_wait(call, CALL_DEVICES, guest, STATS_WAIT_S);
}

static void op_device_list(struct call *call, const struct request *request)
{
	show(call, request->guest, "");
}

static int read_id(const struct json_place *place, const char *key, char **id)
{
	int code = json_string(place, key, id);

	if (code == 0 && !*id)
		return json_error(place, key, "is missing: which device?");
	if (code == 0 && (!definition_name_valid(*id) || strlen(*id) > DEFINITION_DEVICE_ID_MAX))
		return json_error(place, key, "must be letters, digits, '-', '_' and '.', at most %d of them",
				  DEFINITION_DEVICE_ID_MAX);
	return code;
}

static void op_device_info(struct call *call, const struct request *request)
{
	AUTO_FREE char *id = NULL;
	int code = read_id(&request->place, "device", &id);

	if (code < 0)
		refuse(call, code, EXIT_USAGE, request->place.err);
	else
		show(call, request->guest, id);
}

/* --- Changing --- */

/* Whether two devices are the same but for what can change while the guest runs. */
static bool differ_in_live_keys(const struct guest_definition *a, const struct guest_definition *b,
				const struct device_kind *kind, unsigned index)
{
	cJSON *items[2];
	bool same;

	for (unsigned i = 0; i < 2; i++) {
		items[i] = cJSON_Duplicate(
			cJSON_GetArrayItem(device_array((i ? b : a)->json, kind), (int)index), true);
		for (unsigned j = 0; kind->live_keys[j]; j++)
			cJSON_DeleteItemFromObjectCaseSensitive(items[i], kind->live_keys[j]);
	}
	same = cJSON_Compare(items[0], items[1], true);
	cJSON_Delete(items[0]);
	cJSON_Delete(items[1]);
	return same;
}

/* Whether the guest runs with the device as it is wished already, or needs but its live keys changed. */
static int compare_running(const struct managed_guest *guest, const struct device_wish *wish,
			   const struct guest_definition *changed, bool *same, bool *adjusts,
			   struct error *err)
{
	const struct device_kind *kind = NULL;
	unsigned index = 0;
	bool found = device_find(guest->definition, wish->id, &kind, &index);

	*same = wish->item ? cJSON_Compare(changed->json, guest->definition->json, true) : !found;
	*adjusts = found && wish->item && !*same && kind->live_keys[0] &&
		   differ_in_live_keys(guest->definition, changed, kind, index);
	if (found && wish->item && !*same && !*adjusts)
		return error_set(
			err, -EBUSY,
			"guest %s: device %s: cannot change while the guest runs: remove it first, or change "
			"it from the next start on (next_start)",
			guest->definition->name, wish->id);
	return 0;
}

/* In the guest that runs: the change's number, 0 when there is nothing to do. next is taken over unless an
 * error or 0 is returned. */
static int64_t change_running(struct managed_guest *guest, const struct device_wish *wish,
			      struct guest_definition *next, struct error *err)
{
	struct hotplug_change change = {.removes = !wish->item, .next = next};
	const struct device_kind *kind = wish->kind;
	bool same = false;
	int64_t code = device_wish_apply(guest, guest->definition, wish, &change.running, err);

	if (code == 0)
		code = compare_running(guest, wish, change.running, &same, &change.adjusts, err);
	if (code == 0 && !same) {
		snprintf(change.id, sizeof(change.id), "%s", wish->id);
		device_find(change.removes ? guest->definition : change.running, wish->id, &kind,
			    &change.index);
		change.is_disk = kind == DEVICE_DISK;
		code = guest_hotplug_change(guest, &change, err);
	}
	if (code <= 0)
		definition_free(change.running);
	return code;
}

static void answer_changed(struct call *call, struct managed_guest *guest, const struct device_wish *wish)
{
	if (wish->item)
		call->peer->done(call, device_to_json(guest, wish->id, wish->next_start));
	else
		call->peer->done(call, NULL);
}

static void change(struct call *call, const struct request *request, const struct device_wish *wish)
{
	struct managed_guest *guest = request->guest;
	const struct guest_definition *base = guest->fresh ? guest->fresh : guest->definition;
	struct error *err = request->place.err;
	struct guest_definition *next = NULL;
	bool live = guest_alive(guest) && !wish->next_start;
	int64_t code = device_wish_apply(guest, base, wish, &next, err);

	if (code == 0 && live)
		code = change_running(guest, wish, next, err);
	if (code > 0) {
		call->change = (uint64_t)code;
		snprintf(call->device, sizeof(call->device), "%s", wish->item ? wish->id : "");
		call_wait(call, CALL_DEVICE_CHANGE, guest, request->timeout_s);
		return;
	}
	if (code == 0)
		code = manager_define(guest->manager, next, true, err);
	if (code < 0) {
		definition_free(next);
		refuse_request(call, (int)code, err);
		return;
	}
	answer_changed(call, guest, wish);
}

bool device_call_look(struct call *call)
{
	struct managed_guest *guest = call->guest;
	struct error err = {0};
	struct device_wish wish = {.id = call->device,
				   .item = call->device[0] ? guest->definition->json : NULL};
	int code = guest_hotplug_outcome(guest, call->change, &err);

	if (code == -EINPROGRESS)
		return false;
	call_waited(call);
	if (code < 0)
		refuse_request(call, code, &err);
	else
		answer_changed(call, guest, &wish);
	return true;
}

static int read_kind(const struct json_place *place, const struct device_kind **kind)
{
	static const char *const words[] = {"disk", "network", NULL};
	unsigned word = ARRAY_SIZE(device_kinds);
	int code = json_word(place, "kind", words, &word);

	if (code == 0 && word == ARRAY_SIZE(device_kinds))
		return json_error(place, "kind", "is missing: disk or network");
	*kind = &device_kinds[word % ARRAY_SIZE(device_kinds)];
	return code;
}

/* What it is, and its id: the item's own, or the member "device". */
static int read_wish(const struct request *request, struct device_wish *wish)
{
	const struct json_place *place = &request->place;
	struct json_place item;
	const char *id;
	int code = read_kind(place, &wish->kind);

	if (code == 0)
		code = json_object(place, "definition", &item);
	if (code < 0)
		return code;
	if (!item.object)
		return json_error(place, "definition", "is missing");
	wish->item = item.object;
	id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item.object, "id"));
	if (id && !cJSON_HasObjectItem(place->object, "device")) {
		item.err = place->err;
		return read_id(&item, "id", &wish->id);
	}
	code = read_id(place, "device", &wish->id);
	if (code == 0 && id && strcmp(id, wish->id) != 0)
		return json_error(&item, "id", "is another than device, which is %s", wish->id);
	return code;
}

static void op_device_add(struct call *call, const struct request *request)
{
	struct device_wish wish = {0};
	int code = read_wish(request, &wish);

	if (code == 0)
		code = json_bool(&request->place, "next_start", &wish.next_start);
	if (code < 0)
		refuse(call, code, EXIT_USAGE, request->place.err);
	else
		change(call, request, &wish);
	free(wish.id);
}

/* In what runs, or in what counts from the next start on. */
static bool is_known(const struct managed_guest *guest, const char *id)
{
	const struct device_kind *kind;
	unsigned index;

	return device_find(guest->definition, id, &kind, &index) ||
	       (guest->fresh && device_find(guest->fresh, id, &kind, &index));
}

static void op_device_remove(struct call *call, const struct request *request)
{
	struct error *err = request->place.err;
	struct device_wish wish = {0};
	int code = read_id(&request->place, "device", &wish.id);

	if (code == 0)
		code = json_bool(&request->place, "next_start", &wish.next_start);
	if (code < 0)
		refuse(call, code, EXIT_USAGE, err);
	else if (!is_known(request->guest, wish.id))
		refuse(call, no_device(request->guest, wish.id, err), EXIT_REFUSED, err);
	else
		change(call, request, &wish);
	free(wish.id);
}

const struct operation device_operations[] = {
	{"device-list", .on_guest = true, .run = op_device_list},
	{"device-info", .on_guest = true, .members = {"device"}, .run = op_device_info},
	{"device-add", .on_guest = true,
	 .members = {"device", "kind", "definition", "next_start", "timeout_s"}, .task = TASK_OF_A_WAIT,
	 .run = op_device_add},
	{"device-remove", .on_guest = true, .members = {"device", "next_start", "timeout_s"},
	 .task = TASK_OF_A_WAIT, .run = op_device_remove},
	{0},
};
