/*
 * What a guest wants of the host's CPUs and memory, as its definition says it, and what it was given.
 *
 *      definition --wants_read--> struct guest_wants --plan_make (vmm/plan/plan.h)--> struct guest_placement
 *
 * A want that is not said stays 0 or empty: then the plan decides, or a default holds. The words are those of
 * libvirt's domain XML (format domain, "CPU Tuning", "Memory Backing", "NUMA Node Tuning"):
 *
 *      "cpus":           { "placement": "shared" | "exclusive", "pin": "2-3", "weight": 100 }
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
	bool topology;  /* the definition says how they are arranged */
	uint64_t memory_mib;
	bool exclusive;     /* whole cores that no other guest runs on */
	struct cpu_set pin; /* the host CPUs it may run on */
	unsigned weight;
	enum page_kind pages;
	struct cpu_set nodes;
	enum numa_mode numa_mode;
};

struct guest_placement {
	struct cpu_set cpus;            /* its threads run on these; empty: on any */
	unsigned pin_count;             /* 0: the vCPUs, too, run on any of them */
	uint16_t pins[WANTS_VCPUS_MAX]; /* else the host CPU of each vCPU */
	unsigned weight;
	enum page_kind pages;
	struct cpu_set nodes; /* empty: memory from any node */
	enum numa_mode numa_mode;
};

/* How many vCPUs are there; 0: not said. */
unsigned wants_vcpus_now(const struct guest_wants *wants);
/* Reads vcpus, current_vcpus, topology, memory_mib, cpus, numa and memory_backing of a definition. *topology is only written
 * when the definition has one. */
int wants_read(const struct json_place *root, struct guest_wants *wants, struct cpu_topology *topology);

const char *numa_mode_name(enum numa_mode mode); /* "strict" */
const char *page_kind_name(enum page_kind kind); /* "4K", "2M", "1G" */
uint64_t page_kind_mib(enum page_kind kind);     /* of one page; 0 for PAGES_NORMAL */
