/* What a host has, by its files: ordinary ones, odd ones, and ones that nobody should believe. */
#include <criterion/criterion.h>
#include <errno.h>

#include "host_tree.h"
#include "vmm/plan/inventory.h"

TestSuite(inventory, .init = scratch_make, .fini = scratch_remove);

static struct inventory host;
static struct error err;
static char text[CPU_SET_TEXT_MAX];

static void is_read(void)
{
	cr_assert_eq(inventory_read(scratch, &host, &err), 0, "%s", err.text);
}

/* Refused with a sentence that names the file and ends so. */
static void is_refused(const char *file, const char *end)
{
	char wanted[512];

	err.text[0] = '\0';
	snprintf(wanted, sizeof(wanted), "host: %s/%s: %s", scratch, file, end);
	cr_assert_lt(inventory_read(scratch, &host, &err), 0, "%s was believed", file);
	cr_assert_str_eq(err.text, wanted);
}

Test(inventory, small_host)
{
	host_small();
	is_read();
	cr_assert_str_eq(cpu_set_format(&host.cpus, text), "0-1");
	cr_assert_eq(host.memory_mib, 2048);
	cr_assert_eq(inventory_core_count(&host), 2);
	cr_assert_eq(inventory_package_count(&host), 1);
	cr_assert_str_eq(cpu_set_format(&host.nodes, text), "0");
	cr_assert(cpu_set_equal(&host.node_info[0].cpus, &host.cpus));
	cr_assert_eq(host.node_info[0].memory_mib, 2048);
}

Test(inventory, nodes_cores_and_packages)
{
	struct cpu_set core, node = {0};

	host_large();
	is_read();
	cr_assert_eq(inventory_core_count(&host), 4);
	cr_assert_eq(inventory_package_count(&host), 2);
	core = inventory_core(&host, 7);
	cr_assert_str_eq(cpu_set_format(&core, text), "3,7");
	cr_assert_str_eq(cpu_set_format(&host.nodes, text), "0-1");
	cr_assert_eq(host.node[6], 1);
	cr_assert_eq(host.node_info[1].memory_mib, 4096);
	cpu_set_add(&node, 1);
	core = inventory_cpus_of(&host, &node);
	cr_assert_str_eq(cpu_set_format(&core, text), "2-3,6-7");
}

Test(inventory, huge_pages_of_each_node)
{
	host_large();
	host_file("512\n", HOST_NODE "/node1/hugepages/hugepages-2048kB/nr_hugepages");
	host_file("500\n", HOST_NODE "/node1/hugepages/hugepages-2048kB/free_hugepages");
	host_file("1\n", HOST_NODE "/node0/hugepages/hugepages-1048576kB/nr_hugepages");
	is_read();
	cr_assert_eq(host.node_info[1].huge_2m.total, 512);
	cr_assert_eq(host.node_info[1].huge_2m.free, 500);
	cr_assert_eq(host.node_info[0].huge_2m.total, 0);
	cr_assert_eq(host.node_info[0].huge_1g.total, 1);
	cr_assert_eq(inventory_pool_mib(&host.node_info[0]), 1024);
}

