/*
 * What happened, for whoever follows it: the newest EVENTS_MAX events in memory, each with an id that grows
 * by one. A follower that names the last id it has seen misses nothing that is still kept, and is told when
 * something is not.
 *
 *      {"id":17,"time":"2026-01-31T12:00:00Z","event":"running","guest":"web","detail":"..."}
 *
 * `event` is a state of a guest (life.h), or defined, undefined, adopted, crashed, device-added,
 * device-changed, device-removed, disk-resized, memory-asked (to give some back), memory-changed, watchdog,
 * vcpus-changed, manager-started; or, with the task's id in `task`,
 * task-started, task-done, task-failed, task-cancelled (task.h). Loop thread only.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>
#include <time.h>

#include "vmm/config/definition.h"

#define EVENTS_MAX       512
#define EVENT_DETAIL_MAX 256

struct event {
	uint64_t id; /* from 1 on */
	time_t time;
	const char *name;                    /* static */
	char guest[DEFINITION_NAME_MAX + 1]; /* "": the manager */
	uint64_t task;                       /* 0: none */
	char detail[EVENT_DETAIL_MAX];       /* "": nothing more to say */
};

struct events {        /* zero it */
	uint64_t last; /* id of the newest; 0: none yet */
	struct event ring[EVENTS_MAX];
};

const struct event *events_add(struct events *events, const char *name, const char *guest,
			       const char *detail);
const struct event *events_add_task(struct events *events, const char *name, uint64_t task,
				    const char *detail);
/* The event with this id, or NULL when it is no longer or not yet there. */
const struct event *events_get(const struct events *events, uint64_t id);
cJSON *event_to_json(const struct event *event);
