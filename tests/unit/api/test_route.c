#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/api/route.h"
#include "vmm/config/file.h"

static char target[512], allow[ROUTE_ALLOW_MAX];
static struct path path;
static struct query query;
static struct error err;

static const struct route *find(const char *method, const char *text)
{
	snprintf(target, sizeof(target), "%s", text);
	cr_assert_eq(target_parse(target, &path, &query, &err), 0, "%s", err.text);
	return route_find(method, &path, allow, &err);
}

Test(route, variables_are_what_the_path_has)
{
	const struct route *route = find("POST", "/v1/guests/web/start");

	cr_assert_str_eq(route->op, "start");
	cr_assert_str_eq(route_variable(route, &path, "guest"), "web");
	cr_assert_null(route_variable(route, &path, "gues"));
	route = find("GET", "/v1/guests/a%2Fb/vsock/99");
	cr_assert_str_eq(route_variable(route, &path, "guest"), "a/b");
	cr_assert_str_eq(route_variable(route, &path, "port"), "99");
}

Test(route, head_is_get_without_a_body)
{
	cr_assert_eq(find("HEAD", "/v1/guests"), find("GET", "/v1/guests"));
	cr_assert_null(find("HEAD", "/v1/down"));
}

Test(route, methods_that_a_path_has)
{
	cr_assert_null(find("DELETE", "/v1/mode"));
	cr_assert_str_eq(allow, "GET, HEAD, PUT");
	cr_assert_null(find("get", "/v1/mode"), "methods are in capitals");
	cr_assert_null(find("PATCH", "/v1/guests/web/devices/x"));
	cr_assert_str_eq(allow, "GET, HEAD, PUT, DELETE");
}

Test(route, unknown_paths_tell_the_nearest)
{
	static const struct {
		const char *target, *word;
	} cases[] = {
		{"/v1/gests", "did you mean guests?"},
		{"/v1/guests/web/strat", "did you mean start?"},
		{"/v2/guests", "did you mean v1?"},
		{"/metric", "did you mean metrics?"},
		{"/v1/guests/web/zzzzzzzzzzzz", "zzzzzzzzzzzz in it is not known"},
		{"/v1", "no such path"},
		{"/v1/guests/", "no such path"},
		{"/v1/guests/web/start/", "no such path"},
		{"/", "no such path"},
		{"/v1/guests/web/start/more/and/more/yet", "no such path"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		cr_assert_null(find("GET", cases[i].target));
		cr_assert_str_eq(allow, "", "%s", cases[i].target);
		cr_assert(strstr(err.text, cases[i].word), "%s: %s", cases[i].target, err.text);
	}
}

/* --- The document --- */

static cJSON *read_document(void)
{
	char *text = NULL;
	cJSON *json;

	cr_assert_eq(file_read_text("document", "docs/openapi.json", 1 << 22, &text, &err), 0, "%s",
		     err.text);
	json = cJSON_Parse(text);
	cr_assert_not_null(json);
	free(text);
	return json;
}

/* Follows "#/components/parameters/wait". */
static const cJSON *resolve(const cJSON *document, const cJSON *item)
{
	char *pointer = cJSON_GetStringValue(cJSON_GetObjectItem(item, "$ref"));
	char copy[256], *rest = copy, *part;

	if (!pointer)
		return item;
	snprintf(copy, sizeof(copy), "%s", pointer + 2);
	item = document;
	while ((part = strsep(&rest, "/")))
		item = cJSON_GetObjectItemCaseSensitive(item, part);
	cr_assert_not_null(item, "%s", pointer);
	return item;
}

static bool has_argument(const struct route *route, const char *name)
{
	for (unsigned i = 0; i < ROUTE_ARGUMENTS_MAX && route->arguments[i].name; i++) {
		if (strcmp(route->arguments[i].name, name) == 0)
			return true;
	}
	return false;
}

static void check_operation(const cJSON *document, const struct route *route, const cJSON *operation)
{
	const char *role = cJSON_GetStringValue(cJSON_GetObjectItem(operation, "x-rastos-role"));
	const cJSON *parameter;
	unsigned count = 0, known = 0;

	cr_assert_str_eq(role, api_role_name(route->role), "%s %s", route->method, route->path);
	cr_assert_eq(cJSON_HasObjectItem(operation, "requestBody"), route->body != BODY_NONE, "%s %s",
		     route->method, route->path);
	cJSON_ArrayForEach(parameter, cJSON_GetObjectItem(operation, "parameters"))
	{
		const cJSON *meant = resolve(document, parameter);
		const char *name = cJSON_GetObjectItem(meant, "name")->valuestring;

		if (strcmp(cJSON_GetObjectItem(meant, "in")->valuestring, "query") != 0)
			continue;
		count++;
		cr_assert(has_argument(route, name), "%s %s: %s", route->method, route->path, name);
	}
	while (known < ROUTE_ARGUMENTS_MAX && route->arguments[known].name)
		known++;
	if (route->body != BODY_MEMBERS)
		cr_assert_eq(known, count, "%s %s: parameters", route->method, route->path);
}

Test(route, table_is_what_the_document_says)
{
	cJSON *document = read_document();
	const cJSON *item, *operation;
	size_t count = 0;

	cJSON_ArrayForEach(item, cJSON_GetObjectItem(document, "paths"))
	{
		cJSON_ArrayForEach(operation, item)
		{
			const struct route *route = NULL;
			char method[16] = "";

			if (strcmp(operation->string, "parameters") == 0)
				continue;
			for (unsigned i = 0; operation->string[i] && i < sizeof(method) - 1; i++)
				method[i] = (char)toupper(operation->string[i]);
			for (size_t i = 0; i < route_count; i++) {
				if (strcmp(routes[i].path, item->string) == 0 &&
				    strcmp(routes[i].method, method) == 0)
					route = &routes[i];
			}
			cr_assert_not_null(route, "%s %s is not in the table", method, item->string);
			check_operation(document, route, operation);
			count++;
		}
	}
	cr_assert_eq(count, route_count, "the table has what the document has not");
	cJSON_Delete(document);
}