Test(inventory, huge_pages_without_numa)
{
	host_small();
	host_file("16\n", "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	host_file("99\n", "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	is_read();
	cr_assert_eq(host.node_info[0].huge_2m.total, 16);
	cr_assert_eq(host.node_info[0].huge_2m.free, 16, "more are free than there are");
}

Test(inventory, offline_and_forbidden_cpus_do_not_count)
{
	struct cpu_set core;

	host_large();
	host_file("0-4,6-7\n", HOST_CPU "/online");
	host_file("Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-6\nMems_allowed_list:\t0\n",
		  "proc/self/status");
	is_read();
	cr_assert_str_eq(cpu_set_format(&host.cpus, text), "0-4,6");
	core = inventory_core(&host, 1);
	cr_assert_str_eq(cpu_set_format(&core, text), "1");
	cr_assert_str_eq(cpu_set_format(&host.node_info[1].cpus, text), "2-3,6");
}

Test(inventory, first_sibling_may_be_offline)
{
	host_large();
	host_file("1-7\n", HOST_CPU "/online");
	is_read();
	cr_assert_eq(host.core[4], 4);
	cr_assert_eq(inventory_core_count(&host), 4);
}

Test(inventory, node_without_cpus_or_memory)
{
	host_large();
	host_file("0-3\n", HOST_NODE "/online");
	host_node(2, "\n", 1048576);
	host_node(3, "\n", 0);
	is_read();
	cr_assert_str_eq(cpu_set_format(&host.nodes, text), "0-2");
	cr_assert(cpu_set_empty(&host.node_info[2].cpus));
}

Test(inventory, memory_is_the_smaller_of_two_counts)
{
	host_large();
	host_memory(16777216);
	is_read();
	cr_assert_eq(host.memory_mib, 8192);
	host_memory(4194304);
	is_read();
	cr_assert_eq(host.memory_mib, 4096);
}

Test(inventory, no_topology_means_a_core_a_cpu)
{
	host_file("0-2\n", HOST_CPU "/online");
	host_memory(1048576);
	is_read();
	cr_assert_eq(inventory_core_count(&host), 3);
	cr_assert_eq(inventory_package_count(&host), 1);
	host_file("-1\n", HOST_CPU "/cpu0/topology/physical_package_id");
	is_read();
}

Test(inventory, siblings_that_contradict_each_other_are_no_cores)
{
	host_file("0-3\n", HOST_CPU "/online");
	host_memory(1048576);
	host_cpu(0, "0\n", "0\n");
	host_cpu(1, "0-1\n", "0\n");
	host_cpu(2, "1-2\n", "0\n"); /* 1 is not the first of its own core */
	host_cpu(3, "900\n", "0\n");
	is_read();
	cr_assert_eq(host.core[1], 0);
	cr_assert_eq(host.core[2], 2);
	cr_assert_eq(host.core[3], 3);
}

Test(inventory, missing_files_are_named)
{
	is_refused(HOST_CPU "/online", "there is none; are /proc and /sys mounted?");
	host_file("0\n", HOST_CPU "/online");
	is_refused("proc/meminfo", "there is none; are /proc and /sys mounted?");
	host_memory(1048576);
	host_file("0\n", HOST_NODE "/online");
	is_refused(HOST_NODE "/node0/cpulist", "there is none; are /proc and /sys mounted?");
}

Test(inventory, nonsense_is_refused)
{
	host_small();
	host_file("0-\n", HOST_CPU "/online");
	is_refused(HOST_CPU "/online", "holds no list of numbers");
	host_file("0-2000\n", HOST_CPU "/online");
	is_refused(HOST_CPU "/online", "has numbers above 1023, the last that we know");
	host_file("0-1\n", HOST_CPU "/online");
	host_cpu(1, "one\n", "0\n");
	is_refused(HOST_CPU "/cpu1/topology/thread_siblings_list", "holds no list of numbers");
	host_cpu(1, "1\n", "70000\n");
	is_refused(HOST_CPU "/cpu1/topology/physical_package_id", "holds no package's number");
	host_cpu(1, "1\n", "\n");
	is_refused(HOST_CPU "/cpu1/topology/physical_package_id", "holds no package's number");
	host_cpu(1, "1\n", "0\n");
	host_file("MemTotal: lots\n", "proc/meminfo");
	is_refused("proc/meminfo", "holds no MemTotal in kB");
	host_memory(1048576);
	host_file("Cpus_allowed_list:\tall\n", "proc/self/status");
	is_refused("proc/self/status", "holds no list of CPUs behind Cpus_allowed_list");
	host_file("Cpus_allowed_list:\t0-1\n", "proc/self/status");
	host_file("-5\n", "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	is_refused("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "holds no number of pages");
	host_file("99999999999999999999\n", "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	is_refused("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "holds no number of pages");
	host_file("1\n", "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	host_file("0,77\n", HOST_NODE "/online");
	host_node(0, "0-1\n", 1048576);
	is_refused(HOST_NODE "/online", "has numbers above 63, the last that we know");
}

Test(inventory, no_cpu_is_refused)
{
	host_small();
	host_file("Cpus_allowed_list:\t5\n", "proc/self/status");
	cr_assert_eq(inventory_read(scratch, &host, &err), -EINVAL);
	cr_assert_str_eq(err.text, "host: no CPU is online that this process may use");
	host_file("\n", HOST_CPU "/online");
	cr_assert_eq(inventory_read(scratch, &host, &err), -EINVAL);
}

Test(inventory, endless_file_is_refused)
{
	static char much[20000];

	memset(much, '0', sizeof(much) - 1);
	host_small();
	host_file(much, HOST_CPU "/online");
	is_refused(HOST_CPU "/online", "is larger than 16383 bytes");
}

Test(inventory, meminfo_lines)
{
	uint64_t mib = 7;

	cr_assert_eq(inventory_parse_meminfo("MemTotal:       2048 kB\n", "MemTotal", &mib), 0);
	cr_assert_eq(mib, 2);
	cr_assert_eq(inventory_parse_meminfo("Node 0 MemUsed: 9999 kB\nNode 0 MemTotal: 1023 kB\n",
					     "MemTotal", &mib),
		     0);
	cr_assert_eq(mib, 0);
	cr_assert_eq(inventory_parse_meminfo("NotMemTotal: 1024 kB\nMemTotal: 4096 kB", "MemTotal", &mib), 0);
	cr_assert_eq(mib, 4);
	cr_assert_eq(inventory_parse_meminfo("", "MemTotal", &mib), -EINVAL);
	cr_assert_eq(inventory_parse_meminfo("MemTotal:", "MemTotal", &mib), -EINVAL);
	cr_assert_eq(inventory_parse_meminfo("MemTotal: -1 kB", "MemTotal", &mib), -EINVAL);
	cr_assert_eq(inventory_parse_meminfo("MemTotal: 1 MB", "MemTotal", &mib), -EINVAL);
	cr_assert_eq(inventory_parse_meminfo("MemTotal: 99999999999999999999999 kB", "MemTotal", &mib),
		     -EINVAL);
	cr_assert_eq(mib, 4);
}

/* What may change is read anew: memory, and all of the CPUs when other ones are online. */
Test(inventory, refresh)
{
	struct inventory fresh;

	host_large();
	is_read();
	fresh = host;
	host_file("0\n", HOST_CPU
		  "/cpu3/topology/thread_siblings_list"); /* a place that the same CPU does not change */
	host_node(1, "2-3,6-7\n", 2097152);
	cr_assert_eq(inventory_refresh(scratch, &fresh, &err), 0, "%s", err.text);
	cr_assert_eq(fresh.node_info[1].memory_mib, 2048);
	cr_assert_eq(fresh.node[6], 1);
	cr_assert_eq(inventory_core_count(&fresh), 4);
	host_file("0-6\n", HOST_CPU "/online");
	cr_assert_eq(inventory_refresh(scratch, &fresh, &err), 0, "%s", err.text);
	is_read();
	cr_assert_eq(memcmp(&fresh, &host, sizeof(host)), 0, "it is as if read for the first time");
	host_file("none\n", HOST_CPU "/online");
	cr_assert_lt(inventory_refresh(scratch, &fresh, &err), 0);
	host_file("0-6\n", HOST_CPU "/online");
	cr_assert_eq(inventory_refresh(scratch, &fresh, &err), 0, "%s", err.text);
	cr_assert_eq(memcmp(&fresh, &host, sizeof(host)), 0, "also after an error");
}

Test(inventory, this_host_is_read)
{
	cr_assert_eq(inventory_read("/", &host, &err), 0, "%s", err.text);
	cr_assert_geq(cpu_set_count(&host.cpus), 1);
	cr_assert_gt(host.memory_mib, 0);
}
