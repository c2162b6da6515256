#include "vmm/manager/events.h"

#include <stdio.h>

static struct event *add(struct events *events, const char *name, const char *detail)
{
	struct event *event = &events->ring[++events->last % EVENTS_MAX];

	*event = (struct event){.id = events->last, .time = time(NULL), .name = name};
	snprintf(event->detail, sizeof(event->detail), "%s", detail);
	return event;
}

const struct event *events_add(struct events *events, const char *name, const char *guest, const char *detail)
{
	struct event *event = add(events, name, detail);

	snprintf(event->guest, sizeof(event->guest), "%s", guest);
	return event;
}

const struct event *events_add_task(struct events *events, const char *name, uint64_t task,
				    const char *detail)
{
	struct event *event = add(events, name, detail);

	event->task = task;
	return event;
}

const struct event *events_get(const struct events *events, uint64_t id)
{
	if (id == 0 || id > events->last || events->last - id >= EVENTS_MAX)
		return NULL;
	return &events->ring[id % EVENTS_MAX];
}

cJSON *event_to_json(const struct event *event)
{
	cJSON *json = cJSON_CreateObject();
	char text[32];
	struct tm utc;

	gmtime_r(&event->time, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	cJSON_AddNumberToObject(json, "id", (double)event->id);
	cJSON_AddStringToObject(json, "time", text);
	cJSON_AddStringToObject(json, "event", event->name);
	if (event->guest[0])
		cJSON_AddStringToObject(json, "guest", event->guest);
	if (event->task)
		cJSON_AddNumberToObject(json, "task", (double)event->task);
	if (event->detail[0])
		cJSON_AddStringToObject(json, "detail", event->detail);
	return json;
}
