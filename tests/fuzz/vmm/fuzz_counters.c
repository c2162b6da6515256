/* Counters, as a guest process that its guest has taken over may send them: what comes out is in bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/guest/counters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *json = cJSON_ParseWithLength((const char *)data, size);
	struct machine_counters counters, again;
	cJSON *out;

	counters_from_json(json, &counters);
	if (counters.vcpu_count > DEFINITION_VCPUS_MAX || counters.disk_count > DEFINITION_DISKS_MAX ||
	    counters.network_count > DEFINITION_NETWORKS_MAX || counters.other_count > COUNTERS_OTHERS_MAX)
		abort();
	out = counters_to_json(&counters);
	counters_from_json(out, &again);
	if (memcmp(&again, &counters, sizeof(again)) != 0)
		abort();
	cJSON_Delete(out);
	cJSON_Delete(json);
	return 0;
}
