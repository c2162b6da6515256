/*
 * What the manager must not forget about a guest: a small JSON file in the guest's runtime folder, replaced
 * at once as a whole (write, fsync, rename). It is written before an operation is acknowledged, so that a
 * manager that is killed at any instant leaves the next one everything that was promised.
 *
 *      {"boot_id":"...","goal":"run","pid":123,"start_time":4567,"started_ns":89,"restarts":0,"id_slot":3,
 *       "cgroup":"...","display_port":5900,"definition":{...},"numbers":{"memory_mib":512,"topology":{...},"cpus":"0-1",...}}
 *
 * A guest is stopped even when that cannot be written (a disk that is full): the log says so then.
 *
 * It is gone after a `down`: no file means that nothing was promised. After a reboot of the host the numbers
 * mean nothing, and the file counts as gone.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "common/error.h"
#include "vmm/manager/process_id.h"

enum guest_goal {
	GOAL_OFF,
	GOAL_RUN,
	GOAL_REBOOT, /* it was asked to end, and shall then start again */
};

struct guest_record {
	enum guest_goal goal;
	struct process_id process; /* pid 0: not started */
	uint64_t started_ns;       /* CLOCK_MONOTONIC */
	unsigned restarts;         /* in a row */
	int id_slot;               /* of the range of user ids (vmm/jail), -1: none */
	char *cgroup;              /* path of its cgroup; NULL: none */
	uint16_t display_port;     /* where its screen is shown; 0: at no port */
	cJSON *definition;         /* what the process was started with; NULL: not started */
	cJSON *numbers;            /* what the plan made of it (vmm/plan/report.h); NULL: not started */
};

/* definition and numbers stay the caller's. */
int record_write(const char *folder, const struct guest_record *record, struct error *err);
/* -ENOENT: there is none of this boot. The caller frees record->definition, numbers and cgroup. */
int record_read(const char *folder, struct guest_record *record, struct error *err);
/* What record_read makes of the file's text; boot: the id of this boot. */
int record_parse(const char *path, const char *text, const char *boot, struct guest_record *record,
		 struct error *err);
void record_remove(const char *folder);
