/* What a plan changes against what runs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "vmm/plan/diff.h"

static struct row_input *row;
static struct plan plan;
static struct error err;

/* Guests S and web on a host of 4 CPUs with 3584 MiB for them: web has 1 vCPU and 512 MiB, S the rest. */
static void setup(void)
{
	row = row_read("4x1 4096", "server", "S web");
	cr_assert_eq(plan_make(&row->input, &plan, &err), 0, "%s", err.text);
}

static void teardown(void)
{
	plan_free(&plan);
	free(row);
}

TestSuite(diff, .init = setup, .fini = teardown);

/* As planned. */
static struct plan_running as_planned(const char *name)
{
	const struct plan_guest *guest = plan_find(&plan, name);

	return (struct plan_running){
		.name = name,
		.runs = true,
		.vcpus = guest->vcpus,
		.memory_mib = guest->memory_mib,
		.cpus = guest->placement.cpus,
		.weight = guest->placement.weight,
		.pages_known = true,
		.nodes_known = true,
		.pages = guest->placement.pages,
	};
}

static void differ(const struct plan_running *running, unsigned count, const char *wanted)
{
	struct plan_changes changes;
	char text[1024] = "";

	cr_assert_eq(plan_diff(&plan, running, count, &changes), 0);
	for (unsigned i = 0; i < changes.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %s %s>%s%s", i ? "; " : "",
			 changes.items[i].guest, changes.items[i].what, changes.items[i].from,
			 changes.items[i].to, changes.items[i].live ? " live" : "");
	cr_assert_str_eq(text, wanted);
	plan_changes_free(&changes);
}

Test(diff, what_runs_as_planned_does_not_change)
{
	struct plan_running running[] = {as_planned("S"), as_planned("web")};

	differ(running, 2, "");
}

Test(diff, numbers_change_at_the_next_start_cpus_and_weight_at_once)
{
	struct plan_running running[] = {as_planned("S"), as_planned("web")};

	running[0].vcpus = 4;
	running[0].memory_mib = 3584;
	cpu_set_parse("0-1", &running[0].cpus);
	running[1].weight = 50;
	running[1].pages = PAGES_2M;
	cpu_set_parse("0", &running[1].nodes);
	differ(running, 2,
	       "S vcpus 4>3; S memory_mib 3584>3072; S cpus 0-1>0-3 live; "
	       "web weight 50>100 live; web pages 2M>4K; web nodes 0>any");
}

Test(diff, memory_that_the_plan_chose_changes_at_once_with_a_balloon)
{
	struct plan_running running[] = {as_planned("S"), as_planned("web")};

	running[0].memory_mib = running[0].live_mib = 3584;
	differ(running, 2, "S memory_mib 3584>3072 live");
	running[0].memory_mib = 1024;
	differ(running, 2, "S memory_mib 1024>3072 live");
	running[0].live_mib = 2048; /* it was started with no more, or somebody said so */
	differ(running, 2, "S memory_mib 1024>2048 live; S memory_mib 2048>3072");
	running[0].memory_mib = 2048;
	differ(running, 2, "S memory_mib 2048>3072");
	running[0].memory_mib = 3584;
	differ(running, 2, "S memory_mib 3584>2048 live; S memory_mib 2048>3072");
	running[0].memory_mib = running[0].live_mib = 3072;
	differ(running, 2, "");
}

Test(diff, memory_that_a_definition_says_changes_at_the_next_start)
{
	struct plan_running running[] = {as_planned("S"), as_planned("web")};

	running[1].memory_mib = running[1].live_mib = 768;
	differ(running, 2, "web memory_mib 768>512");
}

Test(diff, what_is_not_known_is_not_compared)
{
	struct plan_running running[] = {{.name = "S", .runs = true, .vcpus = 2},
					 {.name = "web", .runs = true}};

	differ(running, 2, "S vcpus 2>3");
}

Test(diff, guests_come_and_go)
{
	struct plan_running running[] = {as_planned("S"), {.name = "old", .runs = true}, {.name = "off"}};

	differ(running, 3, "web guest >added; old guest running>not in this mode");
	differ(NULL, 0, "S guest >added; web guest >added");
}

