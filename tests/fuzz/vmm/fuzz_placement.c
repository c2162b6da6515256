/* A guest's numbers as a manager before us kept them: read whole, or not at all; what was read is written and
 * read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/plan/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_numbers(const struct guest_definition *definition)
{
	if (topology_vcpus(&definition->topology) > WANTS_VCPUS_MAX ||
	    definition->placement.pin_count > WANTS_VCPUS_MAX || definition->memory_mib > WANTS_MEMORY_MAX)
		abort();
	for (unsigned i = 0; i < definition->placement.pin_count; i++) {
		if (definition->placement.pins[i] >= CPU_SET_MAX)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_definition *definition = definition_new("fuzz");
	cJSON *json = cJSON_ParseWithLength((const char *)data, size);
	struct plan_running running;
	cJSON *again;

	if (json && plan_restore_numbers(json, definition) == 0) {
		check_numbers(definition);
		again = cJSON_CreateObject();
		plan_describe_placement(again, definition);
		if (plan_restore_numbers(again, definition) < 0)
			abort();
		cJSON_Delete(again);
	}
	if (json && plan_running_from_json(json, &running) == 0 && running.vcpus > WANTS_VCPUS_MAX)
		abort();
	cJSON_Delete(json);
	definition_free(definition);
	return 0;
}
