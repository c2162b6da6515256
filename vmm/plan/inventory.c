#include "vmm/plan/inventory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/util.h"

#define PAGE_BYTES 4096
#define TEXT_MAX   16384 /* the largest file, /proc/meminfo, has 1.5 KiB */
#define CPU        "sys/devices/system/cpu"
#define NODE       "sys/devices/system/node"
#define NUMBER_MAX (1ULL << 40)

/* --- Files --- */

/* One of the kernel's files, whose path is made of format. -ENOENT, without a sentence, when there is none.
 */
struct host_file {
	char path[PATH_MAX];
	char text[TEXT_MAX];
};

__attribute__((format(printf, 4, 5))) static int host_read(const char *root, struct host_file *file,
							   struct error *err, const char *format, ...)
{
	AUTO_CLOSE int fd = -1;
	size_t used;
	va_list args;
	ssize_t got;

	used = (size_t)snprintf(file->path, sizeof(file->path), "%s/", strcmp(root, "/") == 0 ? "" : root);
	if (used >= sizeof(file->path))
		return error_set(err, -ENAMETOOLONG, "host: %s: the path is too long", root);
	va_start(args, format);
	vsnprintf(file->path + used, sizeof(file->path) - used, format, args);
	va_end(args);
	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return error_set(err, -errno, "host: %s: cannot open: %m", file->path);
	used = 0;
	do { /* what the kernel makes of less than a page comes at once: its end need not be asked for */
		got = read(fd, file->text + used, sizeof(file->text) - used);
		if (got < 0)
			return error_set(err, -errno, "host: %s: cannot read: %m", file->path);
		used += (size_t)got;
	} while (got >= PAGE_BYTES && used < sizeof(file->text));
	if (used == sizeof(file->text))
		return error_set(err, -EFBIG, "host: %s: is larger than %d bytes", file->path, TEXT_MAX - 1);
	file->text[used] = '\0';
	return 0;
}

static int host_missing(const struct host_file *file, struct error *err)
{
	return error_set(err, -ENOENT, "host: %s: there is none; are /proc and /sys mounted?", file->path);
}

static int host_nonsense(const struct host_file *file, const char *wanted, struct error *err)
{
	return error_set(err, -EINVAL, "host: %s: holds no %s", file->path, wanted);
}

static int parse_number(const char *text, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &end, 10);
	if (errno || *number > NUMBER_MAX || end[strspn(end, " \t\n")])
		return -EINVAL;
	return 0;
}

static int parse_set(const struct host_file *file, struct cpu_set *set, struct error *err)
{
	int code = cpu_set_parse(file->text, set);

	if (code == -ERANGE)
		return error_set(err, -E2BIG, "host: %s: has numbers above %u, the last that we know",
				 file->path, CPU_SET_MAX - 1);
	return code < 0 ? host_nonsense(file, "list of numbers", err) : 0;
}

/* The text behind "KEY:" in a file of such lines; a node's meminfo has "Node 0 " before each key. */
static const char *find_key(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *found = strstr(text, key); found; found = strstr(found + len, key)) {
		bool starts = found == text || found[-1] == '\n' || found[-1] == ' ';

		if (starts && found[len] == ':')
			return found + len + 1;
	}
	return NULL;
}

int inventory_parse_meminfo(const char *text, const char *key, uint64_t *mib)
{
	const char *value = find_key(text, key);
	uint64_t kib;
	char *end;

	if (!value)
		return -EINVAL;
	value += strspn(value, " \t");
	if (!isdigit((unsigned char)*value))
		return -EINVAL;
	errno = 0;
	kib = strtoull(value, &end, 10);
	if (errno || kib > NUMBER_MAX || strncmp(end, " kB", 3) != 0)
		return -EINVAL;
	*mib = kib / 1024;
	return 0;
}

/* --- CPUs --- */

/* "Cpus_allowed_list:\t0-3\n": what a cpuset or an affinity leaves us. */
static int limit_to_allowed(const char *root, struct inventory *inventory, struct host_file *file,
			    struct error *err)
{
	struct cpu_set allowed;
	const char *value;
	char *end;
	int code = host_read(root, file, err, "proc/self/status");

	if (code < 0)
		return code == -ENOENT ? 0 : code;
	value = find_key(file->text, "Cpus_allowed_list");
	if (!value)
		return 0;
	end = strchr(value, '\n');
	if (end)
		*end = '\0';
	if (cpu_set_parse(value, &allowed) < 0)
		return host_nonsense(file, "list of CPUs behind Cpus_allowed_list", err);
	inventory->cpus = cpu_set_and(&inventory->cpus, &allowed);
	return 0;
}

