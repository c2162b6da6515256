/* From definitions to a plan and back; a guest's numbers as JSON. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "vmm/plan/apply.h"
#include "vmm/plan/report.h"

static struct error err;

static struct guest_definition *define(const char *keys)
{
	struct guest_definition *definition = NULL;
	char text[512];

	snprintf(text, sizeof(text), "{\"image\":\"i\",%s}", keys);
	cr_assert_eq(definition_parse("test.json", "/", text, &definition, &err), 0, "%s", err.text);
	return definition;
}

/* The plan of these definitions on a host, applied to them. */
static void apply(const char *host, struct guest_definition **definitions, unsigned count)
{
	struct row_input *row = row_read(host, "server", "");
	struct plan plan;

	cr_assert_eq(plan_make_for(&row->host, MODE_SERVER, &row->policy, definitions, count, &plan, &err), 0,
		     "%s", err.text);
	for (unsigned i = 0; i < count; i++)
		plan_apply_definition(plan_find(&plan, definitions[i]->name), definitions[i]);
	plan_free(&plan);
	free(row);
}

Test(apply, definitions_get_their_numbers_and_can_be_planned_again)
{
	struct guest_definition *definitions[] = {
		define("\"name\":\"server\""),
		define("\"name\":\"db\",\"role\":\"guest\",\"vcpus\":2,\"cpus\":{\"placement\":\"exclusive\"}"),
	};

	for (unsigned turn = 0; turn < 2; turn++) {
		apply("4x2 16384", definitions, 2);
		cr_assert_eq(definitions[0]->topology.cores, 6);
		cr_assert_eq(definitions[0]->topology.threads, 1);
		cr_assert_eq(definitions[0]->memory_mib, 13824);
		cr_assert_eq(definitions[1]->topology.cores, 1);
		cr_assert_eq(definitions[1]->topology.threads, 2, "it has both threads of a core");
		cr_assert_eq(definitions[1]->placement.pins[1], 4);
	}
	apply("4x2 8192", definitions, 2);
	cr_assert_eq(definitions[0]->memory_mib, 6656);
	definition_free(definitions[0]);
	definition_free(definitions[1]);
}

Test(apply, topology_of_a_definition_stays)
{
	struct guest_definition *definition =
		define("\"name\":\"db\",\"role\":\"guest\",\"topology\":{\"sockets\":2},"
		       "\"cpus\":{\"placement\":\"exclusive\"}");

	apply("4x2 16384", &definition, 1);
	cr_assert_eq(definition->topology.sockets, 2);
	cr_assert_eq(definition->topology.threads, 1);
	cr_assert_eq(definition->placement.pin_count, 2);
	definition_free(definition);
}

Test(apply, live_change_leaves_what_cannot_change)
{
	struct guest_definition *definition = define("\"name\":\"server\",\"cpus\":{\"weight\":200}");
	struct plan_guest guest = {
		.name = "server",
		.vcpus = 9,
		.threads = 1,
		.memory_mib = 64,
		.placement = {.weight = 300, .pages = PAGES_1G, .nodes = {.words = {2}}},
	};

	cpu_set_parse("2-3", &guest.placement.cpus);
	definition->placement.nodes.words[0] = 1;
	plan_apply_live(&guest, definition);
	cr_assert_eq(topology_vcpus(&definition->topology), 1);
	cr_assert_eq(definition->memory_mib, DEFINITION_MEMORY_MIB);
	cr_assert_eq(definition->placement.pages, PAGES_NORMAL);
	cr_assert_eq(definition->placement.nodes.words[0], 1);
	cr_assert_eq(definition->placement.weight, 300);
	cr_assert(cpu_set_equal(&definition->placement.cpus, &guest.placement.cpus));
	definition_free(definition);
}

Test(apply, alone_nothing_is_limited_but_by_the_host)
{
	struct guest_definition *definition = define("\"name\":\"a\",\"vcpus\":200,\"memory_mib\":1048576");

	cr_assert_eq(plan_apply_alone(definition, &err), 0);
	cr_assert_eq(topology_vcpus(&definition->topology), 200);
	cr_assert(cpu_set_empty(&definition->placement.cpus));
	definition_free(definition);
	definition = define("\"name\":\"a\",\"cpus\":{\"pin\":\"1023\"}");
	cr_assert_eq(plan_apply_alone(definition, &err), -EINVAL);
	cr_assert(strstr(err.text, "guest a: cpus.pin: 1023 is not all there"), "%s", err.text);
	definition_free(definition);
}

