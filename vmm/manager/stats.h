/*
 * What a guest's process costs the host, and what its guest does with it:
 *
 *      {"guest":"web","state":"running","pid":123,"uptime_s":17,"vcpus":2,"memory_mib":512,
 *       "cpu_ns":...,             CPU time of the whole process
 *       "resident_bytes":...,     its memory that is there, the guest's RAM included
 *       "own_bytes":...,          what it has beside the guest's RAM
 *       "counters":{...}}         vmm/guest/counters.h; absent while the process does not tell
 *
 * From process_usage.h, and from the guest process itself, which is asked first (stats_ask). Loop thread
 * only.
 */
#pragma once

#include <cjson/cJSON.h>

#include "vmm/manager/guest.h"

/* Asks the process for its counters; guest->counters_asked until it has told them. */
void stats_ask(struct managed_guest *guest);
/* Whether it has told them. */
bool stats_counted(const struct managed_guest *guest);
/* What is known now; NULL when the guest has no process. */
cJSON *stats_of(const struct managed_guest *guest);