static int read_cpu(const char *root, struct inventory *inventory, unsigned cpu, struct host_file *file,
		    struct error *err)
{
	struct cpu_set siblings = {0};
	uint64_t package = 0;
	int code = host_read(root, file, err, CPU "/cpu%u/topology/thread_siblings_list", cpu);

	if (code == 0)
		code = parse_set(file, &siblings, err);
	if (code < 0 && code != -ENOENT)
		return code;
	cpu_set_add(&siblings, cpu); /* a CPU is on its own core, whatever the file says */
	siblings = cpu_set_and(&siblings, &inventory->cpus);
	inventory->core[cpu] = (uint16_t)cpu_set_next(&siblings, 0);
	code = host_read(root, file, err, CPU "/cpu%u/topology/physical_package_id", cpu);
	if (code == 0 && strcmp(file->text, "-1\n") != 0 && /* a virtual machine that says nothing */
	    (parse_number(file->text, &package) < 0 || package > UINT16_MAX))
		return host_nonsense(file, "package's number", err);
	if (code < 0 && code != -ENOENT)
		return code;
	inventory->package[cpu] = (uint16_t)package;
	return 0;
}

/* A CPU does not change its place: with the CPUs that were known, all is. */
static int read_cpus(const char *root, struct inventory *inventory, struct host_file *file, struct error *err)
{
	const struct cpu_set known = inventory->cpus;
	int code = host_read(root, file, err, CPU "/online");

	if (code == -ENOENT)
		return host_missing(file, err);
	if (code < 0 || (code = parse_set(file, &inventory->cpus, err)) < 0 ||
	    (code = limit_to_allowed(root, inventory, file, err)) < 0)
		return code;
	if (cpu_set_empty(&inventory->cpus))
		return error_set(err, -EINVAL, "host: no CPU is online that this process may use");
	if (cpu_set_equal(&known, &inventory->cpus))
		return 0;
	memset(inventory->core, 0, sizeof(inventory->core));
	memset(inventory->package, 0, sizeof(inventory->package));
	CPU_SET_FOREACH(cpu, &inventory->cpus)
	{
		code = read_cpu(root, inventory, cpu, file, err);
		if (code < 0)
			return code;
	}
	return 0;
}

/* Sibling lists that contradict each other must not make a CPU the member of a core that is not one: a core
 * is named after a CPU that says so of itself. */
static void settle_cores(struct inventory *inventory)
{
	CPU_SET_FOREACH(cpu, &inventory->cpus)
	{
		uint16_t core = inventory->core[cpu];

		if (inventory->core[core] != core)
			inventory->core[cpu] = (uint16_t)cpu;
	}
}

/* --- Memory and nodes --- */

/* A pool of huge pages that the kernel does not have is empty. */
static int read_pool(const char *root, const char *folder, const char *size, struct inventory_pool *pool,
		     struct host_file *file, struct error *err)
{
	const struct {
		const char *name;
		uint64_t *value;
	} counts[] = {{"nr_hugepages", &pool->total}, {"free_hugepages", &pool->free}};

	for (unsigned i = 0; i < 2; i++) {
		int code = host_read(root, file, err, "%s/hugepages-%skB/%s", folder, size, counts[i].name);

		if (code == 0 && parse_number(file->text, counts[i].value) < 0)
			code = host_nonsense(file, "number of pages", err);
		if (code < 0 && code != -ENOENT)
			return code;
	}
	if (pool->free > pool->total)
		pool->free = pool->total;
	return 0;
}

static int read_pools(const char *root, const char *folder, struct inventory_node *node,
		      struct host_file *file, struct error *err)
{
	int code = read_pool(root, folder, "2048", &node->huge_2m, file, err);

	return code < 0 ? code : read_pool(root, folder, "1048576", &node->huge_1g, file, err);
}

static int read_node(const char *root, struct inventory *inventory, unsigned number, struct host_file *file,
		     struct error *err)
{
	struct inventory_node *node = &inventory->node_info[number];
	char folder[64];
	int code = host_read(root, file, err, NODE "/node%u/cpulist", number);

	if (code == -ENOENT)
		return host_missing(file, err);
	if (code < 0 || (code = parse_set(file, &node->cpus, err)) < 0)
		return code;
	node->cpus = cpu_set_and(&node->cpus, &inventory->cpus);
	CPU_SET_FOREACH(cpu, &node->cpus)
	inventory->node[cpu] = (uint16_t)number;
	code = host_read(root, file, err, NODE "/node%u/meminfo", number);
	if (code == -ENOENT)
		return host_missing(file, err);
	if (code < 0)
		return code;
	if (inventory_parse_meminfo(file->text, "MemTotal", &node->memory_mib) < 0)
		return host_nonsense(file, "MemTotal in kB", err);
	snprintf(folder, sizeof(folder), NODE "/node%u/hugepages", number);
	return read_pools(root, folder, node, file, err);
}

