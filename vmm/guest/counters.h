/*
 * What a guest's machine has done so far: how often its vCPUs came back to us and what they took of the CPU,
 * and what its disks and network cards moved. As JSON, in the guest process's words to the manager and in the
 * answer to `stats`:
 *
 *      {"vcpus":[{"exits":17,"cpu_ns":123456}],"disks":[{"read_bytes":512,"written_bytes":0}],
 *       "networks":[{"received_bytes":0,"sent_bytes":0}]}
 *
 * Disks and networks are in the definition's order.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "vmm/config/definition.h"

struct vcpu_counters {
	uint64_t exits;  /* from KVM_RUN to our code */
	uint64_t cpu_ns; /* of its thread, the guest's own included */
};

struct traffic_counters {
	uint64_t to_guest, from_guest; /* bytes */
};

struct machine_counters {
	unsigned vcpu_count, disk_count, network_count;
	struct vcpu_counters vcpus[DEFINITION_VCPUS_MAX];
	struct traffic_counters disks[DEFINITION_DISKS_MAX];
	struct traffic_counters networks[DEFINITION_NETWORKS_MAX];
};

/* NULL when out of memory. */
cJSON *counters_to_json(const struct machine_counters *counters);
/* Reads what that wrote. The guest may have taken its process over: what is no number counts as 0, what is
 * too many is left out. */
void counters_from_json(const cJSON *json, struct machine_counters *counters);
