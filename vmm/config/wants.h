/*
 * What a guest wants of the host's CPUs and memory, as its definition says it, and what it was given.
 *
 *      definition --wants_read--> struct guest_wants --plan_make (vmm/plan/plan.h)--> struct guest_placement
 *
 * A want that is not said stays 0 or empty: then the plan decides, or a default holds. The words are those of
 * libvirt's domain XML (format domain, "CPU Tuning", "Memory Backing", "NUMA Node Tuning"):
 *
 *      "cpus":           { "placement": "shared" | "exclusive", "pin": "2-3", "weight": 100,
 *                          "vcpupin": { "0": "2", "1": "3" }, "emulatorpin": "2-3",
 *                          "global_period": 100000, "global_quota": 150000 }
 *      "numa":           { "nodes": "0", "mode": "strict" | "preferred" | "interleave" }
 *      "memory_backing": { "hugepages": true | false | "2M" | "1G" }
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/x86_64/topology.h"
#include "vmm/config/cpu_set.h"
#include "vmm/config/json.h"

#define WANTS_VCPUS_MAX      255
#define WANTS_MEMORY_MIN     16         /* MiB */
#define WANTS_MEMORY_MAX     (1U << 24) /* MiB: 16 TiB */
#define WANTS_WEIGHT_MAX     10000      /* as cpu.weight of a control group (cgroup-v2.rst) */
#define WANTS_WEIGHT_DEFAULT 100
#define WANTS_PERIOD_MIN     1000 /* microseconds; as cpu.max of a control group */
#define WANTS_PERIOD_MAX     1000000
#define WANTS_PERIOD_DEFAULT 100000
#define WANTS_QUOTA_MIN      1000
#define WANTS_QUOTA_MAX      17592186044415ULL /* libvirt's */

enum numa_mode {
	NUMA_STRICT,     /* from these nodes or not at all */
	NUMA_PREFERRED,  /* from the first of these nodes while it has some */
	NUMA_INTERLEAVE, /* page by page from all of them */
};

/* The pages that guest memory is made of. */
enum page_kind {
	PAGES_NORMAL, /* the kernel may join them (transparent huge pages) */
	PAGES_2M,     /* of the host's pools, which whoever runs it fills (hugetlbpage.rst) */
	PAGES_1G,
};

struct guest_wants {
	unsigned vcpus;         /* 0: not said */
	unsigned current_vcpus; /* of those, so many are there at first, or now; 0: all, and they stay */
	bool topology;          /* the definition says how they are arranged */
	uint64_t memory_mib;
	uint64_t max_mib;       /* with all that can be plugged in; 0: not said */
	uint64_t devices_mib;   /* that can be plugged in (memory_devices.h), ... */
	uint64_t requested_mib; /* ... and that is to be */
	bool exclusive;     /* whole cores that no other guest runs on */
	struct cpu_set pin; /* the host CPUs it may run on */
	/* Of those, the CPUs of single vCPUs and of all other threads; NULL or empty: all of them. */
	struct cpu_set *vcpu_pins; /* WANTS_VCPUS_MAX of them; the definition's to free */
	struct cpu_set emulator_pin;
	uint64_t quota_us; /* of each period, on all CPUs together; 0: no limit */
	uint64_t period_us;
	unsigned weight;
	enum page_kind pages;
	struct cpu_set nodes;
	enum numa_mode numa_mode;
};

struct guest_placement {
	struct cpu_set cpus;             /* its threads run on these; empty: on any */
	unsigned pin_count;              /* 0: the vCPUs, too, run on any of them */
	uint16_t pins[WANTS_VCPUS_MAX];  /* else the host CPU of each vCPU */
	const struct cpu_set *vcpu_pins; /* the wants' */
	struct cpu_set emulator_pin;     /* the same */
	unsigned weight;
	enum page_kind pages;
	struct cpu_set nodes; /* empty: memory from any node */
	enum numa_mode numa_mode;
};

void wants_free(struct guest_wants *wants);
/* How many vCPUs are there; 0: not said. */
unsigned wants_vcpus_now(const struct guest_wants *wants);
/* Reads vcpus, current_vcpus, topology, memory_mib, cpus, numa and memory_backing of a definition. *topology
 * is only written when the definition has one. */
int wants_read(const struct json_place *root, struct guest_wants *wants, struct cpu_topology *topology);

const char *numa_mode_name(enum numa_mode mode); /* "strict" */
const char *page_kind_name(enum page_kind kind); /* "4K", "2M", "1G" */
uint64_t page_kind_mib(enum page_kind kind);     /* of one page; 0 for PAGES_NORMAL */
