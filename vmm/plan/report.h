/*
 * Plans and placements as JSON: what `rastos-vmm plan --json` prints, what the manager tells of its guests
 * and keeps of them for the manager after it. Sets of CPUs and nodes are lists as text, "0-3,8"; memory is in
 * MiB.
 *
 *      {"mode":"server",
 *       "host":{"cpus":"0-7","cpu_count":8,"cores":4,"packages":1,"memory_mib":16384,"hugepages_mib":0,
 *               "nodes":[{"node":0,"cpus":"0-7","memory_mib":16384,
 *                         "hugepages_2M":{"total":0,"free":0},"hugepages_1G":{"total":0,"free":0}}]},
 *       "reserve":{"cpus":"0,4","memory_mib":2048},
 *       "guests":[{"name":"server","role":"server","vcpus":6,"memory_mib":14336,"placement":"shared",
 *                  "cpus":"1-3,5-7","weight":100,"pages":"4K"}],       exclusive: "pins":[1,5]; with nodes:
 * "nodes":"0", "numa_mode":"strict" "left":{"cpus":0,"memory_mib":0,"hugepages_mib":0},
 *       "not_counted":["spare"],                                        of the command: off, and no autostart
 *       "changes":[{"guest":"server","what":"memory_mib","from":"1024","to":"512","live":false}]}    with a
 * manager
 */
#pragma once

#include <cjson/cJSON.h>

#include "vmm/plan/diff.h"

/* changes: NULL when no manager runs. The caller frees it; NULL when out of memory. */
cJSON *plan_to_json(const struct plan *plan, const struct inventory *host,
		    const struct plan_changes *changes);

/* What the plan has as "host". The caller frees it; NULL when out of memory. */
cJSON *host_to_json(const struct inventory *host);

/* Adds a definition's topology and placement to json: topology, cpus, pins, weight, pages, nodes, numa_mode.
 * With its name, vcpus and memory_mib that is what the two below read. */
void plan_describe_placement(cJSON *json, const struct guest_definition *definition);
/* The numbers that a guest runs with, as they were described: for a manager that adopts it. What is missing
 * stays as it is; -EINVAL and nothing changed when something is no such number. */
int plan_restore_numbers(const cJSON *json, struct guest_definition *definition);
/* One guest of a manager's list, for plan_diff; its strings stay json's. One with a pid runs. */
int plan_running_from_json(const cJSON *json, struct plan_running *running);