/* A kernel without NUMA. */
static int read_only_node(const char *root, struct inventory *inventory, struct host_file *file,
			  struct error *err)
{
	struct inventory_node *node = &inventory->node_info[0];

	cpu_set_add(&inventory->nodes, 0);
	node->cpus = inventory->cpus;
	node->memory_mib = inventory->memory_mib;
	return read_pools(root, "sys/kernel/mm/hugepages", node, file, err);
}

static int read_nodes(const char *root, struct inventory *inventory, struct host_file *file,
		      struct error *err)
{
	struct cpu_set online;
	uint64_t sum = 0;
	int code = host_read(root, file, err, NODE "/online");

	if (code == -ENOENT)
		return read_only_node(root, inventory, file, err);
	if (code < 0 || (code = parse_set(file, &online, err)) < 0)
		return code;
	if (cpu_set_next(&online, INVENTORY_NODES_MAX) < CPU_SET_MAX)
		return error_set(err, -E2BIG, "host: %s: has numbers above %u, the last that we know",
				 file->path, INVENTORY_NODES_MAX - 1);
	CPU_SET_FOREACH(number, &online)
	{
		code = read_node(root, inventory, number, file, err);
		if (code < 0)
			return code;
		sum += inventory->node_info[number].memory_mib;
		if (inventory->node_info[number].memory_mib ||
		    !cpu_set_empty(&inventory->node_info[number].cpus))
			cpu_set_add(&inventory->nodes, number);
	}
	/* Some virtual machines whose memory is given and taken count it differently here and there. */
	inventory->memory_mib = MIN(inventory->memory_mib, sum);
	return 0;
}

static int read_memory(const char *root, struct inventory *inventory, struct host_file *file,
		       struct error *err)
{
	int code = host_read(root, file, err, "proc/meminfo");

	if (code == -ENOENT)
		return host_missing(file, err);
	if (code == 0 && inventory_parse_meminfo(file->text, "MemTotal", &inventory->memory_mib) < 0)
		code = host_nonsense(file, "MemTotal in kB", err);
	return code;
}

static int read_all(const char *root, struct inventory *inventory, struct error *err)
{
	AUTO_FREE struct host_file *file = malloc(sizeof(*file));
	int code;

	if (!file)
		return error_set(err, -ENOMEM, "host: out of memory");
	if ((code = read_cpus(root, inventory, file, err)) < 0 ||
	    (code = read_memory(root, inventory, file, err)) < 0)
		return code;
	settle_cores(inventory);
	return read_nodes(root, inventory, file, err);
}

int inventory_read(const char *root, struct inventory *inventory, struct error *err)
{
	*inventory = (struct inventory){0};
	return read_all(root, inventory, err);
}

int inventory_refresh(const char *root, struct inventory *inventory, struct error *err)
{
	int code;

	inventory->nodes = (struct cpu_set){0};
	memset(inventory->node, 0, sizeof(inventory->node));
	memset(inventory->node_info, 0, sizeof(inventory->node_info));
	code = read_all(root, inventory, err);
	if (code < 0)
		*inventory = (struct inventory){0};
	return code;
}

/* --- Questions --- */

struct cpu_set inventory_core(const struct inventory *inventory, unsigned cpu)
{
	struct cpu_set core = {0};

	CPU_SET_FOREACH(other, &inventory->cpus)
	{
		if (inventory->core[other] == inventory->core[cpu])
			cpu_set_add(&core, other);
	}
	return core;
}

unsigned inventory_core_count(const struct inventory *inventory)
{
	unsigned count = 0;

	CPU_SET_FOREACH(cpu, &inventory->cpus)
	count += inventory->core[cpu] == cpu;
	return count;
}

unsigned inventory_package_count(const struct inventory *inventory)
{
	unsigned count = 0;

	CPU_SET_FOREACH(cpu, &inventory->cpus)
	{
		unsigned first = cpu_set_next(&inventory->cpus, 0);

		while (inventory->package[first] != inventory->package[cpu])
			first = cpu_set_next(&inventory->cpus, first + 1);
		count += first == cpu;
	}
	return count;
}

struct cpu_set inventory_cpus_of(const struct inventory *inventory, const struct cpu_set *nodes)
{
	struct cpu_set cpus = {0};

	CPU_SET_FOREACH(node, nodes)
	{
		if (node < INVENTORY_NODES_MAX)
			cpus = cpu_set_or(&cpus, &inventory->node_info[node].cpus);
	}
	return cpus;
}

uint64_t inventory_pool_mib(const struct inventory_node *node)
{
	return node->huge_2m.total * 2 + node->huge_1g.total * 1024;
}
