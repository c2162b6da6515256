/* The ring of events. */
#include <criterion/criterion.h>

#include "vmm/manager/events.h"

static struct events events;

Test(events, ids_grow_from_one)
{
	cr_assert_null(events_get(&events, 0));
	cr_assert_null(events_get(&events, 1));
	cr_assert_eq(events_add(&events, "running", "web", "")->id, 1);
	cr_assert_eq(events_add(&events, "off", "web", "")->id, 2);
	cr_assert_str_eq(events_get(&events, 1)->name, "running");
	cr_assert_str_eq(events_get(&events, 2)->name, "off");
	cr_assert_null(events_get(&events, 3));
}

Test(events, the_oldest_go)
{
	for (unsigned i = 0; i < EVENTS_MAX + 3; i++)
		events_add(&events, "running", "web", "");
	cr_assert_null(events_get(&events, 3));
	cr_assert_eq(events_get(&events, 4)->id, 4);
	cr_assert_eq(events_get(&events, EVENTS_MAX + 3)->id, EVENTS_MAX + 3);
	cr_assert_null(events_get(&events, UINT64_MAX));
}

Test(events, as_json)
{
	const struct event *event = events_add(&events, "failed", "web", "it \"broke\"\n");
	cJSON *json = event_to_json(event);
	char *text = cJSON_PrintUnformatted(json);

	cr_assert(strstr(text, "\"event\":\"failed\",\"guest\":\"web\",\"detail\":\"it \\\"broke\\\"\\n\""),
		  "%s", text);
	cJSON_free(text);
	cJSON_Delete(json);
}

Test(events, of_the_manager_names_no_guest)
{
	cJSON *json = event_to_json(events_add(&events, "manager-started", "", ""));

	cr_assert_null(cJSON_GetObjectItem(json, "guest"));
	cr_assert_null(cJSON_GetObjectItem(json, "detail"));
	cJSON_Delete(json);
}
