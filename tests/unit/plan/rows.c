#include "rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wrong(const char *text)
{
	fprintf(stderr, "row: cannot read \"%s\"\n", text);
	abort();
}

static void read_host(const char *text, struct inventory *host)
{
	unsigned cores, threads, nodes = 1, pages_2m = 0, pages_1g = 0;
	const char *words = strchr(text, ' ');

	if (sscanf(text, "%ux%u*%u", &cores, &threads, &nodes) < 2 || !words)
		wrong(text);
	host->memory_mib = strtoull(words, NULL, 10);
	for (; words; words = strchr(words + 1, ' ')) {
		sscanf(words, " 2M=%u", &pages_2m);
		sscanf(words, " 1G=%u", &pages_1g);
	}
	for (unsigned cpu = 0; cpu < cores * threads * nodes; cpu++) {
		unsigned core = cpu % (cores * nodes), node = core / cores;

		cpu_set_add(&host->cpus, cpu);
		host->core[cpu] = core;
		host->node[cpu] = host->package[cpu] = node;
		cpu_set_add(&host->node_info[node].cpus, cpu);
	}
	for (unsigned node = 0; node < nodes; node++) {
		struct inventory_node *info = &host->node_info[node];

		cpu_set_add(&host->nodes, node);
		info->memory_mib = host->memory_mib / nodes;
		info->huge_2m = (struct inventory_pool){pages_2m / nodes, pages_2m / nodes};
		info->huge_1g = (struct inventory_pool){pages_1g / nodes, pages_1g / nodes};
	}
}

static void read_division(const char *text, struct row_input *row)
{
	double over_cpus = 1, over_memory = 1;

	row->policy = policy_default();
	row->input.mode = strncmp(text, "desktop", 7) == 0 ? MODE_DESKTOP : MODE_SERVER;
	for (const char *word = strchr(text, ' '); word; word = strchr(word + 1, ' ')) {
		char cpus[16], memory[16];

		if (sscanf(word, " reserve=%15[^,],%15s", cpus, memory) == 2) {
			row->policy.reserve_cpus = *cpus == '-' ? POLICY_UNSAID : strtoul(cpus, NULL, 10);
			row->policy.reserve_mib = *memory == '-' ? POLICY_UNSAID : strtoul(memory, NULL, 10);
		} else if (sscanf(word, " over=%lf,%lf", &over_cpus, &over_memory) != 2 &&
			   sscanf(word, " percent=%u", &row->policy.server_percent) != 1) {
			wrong(word);
		}
	}
	row->policy.overcommit_cpus = (unsigned)(over_cpus * 100 + 0.5);
	row->policy.overcommit_memory = (unsigned)(over_memory * 100 + 0.5);
}

static void read_attribute(const char *word, struct guest_wants *wants)
{
	struct cpu_set *set = *word == 'p' ? &wants->pin : &wants->nodes;
	unsigned long long requested, devices;

	if (sscanf(word, "m%llu,%llu", &requested, &devices) == 2) {
		wants->requested_mib = requested;
		wants->devices_mib = devices;
		return;
	}
	if (*word == 'M') {
		wants->max_mib = strtoull(word + 1, NULL, 10);
		return;
	}
	if (strcmp(word, "x") == 0)
		wants->exclusive = true;
	else if (strcmp(word, "2M") == 0)
		wants->pages = PAGES_2M;
	else if (strcmp(word, "1G") == 0)
		wants->pages = PAGES_1G;
	else if (!strchr("pnNi", *word) || cpu_set_parse(word + 1, set) < 0)
		wrong(word);
	if (*word == 'N' || *word == 'i')
		wants->numa_mode = *word == 'N' ? NUMA_PREFERRED : NUMA_INTERLEAVE;
}

static void read_guest(char *text, struct row_input *row)
{
	unsigned i = row->input.count++;
	struct guest_wants *wants = &row->guest_wants[i];
	char *attribute = text, *word = strsep(&attribute, "/"), *numbers = strchr(word, '=');

	if (numbers) {
		*numbers++ = '\0';
		wants->vcpus = (unsigned)strtoul(numbers, NULL, 10);
		numbers = strchr(numbers, ',');
		wants->memory_mib = numbers ? strtoull(numbers + 1, NULL, 10) : 0;
	}
	snprintf(row->names[i], sizeof(row->names[i]), "%s", word);
	wants->weight = WANTS_WEIGHT_DEFAULT;
	while ((word = strsep(&attribute, "/")))
		read_attribute(word, wants);
	row->wants[i] = (struct plan_want){
		.name = row->names[i],
		.role = *row->names[i] == 'S'   ? GUEST_ROLE_SERVER
			: *row->names[i] == 'D' ? GUEST_ROLE_DESKTOP
						: GUEST_ROLE_GUEST,
		.wants = wants,
	};
}

struct row_input *row_read(const char *host, const char *division, const char *guests)
{
	struct row_input *row = calloc(1, sizeof(*row));
	char *copy = strdup(guests), *rest = copy, *word;

	if (!row || !copy)
		abort();
	read_host(host, &row->host);
	read_division(division, row);
	while ((word = strsep(&rest, " "))) {
		if (*word)
			read_guest(word, row);
	}
	free(copy);
	row->input.host = &row->host;
	row->input.policy = &row->policy;
	row->input.wants = row->wants;
	return row;
}

static void append(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, ROW_TEXT_MAX - used, format, args);
	va_end(args);
}

static void append_guest(char *text, const struct plan_guest *guest)
{
	char set[CPU_SET_TEXT_MAX];

	append(text, "%s %u@%s", guest->name, guest->vcpus, cpu_set_format(&guest->placement.cpus, set));
	for (unsigned i = 0; i < guest->placement.pin_count; i++)
		append(text, "%c%u", i ? '.' : ':', guest->placement.pins[i]);
	if (guest->threads > 1)
		append(text, "t%u", guest->threads);
	append(text, " %llu", (unsigned long long)guest->memory_mib);
	if (!cpu_set_empty(&guest->placement.nodes))
		append(text, " n%s", cpu_set_format(&guest->placement.nodes, set));
	if (guest->placement.pages != PAGES_NORMAL)
		append(text, " %s", page_kind_name(guest->placement.pages));
	append(text, " | ");
}

const char *row_plan(const struct row_input *input, char text[ROW_TEXT_MAX])
{
	struct error err = {0};
	struct plan plan;

	text[0] = '\0';
	if (plan_make(&input->input, &plan, &err) < 0) {
		append(text, "! %s", err.text);
		return text;
	}
	for (unsigned i = 0; i < plan.count; i++)
		append_guest(text, &plan.guests[i]);
	append(text, "left %u %llu", plan.left_cpus, (unsigned long long)plan.left_mib);
	if (plan.pool_mib)
		append(text, " %llu", (unsigned long long)plan.left_pool_mib);
	plan_free(&plan);
	return text;
}
