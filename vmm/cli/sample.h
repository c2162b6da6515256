/* What the guests cost at one moment, for `stats` and `top`: the manager's answer (vmm/manager/stats.h) as
 * numbers. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "vmm/config/definition.h"

struct sample {
	char guest[DEFINITION_NAME_MAX + 1];
	char state[16];
	double pid;
	double uptime_s;
	double vcpus;
	double cpu_s;
	double resident, own, memory; /* bytes; memory: the guest's RAM */
	double exits;
	double read, written;  /* bytes, all disks */
	double received, sent; /* bytes, all networks */
};

struct samples {
	unsigned count;
	struct sample *items;
};

/* False when out of memory. samples_free releases them. */
bool samples_read(const cJSON *answer, struct samples *samples);
void samples_free(struct samples *samples);
