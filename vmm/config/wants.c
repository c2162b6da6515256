#include "vmm/config/wants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static const char *const placement_words[] = {"shared", "exclusive", NULL};
static const char *const mode_words[] = {"strict", "preferred", "interleave", NULL};
static const char *const page_names[] = {"4K", "2M", "1G"};

const char *numa_mode_name(enum numa_mode mode)
{
	return mode_words[mode];
}

const char *page_kind_name(enum page_kind kind)
{
	return page_names[kind];
}

uint64_t page_kind_mib(enum page_kind kind)
{
	return kind == PAGES_1G ? 1024 : kind == PAGES_2M ? 2 : 0;
}

static int read_topology(const struct json_place *root, uint64_t vcpus, struct guest_wants *wants,
			 struct cpu_topology *topology)
{
	static const char *const keys[] = {"sockets", "cores", "threads", NULL};
	uint64_t sockets = 1, cores = 1, threads = 1;
	struct json_place place;
	int code = json_object(root, "topology", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_uint(&place, "sockets", 1, WANTS_VCPUS_MAX, &sockets)) < 0 ||
	    (code = json_uint(&place, "cores", 1, WANTS_VCPUS_MAX, &cores)) < 0 ||
	    (code = json_uint(&place, "threads", 1, WANTS_VCPUS_MAX, &threads)) < 0)
		return code;
	if (sockets * cores * threads > WANTS_VCPUS_MAX)
		return json_error(root, "topology", "makes %llu vCPUs, at most %u are possible",
				  (unsigned long long)(sockets * cores * threads), WANTS_VCPUS_MAX);
	if (vcpus && vcpus != sockets * cores * threads)
		return json_error(root, "topology", "makes %llu vCPUs, but vcpus is %llu",
				  (unsigned long long)(sockets * cores * threads), (unsigned long long)vcpus);
	wants->topology = true;
	*topology = (struct cpu_topology){
		.sockets = (unsigned)sockets,
		.cores = (unsigned)cores,
		.threads = (unsigned)threads,
	};
	return 0;
}

/* "0-3,8": absent it stays empty, given it must not be. */
static int read_set(const struct json_place *place, const char *key, struct cpu_set *set)
{
	AUTO_FREE char *text = NULL;
	int code = json_string(place, key, &text);

	if (code < 0 || !text)
		return code;
	code = cpu_set_parse(text, set);
	if (code == -ERANGE)
		return json_error(place, key, "has a number above %u, or a range that runs backwards",
				  CPU_SET_MAX - 1);
	if (code < 0 || cpu_set_empty(set))
		return json_error(place, key, "must be a list such as \"0-3,8\"");
	return 0;
}

/* "0": "2-3": vCPUs by their number. */
static int read_vcpupin(const struct json_place *cpus, struct guest_wants *wants)
{
	struct json_place place;
	const cJSON *item;
	int code = json_object(cpus, "vcpupin", &place);

	if (code < 0 || !place.object)
		return code;
	wants->vcpu_pins = calloc(WANTS_VCPUS_MAX, sizeof(*wants->vcpu_pins));
	if (!wants->vcpu_pins)
		return error_set(cpus->err, -ENOMEM, "%s: out of memory", cpus->source);
	cJSON_ArrayForEach(item, place.object)
	{
		unsigned most = wants->vcpus ? wants->vcpus : WANTS_VCPUS_MAX;
		char *end;
		unsigned long vcpu = strtoul(item->string, &end, 10);

		if (item->string[0] < '0' || item->string[0] > '9' || *end || vcpu >= most ||
		    (item->string[0] == '0' && item->string[1]))
			return json_error(&place, item->string, "is no vCPU: they are 0 to %u", most - 1);
		code = read_set(&place, item->string, &wants->vcpu_pins[vcpu]);
		if (code < 0)
			return code;
	}
	return 0;
}

static int read_quota(const struct json_place *cpus, struct guest_wants *wants)
{
	int code;

	wants->period_us = WANTS_PERIOD_DEFAULT;
	if ((code = json_uint(cpus, "global_period", WANTS_PERIOD_MIN, WANTS_PERIOD_MAX, &wants->period_us)) <
		    0 ||
	    (code = json_uint(cpus, "global_quota", WANTS_QUOTA_MIN, WANTS_QUOTA_MAX, &wants->quota_us)) < 0)
		return code;
	if (!wants->quota_us && cJSON_HasObjectItem(cpus->object, "global_period"))
		return json_error(cpus, "global_period", "needs global_quota: how much of each?");
	return 0;
}

