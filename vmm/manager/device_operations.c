/*
 * Operations on the devices of a guest:
 *
 *      {"id":"disk0","type":"disk","index":0,"hotplug":true,"disk":{...},"leaving":true,"counters":{...}}
 *
 * `type` is disk, network, rng, vsock or console; `disk` or `network` is the item of the definition, whose
 * place is `index`; `hotplug` says whether it can come and go while the guest runs, `leaving` that the guest
 * was asked to let it go. `counters` is what vmm/guest/counters.h has of it, while the guest runs. An id is
 * the item's "id", or else disk0, net1 ...; of the others rng0, vsock0, console0.
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
#include "vmm/manager/guest_hotplug.h"
#include "vmm/manager/request.h"
#include "vmm/manager/stats.h"
#include "vmm/manager/wait.h"

#define STATS_WAIT_S 1

struct device_kind {
	const char *type;  /* and the member of a request */
	const char *array; /* of the definition */
	const char *word;  /* of ids by default */
};

static const struct device_kind kinds[] = {
	{"disk", "disks", "disk"},
	{"network", "networks", "net"},
};

#define KIND_DISK    (&kinds[0])
#define KIND_NETWORK (&kinds[1])

static unsigned count_of(const struct guest_definition *definition, const struct device_kind *kind)
{
	return kind == KIND_DISK ? definition->disk_count : definition->network_count;
}

static const char *id_of(const struct guest_definition *definition, const struct device_kind *kind,
			 unsigned index, char *buffer)
{
	return kind == KIND_DISK ? definition_disk_id(definition, index, buffer)
				 : definition_network_id(definition, index, buffer);
}

static cJSON *array_of(const cJSON *definition, const struct device_kind *kind)
{
	return cJSON_GetObjectItemCaseSensitive(definition, kind->array);
}

/* The place of a disk or network card; false when there is none of this id. */
static bool find_device(const struct guest_definition *definition, const char *id,
			const struct device_kind **kind, unsigned *index)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (unsigned j = 0; j < count_of(definition, &kinds[i]); j++) {
			if (strcmp(id_of(definition, &kinds[i], j, buffer), id) == 0) {
				*kind = &kinds[i];
				*index = j;
				return true;
			}
		}
	}
	return false;
}

/* --- What is told --- */

/* What a guest has: one that is off has what its next start will give it. */
static const struct guest_definition *shown(const struct managed_guest *guest)
{
	return guest->fresh && !guest_alive(guest) ? guest->fresh : guest->definition;
}

static bool comes_and_goes(const struct managed_guest *guest)
{
	return guest_alive(guest) ? guest->devices.told : shown(guest)->transport == GUEST_TRANSPORT_PCI;
}

static bool is_leaving(const struct managed_guest *guest, const char *id)
{
	for (unsigned i = 0; i < guest->devices.count; i++) {
		if (strcmp(guest->devices.list[i].id, id) == 0)
			return guest->devices.list[i].leaving;
	}
	return false;
}

static void add_counters(cJSON *device, const char *id, cJSON *counters)
{
	static const char *const arrays[] = {"disks", "networks", "others"};
	cJSON *item;

	for (unsigned i = 0; counters && i < ARRAY_SIZE(arrays); i++) {
		cJSON *array = cJSON_GetObjectItemCaseSensitive(counters, arrays[i]);

		cJSON_ArrayForEach(item, array)
		{
			const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "device");

			if (!cJSON_IsString(name) || strcmp(name->valuestring, id) != 0)
				continue;
			cJSON_DetachItemViaPointer(array, item);
			cJSON_DeleteItemFromObjectCaseSensitive(item, "device");
			cJSON_AddItemToObject(device, "counters", item);
			return;
		}
	}
}

static cJSON *device_new(const char *id, const char *type, bool hotplug, cJSON *counters)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "id", id);
	cJSON_AddStringToObject(json, "type", type);
	cJSON_AddBoolToObject(json, "hotplug", hotplug);
	add_counters(json, id, counters);
	return json;
}

static void add_devices(cJSON *list, const struct managed_guest *guest, const struct device_kind *kind,
			cJSON *counters)
{
	const struct guest_definition *definition = shown(guest);
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];

	for (unsigned i = 0; i < count_of(definition, kind); i++) {
		const char *id = id_of(definition, kind, i, buffer);
		cJSON *device = device_new(id, kind->type, comes_and_goes(guest), counters);
		const cJSON *item = cJSON_GetArrayItem(array_of(definition->json, kind), (int)i);

		cJSON_AddNumberToObject(device, "index", i);
		cJSON_AddItemToObject(device, kind->type, cJSON_Duplicate(item, true));
		if (is_leaving(guest, id))
			cJSON_AddTrueToObject(device, "leaving");
		cJSON_AddItemToArray(list, device);
	}
}

