#include "vmm/api/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/util.h"
#include "vmm/api/exchange.h"
#include "vmm/manager/life.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000

/* "": it has none, for want of memory. */
static const char *name_of(const cJSON *item)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"));

	return name ? name : "";
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(name_of(*(cJSON *const *)a), name_of(*(cJSON *const *)b));
}

/* Whether it belongs to the page: its state is wanted, and its name comes after. */
static bool is_wanted(const struct exchange *exchange, const cJSON *item)
{
	const char *after = query_get(&exchange->query, "after");
	const char *state = query_get(&exchange->query, "state");
	const char *is = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "state"));

	return (!after || strcmp(name_of(item), after) > 0) && (!state || (is && strcmp(is, state) == 0));
}

/* <...>; rel="next" (RFC 8288): the same again, from there on. Names have no characters that a target
 * escapes. */
static void link_next(struct exchange *exchange, const char *next)
{
	const char *limit = query_get(&exchange->query, "limit");
	const char *state = query_get(&exchange->query, "state");
	char text[512];

	snprintf(text, sizeof(text), "<%s?after=%s%s%s%s%s>; rel=\"next\"", exchange->route->path, next,
		 limit ? "&limit=" : "", limit ? limit : "", state ? "&state=" : "", state ? state : "");
	reply_header(exchange, MHD_HTTP_HEADER_LINK, text);
}

/* Sorts the array, and keeps the page's items. The name of the last one when there are more, or NULL; it
 * lives as long as the array. */
static const char *take_page(const struct exchange *exchange, cJSON *array, unsigned limit)
{
	unsigned count = (unsigned)cJSON_GetArraySize(array);
	AUTO_FREE cJSON **items = calloc(count + 1, sizeof(*items));
	unsigned kept = 0;
	bool more = false;

	for (unsigned i = 0; i < count && items; i++)
		items[i] = cJSON_DetachItemFromArray(array, 0);
	if (!items)
		return NULL;
	qsort(items, count, sizeof(*items), compare_names);
	for (unsigned i = 0; i < count; i++) {
		bool wanted = is_wanted(exchange, items[i]);

		more = more || (wanted && kept == limit);
		if (wanted && kept < limit)
			cJSON_AddItemToArray(array, items[kept++] = items[i]);
		else
			cJSON_Delete(items[i]);
	}
	return more ? name_of(items[kept - 1]) : NULL;
}

static unsigned page_limit(const struct exchange *exchange)
{
	const char *limit = query_get(&exchange->query, "limit");

	return limit ? (unsigned)MIN(strtoul(limit, NULL, 10), PAGE_MAX + 1UL) : PAGE_DEFAULT;
}

/* {"guests":[...],"next":"..."}, whatever the array's name. */
void page_finish(struct exchange *exchange, cJSON *result)
{
	cJSON *array = result ? result->child : NULL;
	const char *next;
	char name[DEFINITION_NAME_MAX + 1] = "";

	while (array && !cJSON_IsArray(array))
		array = array->next;
	next = take_page(exchange, array, page_limit(exchange));
	if (next) {
		snprintf(name, sizeof(name), "%s", next);
		cJSON_AddStringToObject(result, "next", name);
	}
	reply_json(exchange, MHD_HTTP_OK, "application/json", result);
	if (*name)
		link_next(exchange, name);
}

static bool is_state(const char *word)
{
	for (unsigned i = 0; i < LIFE_STATES; i++) {
		if (strcmp(word, life_state_name(i)) == 0)
			return true;
	}
	return false;
}

bool page_check(struct exchange *exchange)
{
	const char *state = query_get(&exchange->query, "state");
	const char *after = query_get(&exchange->query, "after");

	if (page_limit(exchange) < 1 || page_limit(exchange) > PAGE_MAX)
		reply_bad_parameter(exchange, "limit", "must be a number from 1 to 1000");
	else if (after && !definition_name_valid(after))
		reply_bad_parameter(exchange, "after", "is not the name of anything");
	else if (state && !is_state(state))
		reply_bad_parameter(
			exchange, "state",
			"must be one of off, waiting, starting, running, paused, stopping, failed");
	else
		return true;
	return false;
}
