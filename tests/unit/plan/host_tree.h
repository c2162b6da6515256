/* A host's /proc and /sys as files in the test's folder (tests/unit/vmm/scratch.h), for inventory_read. */
#pragma once

#include <libgen.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "../vmm/scratch.h"

static inline void host_folder(const char *path)
{
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = copy + strlen(scratch) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
}

/* Writes a file below the root, with its folders. */
static inline void host_file(const char *text, const char *format, ...)
{
	char name[256], path[512];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	host_folder(path);
	scratch_file(name, text);
}

#define HOST_CPU  "sys/devices/system/cpu"
#define HOST_NODE "sys/devices/system/node"

static inline void host_cpu(unsigned cpu, const char *siblings, const char *package)
{
	host_file(siblings, HOST_CPU "/cpu%u/topology/thread_siblings_list", cpu);
	host_file(package, HOST_CPU "/cpu%u/topology/physical_package_id", cpu);
}

static inline void host_node(unsigned node, const char *cpus, unsigned long kib)
{
	char text[256];

	host_file(cpus, HOST_NODE "/node%u/cpulist", node);
	snprintf(text, sizeof(text), "Node %u MemTotal:       %lu kB\nNode %u MemFree:        %lu kB\n", node,
		 kib, node, kib / 2);
	host_file(text, HOST_NODE "/node%u/meminfo", node);
}

static inline void host_memory(unsigned long kib)
{
	char text[128];

	snprintf(text, sizeof(text), "MemTotal:       %lu kB\nMemFree:         1000 kB\n", kib);
	host_file(text, "proc/meminfo");
}

/* Two CPUs, 2 GiB, a kernel without NUMA. */
static inline void host_small(void)
{
	host_file("0-1\n", HOST_CPU "/online");
	host_cpu(0, "0\n", "0\n");
	host_cpu(1, "1\n", "0\n");
	host_memory(2097152);
}

/* Two nodes of two cores with two threads, 4 GiB each. */
static inline void host_large(void)
{
	host_file("0-7\n", HOST_CPU "/online");
	for (unsigned cpu = 0; cpu < 8; cpu++) {
		char siblings[16];

		snprintf(siblings, sizeof(siblings), "%u,%u\n", cpu % 4, cpu % 4 + 4);
		host_cpu(cpu, siblings, cpu % 4 < 2 ? "0\n" : "1\n");
	}
	host_memory(8388608);
	host_file("0-1\n", HOST_NODE "/online");
	host_node(0, "0-1,4-5\n", 4194304);
	host_node(1, "2-3,6-7\n", 4194304);
}