static cJSON *list_devices(const struct managed_guest *guest)
{
	const struct guest_definition *definition = shown(guest);
	cJSON *counters = stats_counted(guest) ? counters_to_json(&guest->counters) : NULL;
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		add_devices(list, guest, &kinds[i], counters);
	if (definition->rng)
		cJSON_AddItemToArray(list, device_new("rng0", "rng", false, counters));
	if (definition->vsock_cid)
		cJSON_AddItemToArray(list, device_new("vsock0", "vsock", false, counters));
	cJSON_AddItemToArray(list, device_new("console0", "console", false, counters));
	cJSON_Delete(counters);
	return list;
}

/* The device of this id out of a list that is deleted; NULL: there is none. */
static cJSON *pick(cJSON *list, const char *id)
{
	cJSON *item, *found = NULL;

	cJSON_ArrayForEach(item, list)
	{
		if (strcmp(cJSON_GetObjectItemCaseSensitive(item, "id")->valuestring, id) == 0) {
			found = cJSON_DetachItemViaPointer(list, item);
			break;
		}
	}
	cJSON_Delete(list);
	return found;
}

static int no_device(const struct managed_guest *guest, const char *id, struct error *err)
{
	return error_set(err, -ENOENT, "guest %s: no device of it is called %.64s", guest->definition->name,
			 id);
}

