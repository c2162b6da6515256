#include "vmm/api/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/api/exchange.h"
#include "vmm/api/page.h"
#include "vmm/api/upload.h"
#include "vmm/config/json.h"

#define JSON         "application/json"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* False: the body's member `key` is missing, or another than the path's last part (RFC 9110, 9.3.4: 409 is
 * for a representation that is not the target's); it was answered. */
static bool check_key(struct exchange *exchange, const cJSON *object, const char *key, const char *pointer)
{
	const char *wanted = exchange->path.segments[exchange->path.count - 1];
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	const char *kind = strrchr(pointer, '/') == pointer ? "" : "its ";
	struct error err;

	if (value && strcmp(value, wanted) == 0)
		return true;
	error_set(&err, 0, "body: %s%s: must be %.64s, as the path says", kind, key, wanted);
	reply_problem(exchange,
		      &(struct problem){.status = value ? MHD_HTTP_CONFLICT : MHD_HTTP_UNPROCESSABLE_CONTENT,
					.detail = err.text,
					.pointer = pointer});
	return false;
}

/* --- The mode --- */

/* A client may say once more what is so already. */
void mode_put(struct exchange *exchange)
{
	const char *is = mode_name(exchange->connection->api->manager->mode);
	const char *word = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(exchange->json, "mode"));

	if (!cJSON_HasObjectItem(exchange->json, "mode")) {
		reply_problem(exchange,
			      &(struct problem){.status = MHD_HTTP_UNPROCESSABLE_CONTENT,
						.detail = "body: mode: is missing: server or desktop",
						.pointer = "/mode"});
		return;
	}
	if (word && strcmp(word, is) == 0) /* then the operation only tells it */
		cJSON_DeleteItemFromObjectCaseSensitive(exchange->json, "mode");
	exchange_operate(exchange);
}

/* --- Networks --- */

void networks_put(struct exchange *exchange)
{
	struct networks *networks = exchange->connection->api->manager->networks;
	const char *name = route_variable(exchange->route, &exchange->path, "network");
	const char *none_match = exchange_header(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH);
	struct error ignored;
	cJSON *old, *members;

	if (exchange_check_query(exchange) < 0 || !check_key(exchange, exchange->json, "name", "/name"))
		return;
	old = networks_info(networks, name, &ignored);
	cJSON_Delete(old);
	if (old && none_match && none_match[strspn(none_match, " \t")] == '*') {
		reply_refusal(exchange, MHD_HTTP_PRECONDITION_FAILED, "network %s: there is one already",
			      name);
		return;
	}
	members = exchange_members(exchange);
	cJSON_DeleteItemFromObjectCaseSensitive(members, "network");
	cJSON_AddItemToObject(members, "definition", cJSON_Duplicate(exchange->json, true));
	cJSON_AddTrueToObject(members, "replace");
	if (!old)
		exchange->finish = reply_created;
	exchange_call(exchange, members);
}

/* --- Disks: what changes them is a task --- */

/* members is taken over. done: what follows when the client waits; NULL: the result, as it is. */
static void change_disk(struct exchange *exchange, cJSON *members, void (*done)(struct exchange *, cJSON *))
{
	bool wait = exchange_flag(exchange, "wait");

	if (!wait)
		cJSON_AddTrueToObject(members, "task");
	exchange->finish = wait ? done : reply_task;
	exchange_call(exchange, members);
}

static void move_members(cJSON *members, cJSON *object)
{
	cJSON *item;

	while (object && (item = object->child)) {
		cJSON_DetachItemViaPointer(object, item);
		cJSON_AddItemToObject(members, item->string, item);
	}
}

static void reply_bad_body(struct exchange *exchange, const struct error *err)
{
	reply_problem(exchange, &(struct problem){.status = MHD_HTTP_UNPROCESSABLE_CONTENT,
						  .detail = err->text,
						  .pointer = err->pointer});
}

