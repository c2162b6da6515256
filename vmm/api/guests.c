/* Guests' definitions over HTTP: their versions, and changes that no other change is lost by. */
#include "vmm/api/guests.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/api/etag.h"
#include "vmm/api/exchange.h"
#include "vmm/api/guest_xml.h"
#include "vmm/api/merge_patch.h"
#include "vmm/api/negotiate.h"
#include "vmm/api/page.h"

void guests_list(struct exchange *exchange)
{
	if (exchange_check_query(exchange) < 0 || !page_check(exchange))
		return;
	exchange->finish = page_finish;
	exchange_call(exchange, exchange_members(exchange));
}

/* --- One of them --- */

static const char *guest_name(const struct exchange *exchange)
{
	return route_variable(exchange->route, &exchange->path, "guest");
}

/* Its definition as whoever changes it must know it: the newest. NULL: there is no such guest. */
static const cJSON *current(const struct exchange *exchange)
{
	const struct managed_guest *guest =
		manager_find(exchange->connection->api->manager, guest_name(exchange));

	if (!guest)
		return NULL;
	return guest->fresh ? guest->fresh->json : guest->definition->json;
}

static void reply_no_guest(struct exchange *exchange)
{
	cJSON *members = cJSON_CreateObject();

	cJSON_AddStringToObject(members, "op", "info"); /* its refusal has the nearest name */
	cJSON_AddStringToObject(members, "guest", guest_name(exchange));
	exchange_call(exchange, members);
}

/* Whether the document in one of its forms is meant by the header. */
static bool names_current(const char *list, const cJSON *json, bool weak)
{
	char etag[ETAG_MAX];

	return json && ((etag_of(json, "", etag) && etag_listed(list, etag, weak)) ||
			(etag_of(json, "-xml", etag) && etag_listed(list, etag, weak)));
}

/* RFC 9110, 13.2.2. False: it was answered. */
static bool check_preconditions(struct exchange *exchange)
{
	const char *match = exchange_header(exchange, MHD_HTTP_HEADER_IF_MATCH);
	const char *none_match = exchange_header(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH);
	const cJSON *json = current(exchange);
	const char *name = guest_name(exchange);

	if (match && !names_current(match, json, false)) {
		if (json)
			reply_refusal(exchange, MHD_HTTP_PRECONDITION_FAILED,
				      "guest %s: it was changed since you read it; read it again", name);
		else
			reply_refusal(exchange, MHD_HTTP_PRECONDITION_FAILED, "guest %.64s: there is none",
				      name);
		return false;
	}
	if (none_match && names_current(none_match, json, true)) {
		reply_refusal(exchange, MHD_HTTP_PRECONDITION_FAILED, "guest %s: there is one already", name);
		return false;
	}
	return true;
}

static void add_etag(struct exchange *exchange, const char *form)
{
	const cJSON *json = current(exchange);
	char etag[ETAG_MAX];

	if (json && etag_of(json, form, etag))
		reply_header(exchange, MHD_HTTP_HEADER_ETAG, etag);
}

static const char *const guest_types[] = {"application/json", "application/xml", NULL};