void device_call_counted(struct call *call)
{
	cJSON *list = list_devices(call->guest);
	struct error err;
	cJSON *result;

	if (!call->device[0]) {
		result = cJSON_CreateObject();
		cJSON_AddItemToObject(result, "devices", list);
		call->peer->done(call, result);
		return;
	}
	result = pick(list, call->device);
	if (result)
		call->peer->done(call, result);
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

/* --- Definitions with a change --- */

/* What is asked for: a device of this id, or none. */
struct wish {
	char *id;
	const struct device_kind *kind; /* of `item` */
	const cJSON *item;              /* NULL: it is to go */
	bool next_start;
};

static int definition_of(const struct managed_guest *guest, const cJSON *json,
			 struct guest_definition **definition, struct error *err)
{
	AUTO_FREE char *text = cJSON_PrintUnformatted(json);

	return text ? definition_parse("definition", "/", text, definition, err)
		    : error_set(err, -ENOMEM, "guest %s: out of memory", guest->definition->name);
}

/* The item with its id, unless its place gives it that id anyway. */
static cJSON *item_at(const struct wish *wish, unsigned index)
{
	cJSON *item = cJSON_Duplicate(wish->item, true);
	char word[DEFINITION_DEVICE_ID_MAX + 1];

	snprintf(word, sizeof(word), "%s%u", wish->kind->word, index);
	if (!cJSON_HasObjectItem(item, "id") && strcmp(word, wish->id) != 0)
		cJSON_AddStringToObject(item, "id", wish->id);
	return item;
}

/* "/disks/3/path" of the whole definition is "/definition/path" of what was asked. */
static void point_to_item(struct error *err, const struct wish *wish, unsigned index)
{
	char before[32], rest[sizeof(err->pointer)];
	int len = snprintf(before, sizeof(before), "/%s/%u", wish->kind->array, index);

	if (strncmp(err->pointer, before, (size_t)len) != 0)
		return;
	memcpy(rest, err->pointer + len, sizeof(rest) - (size_t)len);
	rest[sizeof(rest) - 1] = '\0';
	snprintf(err->pointer, sizeof(err->pointer), "/definition%.100s", rest);
}

static int with_item(const struct managed_guest *guest, const struct guest_definition *base,
		     const struct wish *wish, struct guest_definition **result, struct error *err)
{
	cJSON *json = cJSON_Duplicate(base->json, true);
	const struct device_kind *kind = wish->kind;
	unsigned index = count_of(base, kind);
	bool replaces = find_device(base, wish->id, &kind, &index);
	cJSON *array = array_of(json, wish->kind);
	int code;

	if (replaces && kind != wish->kind) {
		cJSON_Delete(json);
		return error_set(err, -EEXIST, "guest %s: device %s: is a %s", guest->definition->name,
				 wish->id, kind->type);
	}
	if (!array)
		array = cJSON_AddArrayToObject(json, wish->kind->array);
	if (replaces)
		cJSON_ReplaceItemInArray(array, (int)index, item_at(wish, index));
	else
		cJSON_AddItemToArray(array, item_at(wish, index));
	code = definition_of(guest, json, result, err);
	cJSON_Delete(json);
	if (code < 0)
		point_to_item(err, wish, index);
	return code;
}

/* Those behind it keep the ids that their places gave them. */
static void keep_ids(cJSON *array, const struct guest_definition *base, const struct device_kind *kind,
		     unsigned index)
{
	char buffer[DEFINITION_DEVICE_ID_MAX + 1];

	for (unsigned i = index + 1; i < count_of(base, kind); i++) {
		cJSON *item = cJSON_GetArrayItem(array, (int)i);

		if (!cJSON_HasObjectItem(item, "id"))
			cJSON_AddStringToObject(item, "id", id_of(base, kind, i, buffer));
	}
}

static int without_item(const struct managed_guest *guest, const struct guest_definition *base,
			const struct wish *wish, struct guest_definition **result, struct error *err)
{
	const struct device_kind *kind = NULL;
	unsigned index = 0;
	bool found = find_device(base, wish->id, &kind, &index);
	cJSON *json;
	int code;

	if (found && kind == KIND_DISK && base->kernel_disk != DEFINITION_NO_DISK &&
	    index <= base->kernel_disk)
		return error_set(err, -EBUSY,
				 "guest %s: device %s: the guest's kernel is on this disk, or on one "
				 "behind it",
				 guest->definition->name, wish->id);
	json = cJSON_Duplicate(base->json, true);
	if (found) {
		keep_ids(array_of(json, kind), base, kind, index);
		cJSON_DeleteItemFromArray(array_of(json, kind), (int)index);
	}
	code = definition_of(guest, json, result, err);
	cJSON_Delete(json);
	return code;
}

static int changed_definition(const struct managed_guest *guest, const struct guest_definition *base,
			      const struct wish *wish, struct guest_definition **result, struct error *err)
{
	return wish->item ? with_item(guest, base, wish, result, err)
			  : without_item(guest, base, wish, result, err);
}

/* --- Changing --- */

/* Whether two network cards are the same but for their links. */
static bool differ_in_link(const struct guest_definition *a, const struct guest_definition *b, unsigned index)
{
	cJSON *cards[2];
	bool same;

	for (unsigned i = 0; i < 2; i++) {
		cards[i] = cJSON_Duplicate(
			cJSON_GetArrayItem(array_of((i ? b : a)->json, KIND_NETWORK), (int)index), true);
		cJSON_DeleteItemFromObjectCaseSensitive(cards[i], "link");
	}
	same = cJSON_Compare(cards[0], cards[1], true);
	cJSON_Delete(cards[0]);
	cJSON_Delete(cards[1]);
	return same;
}

/* Whether the guest runs with the device as it is wished already, or needs but its link changed. */
static int compare_running(const struct managed_guest *guest, const struct wish *wish,
			   const struct guest_definition *changed, bool *same, bool *links, struct error *err)
{
	const struct device_kind *kind = NULL;
	unsigned index = 0;
	bool found = find_device(guest->definition, wish->id, &kind, &index);

	*same = wish->item ? cJSON_Compare(changed->json, guest->definition->json, true) : !found;
	*links = found && wish->item && !*same && kind == KIND_NETWORK &&
		 differ_in_link(guest->definition, changed, index);
	if (found && wish->item && !*same && !*links)
		return error_set(
			err, -EBUSY,
			"guest %s: device %s: cannot change while the guest runs: remove it first, or change "
			"it from the next start on (next_start)",
			guest->definition->name, wish->id);
	return 0;
}

/* In the guest that runs: the change's number, 0 when there is nothing to do. next is taken over unless an
 * error or 0 is returned. */
static int64_t change_running(struct managed_guest *guest, const struct wish *wish,
			      struct guest_definition *next, struct error *err)
{
	struct hotplug_change change = {.removes = !wish->item, .next = next};
	const struct device_kind *kind = wish->kind;
	bool same = false;
	int64_t code = changed_definition(guest, guest->definition, wish, &change.running, err);

	if (code == 0)
		code = compare_running(guest, wish, change.running, &same, &change.links, err);
	if (code == 0 && !same) {
		snprintf(change.id, sizeof(change.id), "%s", wish->id);
		find_device(change.removes ? guest->definition : change.running, wish->id, &kind,
			    &change.index);
		change.is_disk = kind == KIND_DISK;
		code = guest_hotplug_change(guest, &change, err);
	}
	if (code <= 0)
		definition_free(change.running);
	return code;
}

static void answer_changed(struct call *call, struct managed_guest *guest, const struct wish *wish)
{
	if (wish->item)
		call->peer->done(call, pick(list_devices(guest), wish->id));
	else
		call->peer->done(call, NULL);
}

static void change(struct call *call, const struct request *request, const struct wish *wish)
{
	struct managed_guest *guest = request->guest;
	const struct guest_definition *base = guest->fresh ? guest->fresh : guest->definition;
	struct error *err = request->place.err;
	struct guest_definition *next = NULL;
	bool live = guest_alive(guest) && !wish->next_start;
	int64_t code = changed_definition(guest, base, wish, &next, err);

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
	struct error err = {""};
	struct wish wish = {.id = call->device, .item = call->device[0] ? guest->definition->json : NULL};
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
	unsigned word = ARRAY_SIZE(kinds);
	int code = json_word(place, "kind", words, &word);

	if (code == 0 && word == ARRAY_SIZE(kinds))
		return json_error(place, "kind", "is missing: disk or network");
	*kind = &kinds[word % ARRAY_SIZE(kinds)];
	return code;
}

/* What it is, and its id: the item's own, or the member "device". */
static int read_wish(const struct request *request, struct wish *wish)
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
	struct wish wish = {0};
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

	return find_device(guest->definition, id, &kind, &index) ||
	       (guest->fresh && find_device(guest->fresh, id, &kind, &index));
}

static void op_device_remove(struct call *call, const struct request *request)
{
	struct error *err = request->place.err;
	struct wish wish = {0};
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
	{NULL},
};