/* Those of an image that is the body, which this body is not. False: there are some, and it was answered. */
static bool check_no_upload(struct exchange *exchange)
{
	static const char *const names[] = {"format", "size", "tag"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		struct error err;

		if (!query_get(&exchange->query, names[i]))
			continue;
		error_set(&err, 0, "parameter %s: is for a body of " UPLOAD_TYPE ", and this is " JSON,
			  names[i]);
		reply_problem(exchange, &(struct problem){.status = MHD_HTTP_CONFLICT,
							  .detail = err.text,
							  .parameter = names[i]});
		return false;
	}
	return true;
}

/* {"size"}, {"clone","overlay"} or {"import":{"source","format","tag"},"size"} as one of three operations. */
static int make_disk(struct exchange *exchange, cJSON *members, struct error *err)
{
	static const char *const keys[] = {"size", "clone", "overlay", "import", NULL};
	static const char *const import_keys[] = {"source", "format", "tag", NULL};
	struct json_place place = {.source = "body", .object = exchange->json, .err = err};
	const cJSON *clone = cJSON_GetObjectItemCaseSensitive(exchange->json, "clone");
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(exchange->json, "size");
	const cJSON *overlay = cJSON_GetObjectItemCaseSensitive(exchange->json, "overlay");
	struct json_place import;
	int code = json_keys(&place, keys);

	if (code < 0 || (code = json_object(&place, "import", &import)) < 0)
		return code;
	if (overlay && !clone)
		return json_error(&place, "overlay", "goes with clone");
	if (clone && (size || import.object))
		return json_error(&place, size ? "size" : "import", "does not go with clone");
	if (import.object && (code = json_keys(&import, import_keys)) < 0)
		return code;
	if (size)
		cJSON_AddItemToObject(members, "size", cJSON_Duplicate(size, false));
	if (clone) {
		cJSON_AddItemToObject(members, "source", cJSON_Duplicate(clone, false));
		if (overlay)
			cJSON_AddItemToObject(members, "overlay", cJSON_Duplicate(overlay, false));
		exchange->stands_for = "/source";
		exchange->body_at = "/clone";
	} else if (import.object) {
		move_members(members, cJSON_GetObjectItemCaseSensitive(exchange->json, "import"));
		exchange->body_at = "/import";
	}
	cJSON_ReplaceItemInObjectCaseSensitive(members, "op",
					       cJSON_CreateString(clone           ? "disk-clone"
								  : import.object ? "disk-import"
										  : "disk-create"));
	return 0;
}

void disks_put(struct exchange *exchange)
{
	struct error err = {0};
	cJSON *members;

	if (exchange_check_query(exchange) < 0 || !check_no_upload(exchange))
		return;
	members = exchange_members(exchange);
	if (make_disk(exchange, members, &err) == 0) {
		change_disk(exchange, members, reply_created);
		return;
	}
	cJSON_Delete(members);
	reply_bad_body(exchange, &err);
}

void disks_patch(struct exchange *exchange)
{
	static const char *const keys[] = {"size", NULL};
	struct error err = {0};
	struct json_place place = {.source = "body", .object = exchange->json, .err = &err};
	cJSON *members;

	if (exchange_check_query(exchange) < 0)
		return;
	if (json_keys(&place, keys) < 0) {
		reply_bad_body(exchange, &err);
		return;
	}
	members = exchange_members(exchange);
	move_members(members, exchange->json);
	change_disk(exchange, members, NULL);
}

void disks_delete(struct exchange *exchange)
{
	if (exchange_check_query(exchange) == 0)
		change_disk(exchange, exchange_members(exchange), NULL);
}

void disks_list(struct exchange *exchange)
{
	if (exchange_check_query(exchange) < 0 || !page_check(exchange))
		return;
	exchange->finish = page_finish;
	exchange_call(exchange, exchange_members(exchange));
}

void task_cancel_begin(struct exchange *exchange)
{
	if (exchange_check_query(exchange) < 0)
		return;
	exchange->finish = reply_task;
	exchange_call(exchange, exchange_members(exchange));
}