void guests_show(struct exchange *exchange)
{
	const char *none_match = exchange_header(exchange, MHD_HTTP_HEADER_IF_NONE_MATCH);
	int type = negotiate(exchange_header(exchange, MHD_HTTP_HEADER_ACCEPT), guest_types);
	const char *form = type == 1 ? "-xml" : "";
	const cJSON *json = current(exchange);
	char etag[ETAG_MAX];

	if (exchange_check_query(exchange) < 0)
		return;
	if (!json) {
		reply_no_guest(exchange);
		return;
	}
	if (type < 0) {
		reply_refusal(exchange, MHD_HTTP_NOT_ACCEPTABLE,
			      "a guest is application/json or application/xml, neither of which you take");
		return;
	}
	if (none_match && etag_of(json, form, etag) && etag_listed(none_match, etag, true)) {
		reply_text(exchange, MHD_HTTP_NOT_MODIFIED, NULL, NULL, 0);
	} else if (type == 1) {
		guest_xml_show(exchange, json);
		return;
	} else {
		reply_json(exchange, MHD_HTTP_OK, "application/json", cJSON_Duplicate(json, true));
		reply_header(exchange, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
	}
	add_etag(exchange, form);
}

/* --- Changes --- */

static void finish_define(struct exchange *exchange, cJSON *result)
{
	char location[sizeof("/v1/guests/") + DEFINITION_NAME_MAX];
	cJSON *json = cJSON_CreateObject();

	cJSON *ignored = guest_xml_ignored(exchange);

	cJSON_AddItemToObject(json, "guest", result);
	if (ignored)
		cJSON_AddItemToObject(json, "ignored", ignored);
	reply_json(exchange, exchange->created ? MHD_HTTP_CREATED : MHD_HTTP_OK, "application/json", json);
	if (exchange->created) {
		snprintf(location, sizeof(location), "/v1/guests/%s", guest_name(exchange));
		reply_header(exchange, MHD_HTTP_HEADER_LOCATION, location);
	}
	add_etag(exchange, "");
}

/* Whether it says what is so already; a uuid that it does not have stays as it is. */
static bool is_current(const struct exchange *exchange, const cJSON *definition)
{
	cJSON *is = cJSON_Duplicate(current(exchange), true);
	bool same;

	if (!cJSON_HasObjectItem(definition, "uuid"))
		cJSON_DeleteItemFromObjectCaseSensitive(is, "uuid");
	same = cJSON_Compare(definition, is, true);
	cJSON_Delete(is);
	return same;
}

/* definition is taken over. */
static void define(struct exchange *exchange, cJSON *definition)
{
	struct managed_guest *guest = manager_find(exchange->connection->api->manager, guest_name(exchange));
	cJSON *members;

	exchange->created = !guest;
	if (guest && is_current(exchange, definition)) {
		cJSON_Delete(definition);
		finish_define(exchange, manager_describe(guest));
		return;
	}
	members = exchange_members(exchange);
	cJSON_DeleteItemFromObjectCaseSensitive(members, "guest");
	cJSON_AddItemToObject(members, "definition", definition);
	cJSON_AddTrueToObject(members, "replace");
	exchange->finish = finish_define;
	exchange_call(exchange, members);
}

/* False: it was answered, as resources.c's check_key does. */
static bool check_name(struct exchange *exchange, const cJSON *definition)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(definition, "name"));
	struct error err;

	if (name && strcmp(name, guest_name(exchange)) == 0)
		return true;
	error_set(&err, 0, "body: name: must be %.64s, as the path says", guest_name(exchange));
	reply_problem(exchange,
		      &(struct problem){.status = name ? MHD_HTTP_CONFLICT : MHD_HTTP_UNPROCESSABLE_CONTENT,
					.detail = err.text,
					.pointer = exchange->is_xml ? NULL : "/name"});
	return false;
}

/* definition is taken over. */
static void put(struct exchange *exchange, cJSON *definition)
{
	if (check_name(exchange, definition) && check_preconditions(exchange))
		define(exchange, TAKE_PTR(definition));
	cJSON_Delete(definition);
}

void guests_put(struct exchange *exchange)
{
	if (exchange_check_query(exchange) < 0)
		return;
	if (exchange->is_xml)
		guest_xml_read(exchange, put);
	else
		put(exchange, cJSON_Duplicate(exchange->json, true));
}

void guests_patch(struct exchange *exchange)
{
	const cJSON *json = current(exchange);
	cJSON *changed;
	int code;

	if (exchange_check_query(exchange) < 0)
		return;
	if (!json) {
		reply_no_guest(exchange);
		return;
	}
	if (!check_preconditions(exchange))
		return;
	changed = cJSON_Duplicate(json, true);
	code = changed ? merge_patch(changed, exchange->json) : -ENOMEM;
	if (code < 0)
		reply_refusal(exchange,
			      code == -E2BIG ? MHD_HTTP_UNPROCESSABLE_CONTENT : MHD_HTTP_SERVICE_UNAVAILABLE,
			      code == -E2BIG ? "body: an object in it has more members than any definition"
					     : "out of memory");
	else if (check_name(exchange, changed))
		define(exchange, TAKE_PTR(changed));
	cJSON_Delete(changed);
}

void guests_delete(struct exchange *exchange)
{
	if (exchange_check_query(exchange) < 0)
		return;
	if (!current(exchange))
		reply_no_guest(exchange);
	else if (check_preconditions(exchange))
		exchange_operate(exchange);
}
