#include "vmm/plan/report.h"

#include <errno.h>
#include <string.h>

#include "common/util.h"

static void add_set(cJSON *json, const char *key, const struct cpu_set *set)
{
	char text[CPU_SET_TEXT_MAX];

	cJSON_AddStringToObject(json, key, cpu_set_format(set, text));
}

static void add_mib(cJSON *json, const char *key, uint64_t mib)
{
	cJSON_AddNumberToObject(json, key, (double)mib);
}

/* --- Writing --- */

static void add_pool(cJSON *json, const char *key, const struct inventory_pool *pool)
{
	cJSON *object = cJSON_AddObjectToObject(json, key);

	add_mib(object, "total", pool->total);
	add_mib(object, "free", pool->free);
}

static uint64_t pools_mib(const struct inventory *host)
{
	uint64_t mib = 0;

	CPU_SET_FOREACH(node, &host->nodes)
	mib += inventory_pool_mib(&host->node_info[node]);
	return MIN(mib, host->memory_mib);
}

cJSON *host_to_json(const struct inventory *host)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *nodes;

	add_set(json, "cpus", &host->cpus);
	cJSON_AddNumberToObject(json, "cpu_count", cpu_set_count(&host->cpus));
	cJSON_AddNumberToObject(json, "cores", inventory_core_count(host));
	cJSON_AddNumberToObject(json, "packages", inventory_package_count(host));
	add_mib(json, "memory_mib", host->memory_mib);
	add_mib(json, "hugepages_mib", pools_mib(host));
	nodes = cJSON_AddArrayToObject(json, "nodes");
	CPU_SET_FOREACH(number, &host->nodes)
	{
		const struct inventory_node *node = &host->node_info[number];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddNumberToObject(item, "node", number);
		add_set(item, "cpus", &node->cpus);
		add_mib(item, "memory_mib", node->memory_mib);
		add_pool(item, "hugepages_2M", &node->huge_2m);
		add_pool(item, "hugepages_1G", &node->huge_1g);
		cJSON_AddItemToArray(nodes, item);
	}
	return json;
}

static void add_placement(cJSON *json, const struct guest_placement *placement)
{
	cJSON *pins;

	if (!cpu_set_empty(&placement->cpus))
		add_set(json, "cpus", &placement->cpus);
	if (placement->pin_count) {
		pins = cJSON_AddArrayToObject(json, "pins");
		for (unsigned i = 0; i < placement->pin_count; i++)
			cJSON_AddItemToArray(pins, cJSON_CreateNumber(placement->pins[i]));
	}
	cJSON_AddNumberToObject(json, "weight", placement->weight);
	cJSON_AddStringToObject(json, "pages", page_kind_name(placement->pages));
	if (cpu_set_empty(&placement->nodes))
		return;
	add_set(json, "nodes", &placement->nodes);
	cJSON_AddStringToObject(json, "numa_mode", numa_mode_name(placement->numa_mode));
}

static void add_guests(cJSON *json, const struct plan *plan)
{
	cJSON *guests = cJSON_AddArrayToObject(json, "guests");

	for (unsigned i = 0; i < plan->count; i++) {
		const struct plan_guest *guest = &plan->guests[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", guest->name);
		cJSON_AddStringToObject(item, "role", guest_role_name(guest->role));
		cJSON_AddNumberToObject(item, "vcpus", guest->vcpus);
		add_mib(item, "memory_mib", guest->memory_mib);
		if (guest->requested_mib)
			add_mib(item, "requested_mib", guest->requested_mib);
		cJSON_AddStringToObject(item, "placement", guest->exclusive ? "exclusive" : "shared");
		add_placement(item, &guest->placement);
		cJSON_AddItemToArray(guests, item);
	}
}

static void add_changes(cJSON *json, const struct plan_changes *changes)
{
	cJSON *list = cJSON_AddArrayToObject(json, "changes");

	for (unsigned i = 0; i < changes->count; i++) {
		const struct plan_change *change = &changes->items[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "guest", change->guest);
		cJSON_AddStringToObject(item, "what", change->what);
		cJSON_AddStringToObject(item, "from", change->from);
		cJSON_AddStringToObject(item, "to", change->to);
		cJSON_AddBoolToObject(item, "live", change->live);
		cJSON_AddItemToArray(list, item);
	}
}

cJSON *plan_to_json(const struct plan *plan, const struct inventory *host, const struct plan_changes *changes)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *object;

	cJSON_AddStringToObject(json, "mode", mode_name(plan->mode));
	cJSON_AddItemToObject(json, "host", host_to_json(host));
	object = cJSON_AddObjectToObject(json, "reserve");
	add_set(object, "cpus", &plan->reserve_cpus);
	add_mib(object, "memory_mib", plan->reserve_mib);
	add_guests(json, plan);
	object = cJSON_AddObjectToObject(json, "left");
	cJSON_AddNumberToObject(object, "cpus", plan->left_cpus);
	add_mib(object, "memory_mib", plan->left_mib);
	add_mib(object, "hugepages_mib", plan->left_pool_mib);
	if (changes)
		add_changes(json, changes);
	return json;
}

void plan_describe_placement(cJSON *json, const struct guest_definition *definition)
{
	cJSON *topology = cJSON_AddObjectToObject(json, "topology");

	cJSON_AddNumberToObject(topology, "sockets", definition->topology.sockets);
	cJSON_AddNumberToObject(topology, "cores", definition->topology.cores);
	cJSON_AddNumberToObject(topology, "threads", definition->topology.threads);
	add_placement(json, &definition->placement);
}

/* --- Reading --- */