/* --- Devices --- */

/* Whether the guest's definition has a disk or card of that id; the one that counts from its next start on,
 * when the request is about that. */
static bool has_device(const struct exchange *exchange, const char *id)
{
	static const char *const arrays[] = {"disks", "networks"};
	const char *name = route_variable(exchange->route, &exchange->path, "guest");
	const struct managed_guest *guest = manager_find(exchange->connection->api->manager, name);
	bool next = guest && guest->fresh && exchange_flag(exchange, "next_start");
	const cJSON *json = !guest ? NULL : next ? guest->fresh->json : guest->definition->json;
	const cJSON *item;

	for (unsigned i = 0; i < ARRAY_SIZE(arrays); i++) {
		cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, arrays[i]))
		{
			const char *is = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "id"));

			if (is && strcmp(is, id) == 0)
				return true;
		}
	}
	return false;
}

/* {"disk":{...}} or {"network":{...}}, whose id is the path's. */
void devices_put(struct exchange *exchange)
{
	static const char *const keys[] = {"disk", "network", NULL};
	struct error err = {0};
	struct json_place place = {.source = "body", .object = exchange->json, .err = &err}, inner;
	const char *kind = cJSON_GetObjectItemCaseSensitive(exchange->json, "disk") ? "disk" : "network";
	const char *id = route_variable(exchange->route, &exchange->path, "device");
	cJSON *definition, *members;
	int code;

	if (exchange_check_query(exchange) < 0)
		return;
	code = json_keys(&place, keys);
	if (code == 0)
		code = json_object(&place, kind, &inner);
	if (code == 0 && (!inner.object || cJSON_GetArraySize(exchange->json) != 1))
		code = json_error(&place, kind, "must be there, and nothing else: a disk or a network");
	if (code < 0) {
		reply_bad_body(exchange, &err);
		return;
	}
	exchange->body_at = kind[0] == 'd' ? "/disk" : "/network";
	if (cJSON_GetObjectItemCaseSensitive(inner.object, "id") &&
	    !check_key(exchange, inner.object, "id", kind[0] == 'd' ? "/disk/id" : "/network/id"))
		return;
	definition = cJSON_Duplicate(inner.object, true);
	cJSON_DeleteItemFromObjectCaseSensitive(definition, "id");
	cJSON_AddStringToObject(definition, "id", id);
	members = exchange_members(exchange);
	exchange_add_query(exchange, members);
	cJSON_DeleteItemFromObjectCaseSensitive(members, "device");
	cJSON_AddStringToObject(members, "kind", kind);
	cJSON_AddItemToObject(members, "definition", definition);
	if (!has_device(exchange, id))
		exchange->finish = reply_created;
	exchange_call(exchange, members);
}

/* --- What one guest costs, and all --- */

static void finish_first(struct exchange *exchange, cJSON *result)
{
	cJSON *first = cJSON_DetachItemFromArray(result, 0);

	cJSON_Delete(result);
	if (first)
		reply_json(exchange, MHD_HTTP_OK, JSON, first);
	else
		reply_refusal(exchange, MHD_HTTP_CONFLICT, "guest %s: it has ended just now",
			      route_variable(exchange->route, &exchange->path, "guest"));
}

void guest_stats(struct exchange *exchange)
{
	if (exchange_check_query(exchange) < 0)
		return;
	exchange->finish = finish_first;
	exchange_call(exchange, exchange_members(exchange));
}

static void finish_metrics(struct exchange *exchange, cJSON *result)
{
	const char *text = cJSON_GetStringValue(result);
	char *copy = strdup(text ? text : "");

	cJSON_Delete(result);
	exchange->gone = !copy;
	reply_text(exchange, MHD_HTTP_OK, METRICS_TYPE, copy, copy ? strlen(copy) : 0);
}

void metrics_show(struct exchange *exchange)
{
	if (exchange_check_query(exchange) < 0)
		return;
	exchange->finish = finish_metrics;
	exchange_call(exchange, exchange_members(exchange));
}