Test(diff, guest_that_is_off_does_not_change)
{
	struct plan_running running[] = {as_planned("S"), as_planned("web")};

	running[0].runs = false;
	running[0].vcpus = 17;
	differ(running, 2, "");
}

/* --- A start beside what runs --- */

Test(diff, start_waits_for_memory_that_another_holds)
{
	struct plan_running running[] = {as_planned("S"), {.name = "web"}};

	cr_assert_eq(plan_check_start(&plan, running, 2, "web", true, &err), 0);
	running[0].memory_mib = 3584;
	cr_assert_eq(plan_check_start(&plan, running, 2, "web", true, &err), -ENOSPC);
	cr_assert_str_eq(err.text,
			 "guest web: memory_mib: of its 512 MiB only 0 are free while guest S has 3584, of "
			 "which the plan leaves it 3072: shut that one down or reboot it first");
	running[0].runs = false;
	cr_assert_eq(plan_check_start(&plan, running, 2, "web", true, &err), 0);
}

Test(diff, start_waits_for_those_that_can_give_back)
{
	struct plan_running running[] = {as_planned("S"), {.name = "old", .runs = true}};

	running[0].memory_mib = running[0].live_mib = 3500;
	cr_assert_eq(plan_check_start(&plan, running, 1, "web", true, &err), -EAGAIN);
	cr_assert_str_eq(err.text,
			 "waits for memory: of its 512 MiB only 84 are free while guest S has 3500, of "
			 "which the plan leaves it 3072");
	cr_assert_eq(plan_check_start(&plan, running, 1, "web", true, NULL), -EAGAIN);
	cr_assert_eq(plan_check_start(&plan, running, 1, "web", false, &err), -ENOSPC);
	cr_assert_str_eq(
		err.text,
		"guest web: memory_mib: of its 512 MiB only 84 are free while guest S has 3500, of which "
		"the plan leaves it 3072: it has not given back the rest");
	running[1].memory_mib = 84; /* no part of it comes back, and S gives what is not its */
	cr_assert_eq(plan_check_start(&plan, running, 2, "web", true, &err), -ENOSPC);
	running[0].memory_mib = 3072;
	cr_assert_eq(plan_check_start(&plan, running, 1, "web", true, &err), 0);
}

Test(diff, what_is_free_is_what_nobody_has)
{
	struct plan_running running[] = {as_planned("S"), as_planned("web"), {.name = "old", .runs = true}};

	cr_assert_eq(plan_free_now(&plan, running, 3), 0);
	running[0].memory_mib = 1024;
	running[2].memory_mib = 48;
	cr_assert_eq(plan_free_now(&plan, running, 3), 2000);
	running[1].runs = false;
	cr_assert_eq(plan_free_now(&plan, running, 3), 2512);
	running[2].pages = PAGES_2M;
	running[2].pages_known = true;
	cr_assert_eq(plan_free_now(&plan, running, 3), 2560);
	running[2].pages = PAGES_NORMAL;
	running[2].memory_mib = 100000;
	cr_assert_eq(plan_free_now(&plan, running, 3), 0);
}

Test(diff, start_of_one_that_holds_too_much_is_no_obstacle_to_itself)
{
	struct plan_running running[] = {as_planned("S")};

	running[0].memory_mib = 4000;
	cr_assert_eq(plan_check_start(&plan, running, 1, "S", true, &err), 0);
}

Test(diff, huge_pages_are_another_stock)
{
	struct plan_running running[] = {as_planned("S")};

	running[0].memory_mib = 3584;
	running[0].pages = PAGES_2M;
	cr_assert_eq(plan_check_start(&plan, running, 1, "web", true, &err), 0);
}

Test(diff, guest_that_leaves_holds_memory_until_it_is_off)
{
	struct plan_running running[] = {as_planned("S"), {.name = "old", .runs = true, .memory_mib = 512}};

	cr_assert_eq(plan_check_start(&plan, running, 2, "web", true, &err), -ENOSPC);
	cr_assert(strstr(err.text, "while guest old has 512, of which the plan leaves it 0"), "%s", err.text);
}

Test(diff, guest_of_another_mode_does_not_start)
{
	cr_assert_eq(plan_check_start(&plan, NULL, 0, "D", true, &err), -EINVAL);
	cr_assert_str_eq(err.text, "guest D: does not run in server mode");
}
