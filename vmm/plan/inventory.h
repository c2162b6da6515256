/*
 * What the host has: CPUs with their cores, packages and NUMA nodes, memory, huge pages.
 *
 * Read from the kernel's files below a root folder, "/" or a copy of another host's files:
 *
 *      /sys/devices/system/cpu/online, cpuN/topology/   Linux Documentation/admin-guide/cputopology.rst
 *      /sys/devices/system/node/online, nodeN/          Documentation/ABI/stable/sysfs-devices-node
 *      /sys/kernel/mm/hugepages/                        Documentation/admin-guide/mm/hugetlbpage.rst
 *      /proc/meminfo, /proc/self/status                 proc(5); Cpus_allowed_list: a cpuset or taskset(1)
 * limits us too
 *
 * A kernel without NUMA has one node, 0. CPUs that are offline or not ours to use do not count. A file that
 * is missing where it must be, or holds nonsense, is an error that names it; what no kernel says of itself
 * (no topology folder in some virtual machines) has a plain default: a core a CPU, one package. Any thread.
 */
#pragma once

#include <stdint.h>

#include "common/error.h"
#include "vmm/config/cpu_set.h"

#define INVENTORY_NODES_MAX 64

struct inventory_pool {
	uint64_t total, free; /* pages */
};

struct inventory_node {
	struct cpu_set cpus; /* usable ones */
	uint64_t memory_mib; /* huge pages of the pools included */
	struct inventory_pool huge_2m;
	struct inventory_pool huge_1g;
};

struct inventory {
	struct cpu_set cpus; /* usable: online and allowed */
	/* By CPU number, for usable CPUs. */
	uint16_t core[CPU_SET_MAX]; /* the lowest number among the CPU and its siblings */
	uint16_t package[CPU_SET_MAX];
	uint16_t node[CPU_SET_MAX];
	uint64_t memory_mib;  /* the same; by the kernel's count or the sum of the nodes, whichever is less */
	struct cpu_set nodes; /* that have CPUs or memory; 0 alone on most hosts */
	struct inventory_node node_info[INVENTORY_NODES_MAX];
};

int inventory_read(const char *root, struct inventory *inventory, struct error *err);
/* The same for one that was read before from that root, or is all zero: where the CPUs are is not read again
 * while they are the same ones, two files for each. After an error it is all zero. */
int inventory_refresh(const char *root, struct inventory *inventory, struct error *err);

/* The usable CPUs of the core that cpu is on. */
struct cpu_set inventory_core(const struct inventory *inventory, unsigned cpu);
unsigned inventory_core_count(const struct inventory *inventory);
unsigned inventory_package_count(const struct inventory *inventory);
/* All CPUs of these nodes. */
struct cpu_set inventory_cpus_of(const struct inventory *inventory, const struct cpu_set *nodes);
/* Memory in the pools of huge pages, of one node. */
uint64_t inventory_pool_mib(const struct inventory_node *node);

/* The lines of /proc/meminfo and of a node's meminfo: the number of MiB behind "KEY:" in text, rounded down;
 * -EINVAL when there is none. For tests and the fuzzer; text is any text. */
int inventory_parse_meminfo(const char *text, const char *key, uint64_t *mib);