/* Leaves *value when the key is absent. */
static int get_number(const cJSON *json, const char *key, uint64_t min, uint64_t max, uint64_t *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	if (!item)
		return 0;
	if (!cJSON_IsNumber(item) ||
	    !(item->valuedouble >= (double)min && item->valuedouble <= (double)max) ||
	    !number_is_whole(item->valuedouble))
		return -EINVAL;
	*value = (uint64_t)item->valuedouble;
	return 0;
}

static int get_set(const cJSON *json, const char *key, struct cpu_set *set)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	if (!item)
		return 0;
	return cJSON_IsString(item) && cpu_set_parse(item->valuestring, set) == 0 ? 0 : -EINVAL;
}

/* One of the names of values 0 to count - 1. */
static int get_name(const cJSON *json, const char *key, const char *const *names, unsigned count,
		    unsigned *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

	if (!item)
		return 0;
	for (unsigned i = 0; i < count && cJSON_IsString(item); i++) {
		if (strcmp(item->valuestring, names[i]) == 0) {
			*value = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int get_pages(const cJSON *json, enum page_kind *pages)
{
	const char *names[] = {page_kind_name(PAGES_NORMAL), page_kind_name(PAGES_2M),
			       page_kind_name(PAGES_1G)};
	unsigned value = *pages;
	int code = get_name(json, "pages", names, ARRAY_SIZE(names), &value);

	*pages = (enum page_kind)value;
	return code;
}

static int get_numa_mode(const cJSON *json, enum numa_mode *mode)
{
	const char *names[] = {numa_mode_name(NUMA_STRICT), numa_mode_name(NUMA_PREFERRED),
			       numa_mode_name(NUMA_INTERLEAVE)};
	unsigned value = *mode;
	int code = get_name(json, "numa_mode", names, ARRAY_SIZE(names), &value);

	*mode = (enum numa_mode)value;
	return code;
}

static int get_pins(const cJSON *json, struct guest_placement *placement)
{
	const cJSON *pins = cJSON_GetObjectItemCaseSensitive(json, "pins");
	const cJSON *item;

	if (!pins)
		return 0;
	if (!cJSON_IsArray(pins) || cJSON_GetArraySize(pins) > WANTS_VCPUS_MAX)
		return -EINVAL;
	placement->pin_count = 0;
	cJSON_ArrayForEach(item, pins)
	{
		if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < CPU_SET_MAX))
			return -EINVAL;
		placement->pins[placement->pin_count++] = (uint16_t)item->valuedouble;
	}
	return 0;
}

static int get_topology(const cJSON *json, struct cpu_topology *topology)
{
	const cJSON *object = cJSON_GetObjectItemCaseSensitive(json, "topology");
	uint64_t sockets = topology->sockets, cores = topology->cores, threads = topology->threads;

	if (!object)
		return 0;
	if (!cJSON_IsObject(object) || get_number(object, "sockets", 1, WANTS_VCPUS_MAX, &sockets) < 0 ||
	    get_number(object, "cores", 1, WANTS_VCPUS_MAX, &cores) < 0 ||
	    get_number(object, "threads", 1, WANTS_VCPUS_MAX, &threads) < 0 ||
	    sockets * cores * threads > WANTS_VCPUS_MAX)
		return -EINVAL;
	*topology = (struct cpu_topology){
		.sockets = (unsigned)sockets,
		.cores = (unsigned)cores,
		.threads = (unsigned)threads,
	};
	return 0;
}

int plan_restore_numbers(const cJSON *json, struct guest_definition *definition)
{
	struct guest_placement placement = definition->placement;
	struct cpu_topology topology = definition->topology;
	uint64_t memory_mib = definition->memory_mib, weight = placement.weight;

	if (get_topology(json, &topology) < 0 || get_pins(json, &placement) < 0 ||
	    get_number(json, "memory_mib", WANTS_MEMORY_MIN, WANTS_MEMORY_MAX, &memory_mib) < 0 ||
	    get_number(json, "weight", 1, WANTS_WEIGHT_MAX, &weight) < 0 ||
	    get_set(json, "cpus", &placement.cpus) < 0 || get_set(json, "nodes", &placement.nodes) < 0 ||
	    get_pages(json, &placement.pages) < 0 || get_numa_mode(json, &placement.numa_mode) < 0)
		return -EINVAL;
	placement.weight = (unsigned)weight;
	definition->placement = placement;
	definition->topology = topology;
	definition->memory_mib = memory_mib;
	return 0;
}

int plan_running_from_json(const cJSON *json, struct plan_running *running)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "name");
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(json, "pid");
	uint64_t vcpus = 0, weight = 0;

	if (!cJSON_IsString(name))
		return -EINVAL;
	*running = (struct plan_running){
		.name = name->valuestring,
		.runs = cJSON_IsNumber(pid) && pid->valuedouble > 0,
		.pages_known = cJSON_HasObjectItem(json, "pages"),
		/* A guest without nodes says so by its pages. */
		.nodes_known = cJSON_HasObjectItem(json, "pages"),
	};
	if (get_number(json, "vcpus", 0, WANTS_VCPUS_MAX, &vcpus) < 0 ||
	    get_number(json, "memory_mib", 0, WANTS_MEMORY_MAX, &running->memory_mib) < 0 ||
	    get_number(json, "current_memory_mib", 0, WANTS_MEMORY_MAX, &running->memory_mib) < 0 ||
	    get_number(json, "live_memory_mib", 0, WANTS_MEMORY_MAX, &running->live_mib) < 0 ||
	    get_number(json, "weight", 0, WANTS_WEIGHT_MAX, &weight) < 0 ||
	    get_set(json, "cpus", &running->cpus) < 0 || get_set(json, "nodes", &running->nodes) < 0 ||
	    get_pages(json, &running->pages) < 0)
		return -EINVAL;
	running->vcpus = (unsigned)vcpus;
	running->weight = (unsigned)weight;
	return 0;
}