/* --- As JSON --- */

Test(report, numbers_survive_a_manager)
{
	struct guest_definition *first =
		define("\"name\":\"db\",\"role\":\"guest\",\"vcpus\":2,\"memory_mib\":2048,"
		       "\"cpus\":{\"placement\":\"exclusive\",\"weight\":7},"
		       "\"numa\":{\"nodes\":\"1\",\"mode\":\"interleave\"},"
		       "\"memory_backing\":{\"hugepages\":true}");
	struct guest_definition *second = define("\"name\":\"db\"");
	cJSON *json = cJSON_CreateObject();

	apply("2x2*2 16384 2M=4096", &first, 1);
	cJSON_AddNumberToObject(json, "memory_mib", (double)first->memory_mib);
	plan_describe_placement(json, first);
	cr_assert_eq(plan_restore_numbers(json, second), 0);
	cr_assert_eq(second->memory_mib, 2048);
	cr_assert_eq(memcmp(&second->topology, &first->topology, sizeof(first->topology)), 0);
	cr_assert_eq(second->placement.pin_count, 2);
	cr_assert_eq(memcmp(second->placement.pins, first->placement.pins, 2 * sizeof(uint16_t)), 0);
	cr_assert(cpu_set_equal(&second->placement.cpus, &first->placement.cpus));
	cr_assert(cpu_set_equal(&second->placement.nodes, &first->placement.nodes));
	cr_assert_eq(second->placement.pages, PAGES_2M);
	cr_assert_eq(second->placement.numa_mode, NUMA_INTERLEAVE);
	cr_assert_eq(second->placement.weight, 7);
	cJSON_Delete(json);
	definition_free(first);
	definition_free(second);
}

Test(report, what_is_no_number_of_a_guest_changes_nothing)
{
	static const char *const texts[] = {
		"{\"memory_mib\":64,\"weight\":0}",
		"{\"memory_mib\":64,\"pages\":\"3M\"}",
		"{\"memory_mib\":64,\"cpus\":\"x\"}",
		"{\"memory_mib\":64,\"nodes\":7}",
		"{\"memory_mib\":64,\"pins\":[1024]}",
		"{\"memory_mib\":64,\"pins\":{}}",
		"{\"memory_mib\":64,\"topology\":[]}",
		"{\"memory_mib\":64,\"topology\":{\"cores\":0}}",
		"{\"memory_mib\":1e300}",
		"{\"memory_mib\":64.5}",
		"{\"memory_mib\":64,\"numa_mode\":\"\"}",
		"{\"memory_mib\":64,\"topology\":{\"cores\":99,\"threads\":9}}",
	};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct guest_definition *definition = define("\"name\":\"a\"");
		cJSON *json = cJSON_Parse(texts[i]);

		cr_assert_not_null(json);
		cr_assert_eq(plan_restore_numbers(json, definition), -EINVAL, "%s", texts[i]);
		cr_assert_eq(definition->memory_mib, DEFINITION_MEMORY_MIB);
		cJSON_Delete(json);
		definition_free(definition);
	}
}

Test(report, running_guests_of_a_list)
{
	cJSON *json =
		cJSON_Parse("{\"name\":\"a\",\"state\":\"running\",\"pid\":7,\"vcpus\":2,\"memory_mib\":512,"
			    "\"cpus\":\"0-1\",\"weight\":100,\"pages\":\"4K\"}");
	struct plan_running running;

	cr_assert_eq(plan_running_from_json(json, &running), 0);
	cr_assert_str_eq(running.name, "a");
	cr_assert(running.runs);
	cr_assert_eq(running.vcpus, 2);
	cr_assert(running.pages_known && running.nodes_known);
	cJSON_Delete(json);
	json = cJSON_Parse("{\"name\":\"a\",\"state\":\"off\",\"vcpus\":2}");
	cr_assert_eq(plan_running_from_json(json, &running), 0);
	cr_assert_not(running.runs);
	cr_assert_not(running.pages_known);
	cJSON_Delete(json);
	json = cJSON_Parse("{\"vcpus\":2}");
	cr_assert_eq(plan_running_from_json(json, &running), -EINVAL);
	cJSON_Delete(json);
}