static int read_pins(const struct json_place *cpus, struct guest_wants *wants)
{
	int code;

	if ((code = read_set(cpus, "pin", &wants->pin)) < 0 || (code = read_vcpupin(cpus, wants)) < 0 ||
	    (code = read_set(cpus, "emulatorpin", &wants->emulator_pin)) < 0)
		return code;
	if (wants->exclusive && wants->vcpu_pins)
		return json_error(cpus, "vcpupin",
				  "and placement exclusive exclude each other: that pins each vCPU");
	return 0;
}

static int read_cpus(const struct json_place *root, struct guest_wants *wants)
{
	static const char *const keys[] = {"placement",   "pin",           "weight",       "vcpupin",
					   "emulatorpin", "global_period", "global_quota", NULL};
	uint64_t weight = WANTS_WEIGHT_DEFAULT;
	unsigned exclusive = 0;
	struct json_place place;
	int code = json_object(root, "cpus", &place);

	wants->weight = WANTS_WEIGHT_DEFAULT;
	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 ||
	    (code = json_word(&place, "placement", placement_words, &exclusive)) < 0 ||
	    (code = json_uint(&place, "weight", 1, WANTS_WEIGHT_MAX, &weight)) < 0 ||
	    (code = read_quota(&place, wants)) < 0)
		return code;
	wants->exclusive = exclusive;
	wants->weight = (unsigned)weight;
	return read_pins(&place, wants);
}

static int read_numa(const struct json_place *root, struct guest_wants *wants)
{
	static const char *const keys[] = {"nodes", "mode", NULL};
	unsigned mode = NUMA_STRICT;
	struct json_place place;
	int code = json_object(root, "numa", &place);

	if (code < 0 || !place.object)
		return code;
	if ((code = json_keys(&place, keys)) < 0 || (code = read_set(&place, "nodes", &wants->nodes)) < 0 ||
	    (code = json_word(&place, "mode", mode_words, &mode)) < 0)
		return code;
	if (cpu_set_empty(&wants->nodes))
		return json_error(&place, "nodes", "is missing: memory of which nodes?");
	wants->numa_mode = (enum numa_mode)mode;
	return 0;
}

/* true is what libvirt's <hugepages/> without a size is: the usual kind, 2 MiB. */
static int read_backing(const struct json_place *root, struct guest_wants *wants)
{
	static const char *const keys[] = {"hugepages", NULL};
	static const char *const words[] = {"2M", "1G", NULL};
	const cJSON *item;
	struct json_place place;
	unsigned word = 0;
	int code = json_object(root, "memory_backing", &place);

	if (code < 0 || !place.object || (code = json_keys(&place, keys)) < 0)
		return code;
	item = cJSON_GetObjectItemCaseSensitive(place.object, "hugepages");
	if (!item || cJSON_IsFalse(item))
		return 0;
	if (!cJSON_IsTrue(item) && json_word(&place, "hugepages", words, &word) < 0)
		return json_error(&place, "hugepages", "must be true, false, \"2M\" or \"1G\"");
	wants->pages = word == 0 ? PAGES_2M : PAGES_1G;
	return 0;
}

void wants_free(struct guest_wants *wants)
{
	free(wants->vcpu_pins);
	wants->vcpu_pins = NULL;
}

unsigned wants_vcpus_now(const struct guest_wants *wants)
{
	return wants->current_vcpus ? wants->current_vcpus : wants->vcpus;
}

int wants_read(const struct json_place *root, struct guest_wants *wants, struct cpu_topology *topology)
{
	uint64_t vcpus = 0, current = 0;
	int code;

	if ((code = json_uint(root, "vcpus", 1, WANTS_VCPUS_MAX, &vcpus)) < 0 ||
	    (code = json_uint(root, "current_vcpus", 1, WANTS_VCPUS_MAX, &current)) < 0 ||
	    (code = read_topology(root, vcpus, wants, topology)) < 0 ||
	    (code = json_uint(root, "memory_mib", WANTS_MEMORY_MIN, WANTS_MEMORY_MAX, &wants->memory_mib)) <
		    0)
		return code;
	wants->vcpus = wants->topology ? topology_vcpus(topology) : (unsigned)vcpus;
	if ((code = read_cpus(root, wants)) < 0 || (code = read_numa(root, wants)) < 0 ||
	    (code = read_backing(root, wants)) < 0)
		return code;
	wants->current_vcpus = (unsigned)current;
	if (current && !wants->vcpus)
		return json_error(root, "current_vcpus", "needs vcpus: what is the most?");
	if (current > wants->vcpus)
		return json_error(root, "current_vcpus", "is more than vcpus, which is %u", wants->vcpus);
	return 0;
}
