/*
 * What a guest's machine has done so far: how often its vCPUs came back to us, why, and what they took of the
 * CPU, and what its devices did. As JSON, in the guest process's words to the manager and in the answer to
 * `stats`:
 *
 *      {"vcpus":[{"exits":17,"cpu_ns":123456}],
 *       "exits":{"io":10,"mmio":5,"interrupted":2,"other":0},
 *       "disks":[{"device":"disk0","notifications":3,"requests":4,"errors":0,"interrupts":3,
 *                 "read_bytes":512,"written_bytes":0,
 *                 "read":{"counts":[1,0,...],"sum_ns":9000},"write":{...},"flush":{...}}],
 *       "networks":[{"device":"net0",...,"received_bytes":0,"sent_bytes":0}],
 *       "others":[{"device":"vsock0","notifications":1,"requests":1,"errors":0,"interrupts":0}],
 *       "balloon":{"target_bytes":1048576,"current_bytes":1048576,"returned_bytes":0,"age_ms":900,
 *                  "free_bytes":4096,...},
 *       "memory":{"size_bytes":2097152,"requested_bytes":2097152,"plugged_bytes":0}}
 *
 * A disk's `counts` are of devmodel/latency.h. Disks and networks are in the definition's order, with those
 * that came while the guest runs behind them; others are fs0 ..., vsock0, rng0, console0, channels0 and balloon0,
 * those that there are. A balloon's numbers are there when the guest has one; what the guest says of its
 * memory (counters_balloon_names), age_ms ago, as far as it has said it. memory is of all memory devices,
 * where there are some.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "devmodel/latency.h"
#include "devmodel/virtio/balloon.h"
#include "devmodel/virtio/blk.h"
#include "hypervisor/kvm/vcpu.h"
#include "vmm/config/definition.h"

#define COUNTERS_OTHERS_MAX (6 + FILESYSTEMS_MAX + MEMORY_DEVICES_MAX)

struct vcpu_counters {
	uint64_t exits;  /* from KVM_RUN to our code */
	uint64_t cpu_ns; /* of its thread, the guest's own included */
};

struct device_counters {
	char device[DEFINITION_NAME_MAX + 1];                 /* its id; "": none that is one */
	uint64_t notifications, requests, errors, interrupts; /* struct virtio_counters */
	uint64_t to_guest, from_guest;                        /* bytes */
};

struct latency_counters {
	uint64_t counts[LATENCY_BUCKETS];
	uint64_t sum_ns;
};

struct balloon_counters {
	bool present;
	uint64_t target_bytes;   /* of its memory, that the guest is to have */
	uint64_t current_bytes;  /* that it has */
	uint64_t returned_bytes; /* given back to the host, since the start: those of each time */
	uint64_t age_ms;         /* of what follows */
	uint32_t known;          /* a bit a number: the guest has said it */
	uint64_t stats[VIRTIO_BALLOON_STATS];
};

/* Memory that comes and goes. */
struct memory_counters {
	uint64_t size_bytes; /* the most that it can be; 0: there is none */
	uint64_t requested_bytes;
	uint64_t plugged_bytes;
};

struct machine_counters {
	unsigned vcpu_count, disk_count, network_count, other_count;
	struct vcpu_counters vcpus[DEFINITION_VCPUS_MAX];
	uint64_t exits[VCPU_EXIT_KINDS];
	struct device_counters disks[DEFINITION_DISKS_MAX];
	struct latency_counters latencies[DEFINITION_DISKS_MAX][VIRTIO_BLK_KINDS];
	struct device_counters networks[DEFINITION_NETWORKS_MAX];
	struct device_counters others[COUNTERS_OTHERS_MAX];
	struct balloon_counters balloon;
	struct memory_counters memory;
};

extern const char *const counters_exit_names[VCPU_EXIT_KINDS];
extern const char *const counters_blk_names[VIRTIO_BLK_KINDS];
extern const char *const counters_balloon_names[VIRTIO_BALLOON_STATS];

/* NULL when out of memory. */
cJSON *counters_to_json(const struct machine_counters *counters);
/* Reads what that wrote. The guest may have taken its process over: what is no number counts as 0; what is no
 * id, or another's, is ""; what is too many is left out. */
void counters_from_json(const cJSON *json, struct machine_counters *counters);
